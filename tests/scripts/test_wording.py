"""The phrases that ``make lint`` keeps out of messages, docstrings and pages."""

from __future__ import annotations

import pytest

from scripts.wording import found_in, texts_of_module, texts_of_page


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("The deal shall move.", ["shall"]),
        ("Extra is no JSON.", ["is no JSON"]),
        ("It is no longer there, and there is no other.", []),
        ("It stands behind the stage.", ["behind the"]),
        ("A move is told, then it goes on\nfor good.", ["told", "goes on", "for good"]),
        ("It waits in\nvain.", ["in vain"]),
        ("Shallow, forgood, retold", []),
    ],
)
def test_a_phrase_is_found_wherever_it_stands(text, phrases):
    assert sorted(phrase for _, phrase, _ in found_in(iter([(1, " ".join(text.split()))]))) == sorted(phrases)


def test_the_code_of_a_page_is_not_read():
    page = "It waits.\n```python\nshall = 1\n```\nIt `shall` wait.\nIt shall wait.\n"

    assert list(found_in(texts_of_page(page))) == [(6, "shall", "must, should, may or can")]


def test_the_strings_and_comments_of_a_module_are_read_and_its_names_are_not():
    module = '"""It shall be.\n\nIt goes on.\n"""\nshall = f"{1} is told"  # in vain\n'

    assert [(number, phrase) for number, phrase, _ in found_in(texts_of_module(module))] == [
        (1, "shall"),
        (3, "goes on"),
        (5, "told"),
        (5, "in vain"),
    ]
