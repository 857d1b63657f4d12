"""Tells which page of the Russian edition fell behind its English page: ``python -m scripts.editions``.

The first line of a Russian page names its English page, or several, and their state that was translated, as a digest
of the prose (code is generated in both editions). After bringing a page up to date, mark it:

    python -m scripts.editions --done docs/ru/quick-start.md
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from pathlib import Path

from scripts.terminal import ROOT

EDITION = ROOT / "docs" / "ru"
_MARK = re.compile(r"\A<!-- edition of (?P<pages>\S+(?: \S+)*): (?P<digest>\w+) -->$", flags=re.MULTILINE)


def behind(edition: list[Path]) -> list[str]:
    """Say of each page that is not marked with the present state of its English page why."""
    found = []
    for page in edition:
        mark = _MARK.search(page.read_text(encoding="utf-8"))
        name = page.relative_to(ROOT)
        if mark is None:
            found.append(f"{name}: the first line names no English page")
        elif missing := [each.name for each in english_pages(page) if not each.is_file()]:
            found.append(f"{name}: there is no {', '.join(missing)}")
        elif _digest_of(page) != mark["digest"]:
            pages = mark["pages"].replace(" ", " or ")
            found.append(f"{name}: {pages} has changed since; bring it up to date, then --done {name}")
    return found


def english_pages(page: Path) -> list[Path]:
    """Return the English pages of which a page is the edition; none if its first line names none."""
    mark = _MARK.search(page.read_text(encoding="utf-8"))
    return [(page.parent / each).resolve() for each in mark["pages"].split()] if mark else []


def _digest_of(page: Path) -> str:
    return digest("\n".join(each.read_text(encoding="utf-8") for each in english_pages(page)))


def digest(page: str) -> str:
    """Digest a page's prose, without code, comments and line breaks."""
    prose = re.sub(r"^```.*?^```|<!--.*?-->", "", page, flags=re.MULTILINE | re.DOTALL)
    return hashlib.sha256(" ".join(prose.split()).encode()).hexdigest()[:12]


def mark_done(page: Path) -> None:
    """Mark a page as up to date.

    :raises ValueError: its first line names no English page.
    """
    text = page.read_text(encoding="utf-8")
    mark = _MARK.search(text)
    if mark is None:
        raise ValueError(f"the first line of {page} has to be <!-- edition of ../PAGE.md: 0 -->")
    done = f"<!-- edition of {mark['pages']}: {_digest_of(page)} -->"
    page.write_text(done + text[mark.end() :], encoding="utf-8")


def pages() -> list[Path]:
    """The pages of the Russian edition that have an English page: all but the entrance."""
    return [ROOT / "README.ru.md", *(page for page in sorted(EDITION.glob("*.md")) if page.name != "index.md")]


def main() -> int:
    """List the pages that fell behind, or mark some as up to date."""
    parser = argparse.ArgumentParser(prog="editions", description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--done", nargs="+", type=Path, metavar="PAGE", help="mark these pages as up to date")
    options = parser.parse_args()
    for page in options.done or ():
        mark_done(page.resolve())
    found = behind(pages())
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
