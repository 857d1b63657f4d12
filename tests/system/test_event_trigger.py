"""DAGs that start when a deal enters a stage, on a real Airflow 3, also after the triggerer was killed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET
from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from scripts.local_airflow import AIRFLOW_VERSION, LocalAirflow
from scripts.processes import wait_for
from tests.support import triggerer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(AIRFLOW_VERSION < (3, 3), reason="Airflow keeps a watcher's place since 3.3"),
]

INTERVAL = 15.0
DAG = f"""
from airflow.sdk import Asset, AssetWatcher, dag, task
from airflow_provider_bitrix24.triggers.stage import StageChangeEventTrigger

won = StageChangeEventTrigger(entity_type="DEAL", stage="WON", poll_interval={INTERVAL})

@dag(dag_id="on_won", schedule=[Asset("won_deals", watchers=[AssetWatcher(name="won", trigger=won)])])
def on_won():
    @task
    def payloads(triggering_asset_events):
        return [event.extra["payload"] for events in triggering_asset_events.values() for event in events]

    payloads()

on_won()
"""


@pytest.fixture(scope="module")
def portal() -> Iterator[SimulatorServer]:
    with SimulatorServer() as server:
        for number in range(1, 9):
            server.portal.add_deal(id=number)
        server.portal.move("DEAL_8", "WON")  # before anybody watches
        yield server
        assert server.crashes == []


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, portal: SimulatorServer) -> Iterator[LocalAirflow]:
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    (dags / "on_won.py").write_text(DAG)
    env = {"AIRFLOW_CONN_BITRIX24_DEFAULT": connection_json(portal.webhook_url)} | triggerer.SOON
    with LocalAirflow(home, dags, env=env) as process:
        yield process


def runs(airflow: LocalAirflow) -> list[dict[str, Any]]:
    return list(airflow.api("GET", "/dags/on_won/dagRuns?order_by=run_after")["dag_runs"])


def payloads(airflow: LocalAirflow) -> list[dict[str, Any]]:
    """What all runs so far were started with; waits for their ends."""
    found = []
    for run in runs(airflow):
        assert airflow.wait_for_run("on_won", run["dag_run_id"], seconds=90) == "success"
        found += airflow.xcom("on_won", run["dag_run_id"], "payloads")
    return found


def next_poll(portal: SimulatorServer) -> None:
    seen = portal.requests.total
    wait_for(lambda: portal.requests.total > seen, seconds=90, why="the stage history is not read")


def test_a_move_starts_the_dag_and_none_is_missed_while_the_triggerer_is_dead(
    airflow: LocalAirflow, portal: SimulatorServer
) -> None:
    airflow.wait_for_dag("on_won")
    next_poll(portal)
    next_poll(portal)
    assert runs(airflow) == [], "what was before starts nothing"

    moved, seen = time.monotonic(), portal.requests.total
    portal.portal.move("DEAL_1", "PREPARATION")  # not the stage that is watched
    portal.portal.move("DEAL_1", "WON")
    wait_for(lambda: portal.requests.total > seen, seconds=90, why="the stage history is not read")
    polled = time.monotonic()
    wait_for(lambda: runs(airflow), seconds=90, why="no run started")
    started = time.monotonic()
    print(f"polled {polled - moved:.1f} s after the move, run {started - polled:.1f} s after the poll")
    (payload,) = payloads(airflow)
    row = portal.portal.history_of("DEAL_1")[-1]
    assert payload == {
        "history_id": row.id,
        "target": "DEAL_1",
        "stage": "WON",
        "category_id": 0,
        "moved_time": portal.clock.iso(row.time),
        "portal": portal.url,
    }

    triggerer.kill(airflow)
    portal.portal.move("DEAL_2", "WON")
    portal.portal.move("DEAL_3", "WON")
    time.sleep(INTERVAL)
    with triggerer.another(airflow):
        wait_for(lambda: len(runs(airflow)) > 1, seconds=120, why="no run started")
        portal.portal.move("DEAL_4", "WON")
        wait_for(lambda: "DEAL_4" in str(payloads(airflow)), seconds=90, why="no run started")
        next_poll(portal)
        next_poll(portal)
        fired = payloads(airflow)

    # At least once: what was fired before the kill may come again, and then has the same number.
    assert {each["target"] for each in fired} == {"DEAL_1", "DEAL_2", "DEAL_3", "DEAL_4"}
    assert len({each["history_id"] for each in fired}) == 4
    print(f"{len(fired)} events for 4 moves")

    (asset,) = (each for each in airflow.api("GET", "/assets")["assets"] if each["name"] == "won_deals")
    kept = airflow.api("GET", f"/assets/{asset['id']}/state-store")
    assert str(portal.portal.history_of("DEAL_4")[-1].id) in str(kept)
    methods = [request.method for request in portal.requests]
    assert set(methods) == {"crm.stagehistory.list", "crm.status.list"}
    assert methods.count("crm.status.list") <= 2, "read at each poll, not once"
    assert "Watching DEAL entering WON" in (airflow.log).read_text()

    # Where the secret is after all this: in nothing that Airflow has kept.
    kept = [path for path in airflow.home.rglob("*") if path.is_file() and MAIN_SECRET.encode() in path.read_bytes()]
    assert kept == []
