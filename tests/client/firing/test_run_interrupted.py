"""A firing that is interrupted: whether it had sent anything, and what is known of each target."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    OutcomeUnknown,
)
from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
from airflow_provider_bitrix24.client.flows.effects import Acquire, Acquired, Send, ShareWorkingTime
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeGrant
from airflow_provider_bitrix24.client.protocol.wire import HttpResponse
from tests.support.firing import NEW, MemoryStore, Try, deal
from tests.support.firing_flow import WRONG, found, item, trigger


@pytest.fixture
def open_request():
    """A store in which a try was cut off that had sent DEAL_1 when the portal's clock said 2e9."""
    store = MemoryStore()
    first = Try(deal(1), store=store)
    first.read({1: NEW})
    first.send(1)
    return store


def interrupted(flow, effects, *answers):
    """Let a flow run up to one of its effects, then interrupt it there; returns the effect's name.

    That it asks others for working time is not counted.
    """
    left, result = list(answers), None
    for _ in range(effects):
        effect = flow.send(result)
        while isinstance(effect, ShareWorkingTime):
            effect = flow.send(WorkingTimeGrant(effect.claim.commands))
        result = left.pop(0) if isinstance(effect, Acquire | Send) else 0.0
    flow.close()
    return type(effect).__name__


def test_a_wrong_credential_before_anything_was_sent_is_raised(perform):
    monitor = FiringMonitor()
    with pytest.raises(AuthenticationError):
        perform(trigger("DEAL_1", monitor=monitor), ("acquire 1", 0.0), ("send batch of 1", [WRONG]))
    assert not monitor.sent


@pytest.mark.parametrize(
    ("place", "effect", "sent"),
    [
        (1, "Acquire", False),
        (2, "Send", False),  # the reading
        (3, "Save", False),
        (4, "Acquire", False),
        (5, "Save", False),
        (6, "Save", False),  # written ahead, and it has not left
        (7, "Send", True),
    ],
)
def test_an_interruption_is_known_to_come_before_or_after_the_first_fire(place, effect, sent):
    reading = HttpResponse(status=200, body=json.dumps(found(item(1))).encode())
    monitor = FiringMonitor()
    flow = trigger("DEAL_1", checkpoint_store=MemoryStore(), monitor=monitor)
    assert interrupted(flow, place, Acquired(1, 0.0, 0.0), (reading,), Acquired(1, 0.0, 0.0), ()) == effect
    assert monitor.sent is sent
    report = monitor.interrupted_report(OutcomeUnknown("out of time"))
    assert [result.error.executed for result in report.results] == ["unknown" if sent else "no"]


def test_an_interruption_of_a_resumption_comes_after_an_earlier_trys_fire(open_request):
    monitor = FiringMonitor()
    flow = trigger("DEAL_1", checkpoint_store=open_request, monitor=monitor)
    assert interrupted(flow, 2, Acquired(1, 0.0, 0.0)) == "Acquire"
    assert monitor.sent
