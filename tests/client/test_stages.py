"""What a reading proves, and which stages an argument names."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.stages import (
    UNKNOWN_MOMENT,
    Snapshot,
    Stage,
    StageInfo,
    arrived,
    check_stage_arguments,
    parse_stages,
    stages_in_words,
)

NEW = Snapshot("NEW", 0, "2026-01-01T00:00:00+03:00")


@pytest.mark.parametrize(
    ("item", "snapshot"),
    [
        ({"id": 1, "stageId": "C5:NEW", "categoryId": 5, "movedTime": "t"}, Snapshot("C5:NEW", 5, "t")),
        ({"id": 1, "stageId": "NEW", "categoryId": "0", "movedTime": ""}, Snapshot("NEW", 0, None)),
        ({"id": 1, "stageId": "DRAFT"}, Snapshot("DRAFT", None, None)),
        ({"id": 1, "stageId": "", "categoryId": None, "movedTime": None}, Snapshot(None, None, None)),
        ({"id": 1, "stageId": "NEW", "categoryId": ""}, Snapshot("NEW", None, None)),
    ],
)
def test_an_item_is_read_as_the_portal_writes_it(item, snapshot):
    assert Snapshot.from_item(item) == snapshot


def test_a_move_shows_in_stage_pipeline_or_time():
    assert not NEW.shows_a_move_since(NEW)
    assert Snapshot("WON", 0, NEW.moved_time).shows_a_move_since(NEW)
    assert Snapshot("NEW", 5, NEW.moved_time).shows_a_move_since(NEW)
    assert Snapshot("NEW", 0, "later").shows_a_move_since(NEW)
    assert not Snapshot("NEW", 0, "later").differs(NEW)


@pytest.mark.parametrize("same", ["2025-12-31T22:00:00+01:00", "2025-12-31T21:00:00Z", "2025-12-31T21:00:00+00:00"])
def test_the_same_moment_in_another_time_zone_is_no_move(same):
    after = Snapshot("NEW", 0, same)
    assert not after.shows_a_move_since(NEW)
    assert after.moved_by(NEW) is None


@pytest.mark.parametrize("other", ["2026-01-01T00:00:00+02:00", "2026-01-01T00:00:00", None])
def test_another_moment_is_a_move_though_it_reads_alike(other):
    assert Snapshot("NEW", 0, other).shows_a_move_since(NEW)


def test_where_the_time_of_the_last_move_was_not_kept_only_the_stage_shows_a_move():
    before = Snapshot("NEW", 0, UNKNOWN_MOMENT)
    assert not NEW.shows_a_move_since(before)
    assert Snapshot("WON", 0, NEW.moved_time).shows_a_move_since(before)


@pytest.mark.parametrize(
    ("after", "expected", "there"),
    [
        (Snapshot("NEW", 0), None, False),
        (Snapshot("NEW", 5), None, True),
        (Snapshot("WON", 0), None, True),
        (Snapshot("WON", 0), frozenset({"WON", "LOSE"}), True),
        (Snapshot("PREPARATION", 0), frozenset({"WON"}), False),
        (Snapshot("won", 0), frozenset({"WON"}), False),
    ],
)
def test_arrived_means_elsewhere_or_at_an_expected_stage(after, expected, there):
    assert arrived(NEW, after, expected) is there


@pytest.mark.parametrize(
    ("given", "stages"),
    [
        (None, None),
        ("C5:WON", {"C5:WON"}),
        (" C5:WON ", {"C5:WON"}),
        ("\ufeffC5:WON\u200b", {"C5:WON"}),
        (["WON", "LOSE", "WON"], {"WON", "LOSE"}),
        (("WON",), {"WON"}),
        ((each for each in ("WON",)), {"WON"}),
        (frozenset({"WON"}), {"WON"}),
    ],
)
def test_an_argument_names_one_stage_or_several(given, stages):
    assert parse_stages("expected_stage", given) == stages


@pytest.mark.parametrize("given", ["", "  ", [], [""], [None], ["WON", 5], 5, {"WON": 1}, b"WON"])
def test_an_argument_without_a_stage_is_refused_by_its_name(given):
    with pytest.raises(ConfigurationError, match="fail_on is"):
        parse_stages("fail_on", given)


@pytest.mark.parametrize("given", ["['WON', 'LOSE']", '["WON"]', "('WON',)", "{'WON'}", ["['WON', 'LOSE']"]])
def test_a_list_that_a_template_turned_into_text_is_refused_as_one(given):
    with pytest.raises(ConfigurationError) as caught:
        parse_stages("expected_stage", given)
    assert "a list that a template turned into text" in caught.value.message
    assert "task.output" in caught.value.hint


def test_a_stage_info_keeps_the_portals_offset():
    info = StageInfo.from_snapshot("DEAL_1", NEW)
    assert (info.target, info.stage, info.category_id) == ("DEAL_1", "NEW", 0)
    assert info.moved_time.isoformat() == "2026-01-01T00:00:00+03:00"
    assert StageInfo.from_snapshot("QUOTE_1", Snapshot("DRAFT")).moved_time is None
    assert StageInfo.from_snapshot("DEAL_1", Snapshot("NEW", 0, "2026-01-01")).moved_time.year == 2026


@pytest.mark.parametrize("text", ["P1D", "2026-01-01/2026-01-02", "soon", "12"])
def test_a_text_that_is_not_a_date_does_not_break_a_reading(text):
    moved = StageInfo.from_snapshot("DEAL_1", Snapshot("NEW", 0, text)).moved_time
    assert moved is None or hasattr(moved, "year")


PIPELINE = [Stage("NEW", "New", None), Stage("WON", "Deal won", "S")]


@pytest.mark.parametrize("half", [{"stageId": 1e30}, {"stageId": "NEW", "categoryId": "x"}, {"movedTime": ["t"]}])
def test_an_item_of_which_a_part_cannot_be_read_is_not_read_at_all(half):
    assert Snapshot.from_item({"id": 1, **half}) is None


@pytest.mark.parametrize(
    ("stages", "or_later", "words"),
    [
        (["WON"], False, "WON"),
        (["WON", "C5:WON"], True, "C5:WON or WON or later"),
        (["D", "C", "B", "A"], False, "A or B or C or 1 more"),
        (["E", "D", "C", "B", "A"], True, "A or B or C or 2 more or later"),
    ],
)
def test_stages_are_named_in_a_sentence(stages, or_later, words):
    assert stages_in_words(stages, or_later=or_later) == words


def test_stages_that_contradict_each_other_are_refused_by_the_names_of_their_arguments():
    check_stage_arguments({"WON"}, or_later=True, fail_on={"LOSE"})
    check_stage_arguments(None, or_later=False, fail_on={"LOSE"})
    for expected, or_later, fail_on, message in (
        (None, True, (), "or_later is given without expected_stage"),
        ({"WON"}, "yes", (), "or_later is 'yes'"),
        ({"WON", "A", "B"}, False, {"A", "B"}, "'A, B' is in expected_stage and in fail_on"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            check_stage_arguments(expected, or_later=or_later, fail_on=fail_on)


@pytest.mark.parametrize(
    ("moved_time", "by"),
    [
        ("2026-01-01T03:00:10+03:00", 1767225611.0),
        (NEW.moved_time, None),
        ("2026-01-01T03:00:10", None),
        ("", None),
        (None, None),
    ],
    ids=["a second after what the portal shows", "the same as before", "without an offset", "empty", "none"],
)
def test_a_move_happened_within_the_second_that_the_portal_shows(moved_time, by):
    assert Snapshot("WON", 0, moved_time).moved_by(NEW) == by
