"""Keeps phrases out of what people read that are not plain English, or that say the opposite of what they mean.

It reads messages, docstrings and comments of the package and of the example DAGs, and the documentation without its
code.
``python -m scripts.wording`` names each place, and what to write instead.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from typing import TYPE_CHECKING

from scripts.terminal import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PHRASES = {
    r"\bshall\b": "must, should, may or can",
    r"\bin vain\b": "without success",
    r"\bfor good\b": "permanently",
    r"(?<!there )\bis no (?!longer\b|more\b|less\b|such\b)\w+": "is not a ...",
    r"(?<!there )\bare no (?!longer\b|more\b|less\b|such\b)\w+": "are not ..., or there are none",
    r"\bbehind the\b": "past (a stage), or after (a row)",
    r"\btold\b": "said, reported or logged",
    r"\bgo(?:es|ing)? on\b(?! being\b)": "continues or resumes",
    r"\bwhoever\b": "an entity that, or anybody who",
    r"\bslips? of the pen\b": "a typo",
    r"\bsome (?:hundred|thousand)\b": "about 100, about 1,000",
    r"\bcannot be had\b": "is not available, or cannot work",
    r"\b(?:any|one|will) (?:of them )?will do\b": "any of which is accepted",
}
"""Phrase, as a regular expression -> what to write instead."""
TEXT_FILES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md")
CODE_FILES = ("airflow_provider_bitrix24/**/*.py", "example_dags/**/*.py")
_CODE = re.compile(r"^```.*?^```[^\n]*$|`[^`\n]*`", flags=re.DOTALL | re.MULTILINE)


def texts_of_page(page: str) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the lines of a page, without its code."""
    without = _CODE.sub(lambda code: "\n" * code[0].count("\n"), page)
    yield from enumerate(without.splitlines(), start=1)


def texts_of_module(source: str) -> Iterator[tuple[int, str]]:
    """Yield (number of the first line, text) of the strings of a module, docstrings among them, and of its comments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, _CODE.sub("", node.value)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], _CODE.sub("", token.string)


def found_in(texts: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    """Yield (number of the line, phrase, what to write instead)."""
    for number, text in texts:
        for phrase, instead in PHRASES.items():
            for match in re.finditer(phrase, text, flags=re.IGNORECASE):
                yield number + text[: match.start()].count("\n"), " ".join(match[0].split()), instead


def problems(root: Path) -> list[str]:
    """Name each phrase below a folder that should be replaced."""
    found = []
    for patterns, read in ((TEXT_FILES, texts_of_page), (CODE_FILES, texts_of_module)):
        for path in sorted({path for pattern in patterns for path in root.glob(pattern)}):
            for number, phrase, instead in found_in(read(path.read_text(encoding="utf-8"))):
                found.append(f"{path.relative_to(root)}:{number}: {phrase!r}: write {instead}.")
    return found


if __name__ == "__main__":
    lines = problems(ROOT)
    print("\n".join(lines) or "No phrase to replace.")
    sys.exit(bool(lines))
