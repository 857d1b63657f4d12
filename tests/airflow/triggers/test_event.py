from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24._tasks.waiting import StageCheck
from airflow_provider_bitrix24.exceptions import LostEventError
from airflow_provider_bitrix24.triggers.event import WaitEvent
from tests.support.damage import each_place

TARGETS = ["DEAL_57", "DEAL_58"]
BOTH_THERE = StageCheck({"DEAL_57": "WON", "DEAL_58": "WON"}, {}, ())
ONE_THERE = StageCheck({"DEAL_57": "WON"}, {"DEAL_58": "NEW"}, ())
ONE_DELETED = StageCheck({"DEAL_57": "WON"}, {}, ("DEAL_58",))


def sent(**parts):
    """Return the payload of an event as Airflow stores it."""
    event = WaitEvent(**{"status": "arrived", "check": BOTH_THERE} | parts)
    return json.loads(json.dumps(event.as_payload()))


@pytest.mark.parametrize(
    "event",
    [
        WaitEvent(status="arrived", check=BOTH_THERE),
        WaitEvent(status="timeout", check=ONE_THERE),
        WaitEvent(status="failed", check=ONE_DELETED, message="DEAL_58: It does not exist."),
        WaitEvent(status="error", check=StageCheck({}, {}, ()), message="No connection.", permanent=True),
    ],
    ids=lambda event: event.status,
)
def test_a_task_reads_what_its_trigger_sent(event):
    payload = json.loads(json.dumps(event.as_payload()))

    assert WaitEvent.read(payload, targets=TARGETS, require="all") == event


@pytest.mark.parametrize(
    ("check", "require", "complete"),
    [
        (BOTH_THERE, "all", True),
        (ONE_THERE, "all", False),
        (ONE_DELETED, "all", False),
        (ONE_THERE, "any", True),
        (StageCheck({}, {"DEAL_57": "NEW"}, ()), "any", False),
        (ONE_DELETED, "each", True),
        (ONE_THERE, "each", False),
    ],
)
def test_arrived_is_believed_only_if_the_entities_are_complete(check, require, complete):
    payload = sent(check=check)

    if complete:
        assert WaitEvent.read(payload, targets=TARGETS, require=require).check == check
    else:
        with pytest.raises(LostEventError, match="does not fit its targets"):
            WaitEvent.read(payload, targets=TARGETS, require=require)


def test_an_entity_that_the_task_did_not_wait_for_makes_the_event_invalid():
    with pytest.raises(LostEventError, match="does not fit its targets"):
        WaitEvent.read(sent(status="timeout", check=ONE_THERE), targets=["DEAL_57"], require="each")


def test_a_missing_event_is_an_error():
    with pytest.raises(LostEventError, match="without an event"):
        WaitEvent.read(None, targets=TARGETS, require="all")


@pytest.mark.parametrize(
    "payload",
    [
        "arrived",
        {},
        sent() | {"status": "success"},
        sent() | {"arrived": []},
        sent() | {"missing": None},
        sent() | {"message": None},
        sent() | {"permanent": "no"},
    ],
)
def test_an_event_of_another_form_is_an_error(payload):
    with pytest.raises(LostEventError, match="unknown form"):
        WaitEvent.read(payload, targets=TARGETS, require="all")


ODD = [None, True, -1, 10**30, 1e308, "", "x", "\x1b[2J", "a\nINFO - forged", "x" * 5_000, "\ud800", [], {}, [[None]]]


@pytest.mark.parametrize("require", ["all", "any", "each"])
def test_an_odd_event_is_refused_or_can_be_shown(require):
    check = StageCheck({"DEAL_57": "WON"}, {"DEAL_58": "NEW"}, ())
    for payload in each_place(sent(status="timeout", check=check, message="Late."), ODD):
        try:
            event = WaitEvent.read(payload, targets=TARGETS, require=require)
        except LostEventError:
            continue
        for text in (event.message, *event.check.arrived.values(), *event.check.waiting.values()):
            assert text is None or (text.isprintable() and len(text) <= 1_010)
