"""Where the package silences a tool, it says why."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "airflow_provider_bitrix24"
SILENCES = re.compile(r"noqa|type: ignore|pragma: no")
SAYS_WHY = re.compile(r"(noqa: [A-Z0-9, ]+ - |type: ignore\[[a-z-]+\]  # |pragma: no cover - )\w")


def comments(path):
    with path.open("rb") as source:
        return [token.string for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT]


def test_silenced_tools_have_a_reason():
    found = [each for path in PACKAGE.rglob("*.py") for each in comments(path) if SILENCES.search(each)]
    assert found
    assert [each for each in found if not SAYS_WHY.search(each)] == []


@pytest.mark.parametrize(
    ("comment", "says_why"),
    [
        ("# noqa: S608", False),
        ("# noqa: S608 - a constant", True),
        ("# type: ignore[misc]", False),
        ("# type: ignore[misc]  # no public name", True),
    ],
)
def test_a_reason_follows_what_is_silenced(comment, says_why):
    assert bool(SAYS_WHY.search(comment)) is says_why
