"""The Russian edition beside the English one."""

from __future__ import annotations

import pytest

from scripts import editions
from tests.support.shell_commands import shell_commands


def test_no_russian_page_is_behind_its_english_one():
    assert editions.behind(editions.pages()) == []


@pytest.mark.parametrize("page", editions.pages(), ids=lambda page: page.stem)
def test_a_russian_page_shows_the_commands_of_its_english_ones(page):
    shown = {str(each).replace(".bitrix24.ru", ".bitrix24.com") for each in shell_commands(page.read_text())}
    english = [each.read_text() for each in editions.english_pages(page)]
    assert shown == {str(command) for text in english for command in shell_commands(text)}


def test_a_page_is_behind_until_it_is_marked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(editions, "ROOT", tmp_path)
    english, russian = tmp_path / "page.md", tmp_path / "page.ru.md"
    english.write_text("# Title\n\nA sentence.\n\n```python\ncode = 1\n```\n")
    russian.write_text("<!-- edition of page.md: 0 -->\n# Title\n")
    assert editions.behind([russian]) == [
        "page.ru.md: page.md has changed since; bring it up to date, then --done page.ru.md"
    ]

    editions.mark_done(russian)
    assert editions.behind([russian]) == []

    english.write_text("# Title\n\nA\nsentence.\n\n```python\ncode = 2\n```\n")
    assert editions.behind([russian]) == []

    english.write_text("# Title\n\nAnother sentence.\n")
    assert len(editions.behind([russian])) == 1


def test_a_page_without_an_english_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(editions, "ROOT", tmp_path)
    lost, bare = tmp_path / "lost.ru.md", tmp_path / "bare.ru.md"
    lost.write_text("<!-- edition of lost.md: 0 -->\n")
    bare.write_text("# Title\n")
    assert editions.behind([lost, bare]) == [
        "lost.ru.md: there is no lost.md",
        "bare.ru.md: the first line names no English page",
    ]


def test_a_page_may_be_the_edition_of_several(tmp_path, monkeypatch):
    monkeypatch.setattr(editions, "ROOT", tmp_path)
    one, two, russian = (tmp_path / name for name in ("one.md", "two.md", "page.ru.md"))
    one.write_text("# One\n")
    two.write_text("# Two\n")
    russian.write_text("<!-- edition of one.md two.md: 0 -->\n")
    editions.mark_done(russian)
    assert editions.english_pages(russian) == [one, two]
    assert editions.behind([russian]) == []

    two.write_text("# Three\n")
    assert editions.behind([russian]) == [
        "page.ru.md: one.md or two.md has changed since; bring it up to date, then --done page.ru.md"
    ]
