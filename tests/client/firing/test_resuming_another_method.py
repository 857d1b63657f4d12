"""Between two tries the operator changed: first a webhook's trigger fires, then an application's, or the reverse."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client import Bitrix24Client, parse_webhook_url
from airflow_provider_bitrix24.client.firing.parts import RECORD
from airflow_provider_bitrix24.client.protocol.wire import EXECUTE, TRIGGER
from tests.support.resuming import Killed, MortalStore
from tests.support.token_rig import CLIENT_ID, authorized_rig

TARGETS = [f"DEAL_{number}" for number in range(1, 61)]


@pytest.fixture
def rig(tmp_path):
    """Both methods have a trigger of the same code, on stages in a row: who is fired by both moves twice."""
    with authorized_rig(tmp_path, deals=len(TARGETS)) as rig:
        yield rig


def add_triggers(rig, first):
    webhook, application = ("PREPARATION", "EXECUTING") if first == TRIGGER else ("EXECUTING", "PREPARATION")
    rig.portal.add_trigger(webhook, code="paid")
    rig.portal.add_trigger(application, code="paid", application=CLIENT_ID)
    with rig.client() as client:
        client.add_trigger("paid", "Paid")


def fire(rig, method, store):
    if method == EXECUTE:
        with rig.client() as client:
            return client.execute_trigger(TARGETS, "paid", checkpoint_store=store)
    portal = parse_webhook_url(rig.server.webhook_url).portal
    with Bitrix24Client(portal, settings=rig.settings, clock=rig.clock, log=rig.log) as client:
        return client.trigger_automation(TARGETS, "paid", checkpoint_store=store)


@pytest.mark.parametrize(("saves", "fired"), [(3, 0), (4, 24), (5, 24), (6, 60)])
@pytest.mark.parametrize(("first", "second"), [(TRIGGER, EXECUTE), (EXECUTE, TRIGGER)])
def test_a_next_try_by_the_other_method_moves_nothing_twice_and_logs_it(rig, first, second, saves, fired):
    add_triggers(rig, first)
    store = MortalStore()
    store.dies_after = saves
    with pytest.raises(Killed):
        fire(rig, first, store)
    assert len(rig.server.moves) == fired
    store.survive()
    report = fire(rig, second, store)
    assert (report.moved, report.failed) == (60, 0)
    assert set(rig.server.moves.values()) == {1}
    [line] = [each for each in rig.logged if " are done; " in each]
    assert f"The method was {first!r} then." in line
    assert store.load(RECORD)["method"] == second


def test_a_checkpoint_that_names_no_method_was_written_by_a_webhooks_trigger(rig):
    add_triggers(rig, TRIGGER)
    store = MortalStore()
    fire(rig, TRIGGER, store)
    record = store.load(RECORD)
    del record["method"]
    store.save(RECORD, record, ahead=False)
    fire(rig, TRIGGER, store)
    assert "The method was" not in "".join(rig.logged)
    fire(rig, EXECUTE, store)
    assert f"The method was {TRIGGER!r} then." in rig.logged[-1]
    assert set(rig.server.moves.values()) == {1}
