"""Which commands read which entities, and what their replies say."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.flows.readings import (
    StageReadings,
    chunks,
    collect,
    list_calls,
    pipeline_stages,
    read_window,
)
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.batch import CommandReply
from airflow_provider_bitrix24.client.stages import Pipeline, Snapshot, Stage


@pytest.fixture
def channel():
    return Channel(portal=Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s"))


@given(st.lists(st.sampled_from([1, 2, 7, 31, *range(128, 192)]), max_size=300), st.integers(1, 60))
def test_a_chunk_is_what_one_request_can_read(types, repeat):
    refs = [EntityRef(type_id, number) for number, type_id in enumerate(types * repeat, 1)]
    cut = list(chunks(refs))
    assert [ref for window in cut for ref in window] == refs
    for window in cut:
        calls = list_calls(window)
        assert len(calls) <= 50
        assert all(len(call.params["filter"]["@id"]) <= 50 for call in calls)
    assert len(cut) <= 1 + sum(-(-count // 50) for count in Counter(types * repeat).values()) // 50 * 2


def test_a_full_chunk_holds_2_500_entities_of_one_type():
    cut = list(chunks(EntityRef(2, number) for number in range(1, 5002)))
    assert [len(window) for window in cut] == [2500, 2500, 1]


def test_each_type_is_asked_for_the_fields_it_has():
    calls = {call.params["entityTypeId"]: call.params for call in list_calls([EntityRef(n, 5) for n in (1, 2, 7, 31)])}
    assert {number: params["select"] for number, params in calls.items()} == {
        1: ["id", "stageId", "movedTime"],
        2: ["id", "stageId", "categoryId", "movedTime"],
        7: ["id", "stageId"],
        31: ["id", "stageId", "categoryId", "movedTime"],
    }
    assert calls[2]["start"] == -1
    assert calls[2]["filter"] == {"@id": [5]}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"items": [{"id": 5, "stageId": "NEW"}, {"id": "6", "stageId": "WON"}]}, {5: "NEW", 6: "WON"}),
        ({"items": [{"stageId": "NEW"}, "text", {"id": "x"}, None, {"id": 5, "stageId": "NEW"}]}, {5: "NEW"}),
        ({"items": []}, {}),
        ([], {}),
        (True, {}),
        (None, {}),
    ],
)
def test_rows_that_are_not_entities_are_ignored(value, found):
    calls, reading = list_calls([EntityRef(2, 5), EntityRef(2, 6)]), StageReadings()
    collect(calls, [CommandReply(value)], reading)
    assert reading.found == {EntityRef(2, number): Snapshot(stage) for number, stage in found.items()}


@pytest.mark.parametrize("odd", ["text", None, {}, {"stageId": "NEW"}, {"id": "x"}, {"id": 1e999}, {"id": True}])
def test_a_row_whose_id_cannot_be_read_may_be_any_entity_that_is_not_there_otherwise(odd):
    refs = [EntityRef(2, number) for number in (5, 6, 7)]
    reading = StageReadings()
    collect(list_calls(refs), [CommandReply({"items": [{"id": 5, "stageId": "NEW"}, odd]})], reading)
    assert list(reading.found) == refs[:1]
    assert reading.unreadable == set(refs[1:])
    assert not reading.error(refs[1]).permanent
    assert reading.error(refs[0]) is None


def test_stages_are_sorted_as_the_portal_sorts_them(perform, channel):
    rows = [
        {"STATUS_ID": "WON", "NAME": "Won", "SORT": "100", "SEMANTICS": "S"},
        {"STATUS_ID": "NEW", "NAME": "New", "SORT": "10", "SEMANTICS": None},
        "nonsense",
        {"STATUS_ID": "PREPARATION", "NAME": "Prepare", "SORT": 20, "SEMANTICS": ""},
    ]
    stages = perform(pipeline_stages(channel, 2, 0), ("acquire 1", 0.0), ("send crm.status.list", [{"result": rows}]))
    assert [(stage.id, stage.semantics) for stage in stages] == [("NEW", None), ("PREPARATION", None), ("WON", "S")]


# -- stages that are read along with entities

PIPELINE = Pipeline(2, 5)
ITEM = {"items": [{"id": 5, "stageId": "NEW"}]}
ROWS = [{"STATUS_ID": "C5:NEW", "NAME": "New", "SORT": "10"}]
SPENT = {"error": "OPERATION_TIME_LIMIT", "error_description": ""}


def batch(results, errors=None):
    return {"result": {"result": results, "result_error": errors or []}}


def test_stages_are_read_in_the_same_request_and_only_once(perform, channel):
    reading = perform(
        read_window(channel, [EntityRef(2, 5)], [PIPELINE]),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch({"c1": ROWS}, {"c0": SPENT})]),
        ("log", None),
        ("sleep 10 retry", 10.0),
        ("acquire 1", 10.0),
        ("send batch of 1", [batch({"c0": ITEM})]),
    )
    assert reading.pipelines == {PIPELINE: [Stage("C5:NEW", "New", None)]}
    assert list(reading.found) == [EntityRef(2, 5)]


def test_stages_that_are_refused_are_absent_and_not_asked_for_again(perform, channel):
    answer = batch({"c0": ITEM}, {"c1": SPENT})
    reading = perform(
        read_window(channel, [EntityRef(2, 5)], [PIPELINE]), ("acquire 1", 0.0), ("send batch of 2", [answer])
    )
    assert (reading.pipelines, list(reading.found)) == ({}, [EntityRef(2, 5)])


def test_commands_that_stages_take_leave_fewer_for_entities():
    refs = [EntityRef(2, number) for number in range(1, 5001)]
    assert [len(chunk) for chunk in chunks(refs, room=49)] == [2450, 2450, 100]
