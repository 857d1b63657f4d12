"""How Sphinx builds the site: ``make site``. The Russian edition is built from ``docs/ru`` with the tag ``ru``."""

from __future__ import annotations

import json
import os
import re
from gettext import NullTranslations
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from airflow_provider_bitrix24 import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "airflow-provider-bitrix24"
author = "The airflow-provider-bitrix24 authors"
project_copyright = f"{author}, Apache License 2.0"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton", "sphinx_llms_txt", "scripts.api_reference"]
exclude_patterns = ["ru"]

myst_heading_anchors = 4
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
toc_object_entries_show_parents = "hide"
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["_static"]
html_logo = html_favicon = "integration-logos/bitrix24.svg"
html_css_files = ["site.css"]
html_show_sourcelink = False

# Relative to llms.txt itself, which each edition has in its own folder.
llms_txt_uri_template = "_sources/{docname}{suffix}{sourcelink_suffix}"

_ROOT = Path(__file__).parents[1]
_PAGES_OF_FILES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
}
_INCLUDED = re.compile(r"^```\{include\} \.\./(\w+\.md)\n```$", flags=re.MULTILINE)
_LINK = re.compile(r"(!?)\[([^]]*)\]\(([^)#\s:]+)(#[^)\s]*)?\)")
_ANCHOR = re.compile(r'^<a id="([^"]+)"></a>$', flags=re.MULTILINE)
_ONLY_HERE = re.compile(r"^<!-- only on the site\n(.*?)^-->$", flags=re.MULTILINE | re.DOTALL)


def setup(app: Sphinx) -> None:
    """Let pages that are written for forges, too, become pages of the site."""
    app.connect("source-read", _adapt)
    app.connect("builder-inited", _translate_theme)
    app.connect("build-finished", _translate_llms, priority=900)  # after sphinx_llms_txt has written it
    app.connect("build-finished", _translate_labels)


class _ThemeTexts(NullTranslations):
    """What the theme says in English only: Sphinx brings translations of its own texts, and the theme none."""

    _texts: ClassVar[dict[str, str]] = json.loads((Path(__file__).parent / "ru" / "theme.json").read_text("utf-8"))

    def gettext(self, message: str) -> str:
        return self._texts.get(message, message)


def _translate_theme(app: Sphinx) -> None:
    if app.config.language == "ru":
        app.translator.add_fallback(_ThemeTexts())


def _translate_labels(app: Sphinx, error: Exception | None) -> None:
    """Translate what the theme's templates say to screen readers without asking for a translation."""
    if app.config.language != "ru" or error is not None:
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        page.write_text(
            re.sub(r'(?<=aria-label=")Toggle [^"]+', lambda found: _ThemeTexts().gettext(found[0]), text), "utf-8"
        )


def _translate_llms(app: Sphinx, error: Exception | None) -> None:
    page = Path(app.outdir) / "llms.txt"
    if app.config.language == "ru" and error is None and page.is_file():
        page.write_text(page.read_text("utf-8").replace("\n## Docs\n", "\n## Страницы\n"), "utf-8")


def _adapt(app: Sphinx, page: str, source: list[str]) -> None:
    here = (Path(app.srcdir) / page).parent
    text = _ONLY_HERE.sub(r"\1", source[0])
    text = _INCLUDED.sub(lambda found: _links((_ROOT / found[1]).read_text(encoding="utf-8"), _ROOT, here), text)
    # Forges know anchors in HTML only, and Sphinx labels only.
    source[0] = _ANCHOR.sub(r"(\1)=", _links(text, here, here))


def _links(text: str, written_in: Path, shown_in: Path) -> str:
    def link(found: re.Match[str]) -> str:
        image, label, path, anchor = found[1], found[2], found[3], found[4] or ""
        target = (written_in / path).resolve()
        if target.parent == _ROOT and target.name in _PAGES_OF_FILES:
            target = _ROOT / "docs" / _PAGES_OF_FILES[target.name]
        if not image and not target.is_relative_to(_ROOT / "docs"):
            return label  # it lies in the repository, and not on the site
        if not image and _edition(target) != _edition(shown_in):
            # Each edition is a project of its own for Sphinx; both lie in one folder of the site.
            return f'<a href="{os.path.relpath(target.with_suffix(".html"), shown_in)}{anchor}">{label}</a>'
        return f"{image}[{label}]({os.path.relpath(target, shown_in)}{anchor})"

    return _LINK.sub(link, text)


def _edition(path: Path) -> bool:
    return path.is_relative_to(_ROOT / "docs" / "ru")
