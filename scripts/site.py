"""Builds the site of the documentation, English and Russian, and checks every link in it: ``make site``.

    python -m scripts.site [FOLDER]        # by default .build/site

Warnings of Sphinx are errors. Links are checked in the pages as they were built, so that a link from one edition to
the other, and an anchor that only Sphinx makes, are checked, too. No address outside the site is asked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from scripts.terminal import BUILD, ROOT, say

DOCS = ROOT / "docs"
EDITIONS = {"en": DOCS, "ru": DOCS / "ru"}
"""Language -> the folder of its pages; the Russian edition lies in ``ru/`` of the site."""


def main() -> int:
    """Build both editions and check their links; returns 1 where something is wrong."""
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD / "site"
    for language, pages in EDITIONS.items():
        if (code := build(language, pages, site if language == "en" else site / language)) != 0:
            return code
    wrong = broken_links(site)
    for line in wrong:
        say(line)
    if not wrong:
        say(f"Every link leads somewhere. Open {site / 'index.html'}.")
    return 1 if wrong else 0


def build(language: str, pages: Path, target: Path) -> int:
    """Build one edition; returns the exit code of Sphinx."""
    with tempfile.TemporaryDirectory() as home:
        # Importing Airflow writes its configuration there.
        environment = os.environ | {"AIRFLOW_HOME": home, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "sphinx", "-b", "html", "-W", "--keep-going", "-q", "-E"]
        command += ["-c", str(DOCS), "-t", language, "-D", f"language={language}", "-d", f"{home}/doctrees"]
        return subprocess.run([*command, str(pages), str(target)], env=environment, cwd=ROOT, check=False).returncode


def broken_links(site: Path) -> list[str]:
    """Name each link of the site, on the page that has it, that leads to no file or no anchor of the site."""
    wrong = []
    for page in sorted(site.rglob("*.html")):
        for link in dict.fromkeys(_read(page).links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.is_file():
                wrong.append(f"{page.relative_to(site)}: {link} leads to no file")
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in _read(target).anchors:
                wrong.append(f"{page.relative_to(site)}: {link} leads to no anchor")
    return wrong


class _Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = {""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors |= {values[name] or "" for name in ("id", "name") if name in values}
        if tag in ("a", "link", "img", "script"):
            self.links += [values[name] or "" for name in ("href", "src") if name in values]


@cache
def _read(page: Path) -> _Page:
    parsed = _Page()
    parsed.feed(page.read_text(encoding="utf-8"))
    return parsed


if __name__ == "__main__":
    sys.exit(main())
