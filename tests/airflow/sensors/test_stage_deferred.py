"""The stage sensor on the triggerer."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.exceptions import LostEventError
from airflow_provider_bitrix24.sensors.stage import MAX_FAILURES
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET
from tests.support.sensor_runs import DEALS, RETRIES, move_at_sleeps, only


@only("deferrable")
def test_the_worker_checks_once_and_the_trigger_continues(portal, wait, time):
    move_at_sleeps(portal, time, *((deal, "PREPARATION") for deal in DEALS))

    (deferral,) = wait(fail_on="LOSE").deferrals

    assert deferral.kwargs == {
        "targets": DEALS,
        "expected_stage": ["PREPARATION"],
        "deadline": deferral.kwargs["deadline"],
        "poke_interval": 60.0,
        "require": "all",
        "or_later": False,
        "fail_on": ["LOSE"],
        "max_failures": MAX_FAILURES,
        "bitrix24_conn_id": "bitrix24_default",
        "verify_conn_id": None,
    }
    assert 30 <= time.slept[0] <= 60
    assert MAIN_SECRET not in json.dumps(deferral.event)


@only("deferrable")
@pytest.mark.parametrize("event", [None, {"status": "done"}, {"status": "arrived", "arrived": {}}])
@pytest.mark.parametrize("soft", [False, True])
def test_a_lost_event_fails_the_task_even_with_soft_fail(wait, event, soft):
    ran = wait(on_event=lambda _: event, soft_fail=soft, **RETRIES)

    assert ran.state == "up_for_retry"
    assert isinstance(ran.error, LostEventError)


@only("deferrable")
def test_an_event_must_name_every_entity_that_arrived(portal, wait, time):
    move_at_sleeps(portal, time, *((deal, "PREPARATION") for deal in DEALS))

    ran = wait(on_event=lambda event: event | {"arrived": {"DEAL_57": "PREPARATION"}}, **RETRIES)

    assert ran.state == "up_for_retry"


@only("deferrable")
def test_the_secret_is_masked_in_the_process_that_resumes(portal, wait, time, monkeypatch):
    masked = []
    monkeypatch.setattr("airflow_provider_bitrix24.hooks.bitrix24.mask_secrets", masked.extend)
    move_at_sleeps(portal, time, *((deal, "PREPARATION") for deal in DEALS))

    def on_event(event):
        masked.clear()
        return event

    wait(on_event=on_event)

    assert MAIN_SECRET in masked
