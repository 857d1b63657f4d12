"""The Russian edition beside the English one."""

from __future__ import annotations

from scripts import editions


def test_no_russian_page_is_behind_its_english_one():
    assert editions.behind(editions.pages()) == []


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
