"""The operator's wait ends the same way in the worker and on the triggerer, whatever happens meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from tests.support.arrivals import DEALS, all_arrive, arrive

DOWN = ["error:500"] * 5
"""As often as one request is tried."""


def _one_arrives(portal, time):
    time.on_sleep = lambda _: arrive(portal, DEALS[:1])


def _they_move_on(portal, time):
    def later(_):
        arrive(portal, DEALS[:1], "PREPARATION" if time.now < 1070 else "EXECUTING")
        arrive(portal, DEALS[1:] if time.now > 1150 else [])

    time.on_sleep = later


def _one_is_deleted(portal, time):
    def later(_):
        if portal.portal.find("DEAL_58"):
            portal.portal.remove("DEAL_58")
        arrive(portal, ["DEAL_57", "DEAL_59"] if time.now > 1100 else [])

    time.on_sleep = later


def _the_portal_fails_for_a_while(portal, time):
    def later(_):
        time.on_sleep = lambda _: None
        portal.faults.script(DOWN * 2)
        arrive(portal, DEALS)

    time.on_sleep = later


def _the_portal_is_closed(portal, time):
    time.on_sleep = lambda _: setattr(portal.portal.settings, "is_closed", True)


def _nothing_happens(portal, time):
    pass


MEANWHILE = [
    all_arrive,
    _one_arrives,
    _they_move_on,
    _one_is_deleted,
    _the_portal_fails_for_a_while,
    _the_portal_is_closed,
    _nothing_happens,
]

OPTIONS = [
    {},
    {"on_unmoved": "warn"},
    {"on_unmoved": "skip"},
    {"on_unmoved": "ignore"},
    {"retries": 2, "retry_delay": timedelta(0)},
    {"target": [*DEALS, "DEAL_60", "DEAL_999"]},
    {"target": "DEAL_57"},
    {"wait_timeout": 0},
    {"wait_timeout": 90, "poke_interval": 40},
]


@pytest.mark.parametrize("options", OPTIONS, ids=[json.dumps(each, default=str) for each in OPTIONS])
@pytest.mark.parametrize("meanwhile", MEANWHILE)
@pytest.mark.no_cover
def test_a_wait_ends_the_same_way_in_the_worker_and_on_the_triggerer(run_task, time, monkeypatch, meanwhile, options):
    time.random = lambda: 1.0
    arguments = {"task_id": "move", "target": DEALS, "code": "c5u4m", "expected_stage": "PREPARATION"}
    ends = []
    for deferrable in (False, True):
        with SimulatorServer(seed="demo") as portal:
            monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", connection_json(portal.webhook_url))
            portal.portal.add_veto("PREPARATION")
            time.now, time.slept = 1000.0, []
            getattr(run_task, "state_store", {}).clear()  # each is a task of its own
            meanwhile(portal, time)
            own = {"wait_timeout": 600, "deferrable": deferrable}
            ran = run_task(lambda chosen=arguments | own | options: TriggerAutomationOperator(**chosen))
        assert len(ran.deferrals) == (deferrable and options.get("wait_timeout") != 0)
        end = {
            "state": ran.state,
            "returned": ran.xcoms.get("return_value"),
            "pushed": ran.xcoms.get("report"),
            "error": (type(ran.error).__name__, str(ran.error)),
            "slept": time.slept,
            "requests": portal.requests.total,
            "outcomes": sorted(line for line in ran.log if "moved" in line[1]),
        }
        ends.append(json.loads(json.dumps(end).replace(portal.url, "https://portal")))

    assert ends[0] == ends[1]
