"""The notifier where Airflow calls it: for a DAG run in the DAG processor, for a deadline in the triggerer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.local_airflow import AIRFLOW_VERSION
from scripts.processes import wait_for

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.testing import SimulatorServer
    from scripts.local_airflow import LocalAirflow

pytestmark = pytest.mark.system


def _fired(portal: SimulatorServer, deal: int) -> bool:
    return bool(portal.fires[f"DEAL_{deal}"])


def test_the_callback_of_a_run_fires_for_the_entity_that_its_context_names(
    demo_airflow: LocalAirflow, demo_portal: SimulatorServer
) -> None:
    demo_portal.portal.add_deal(id=911)
    run_id = demo_airflow.trigger("system_callback_of_run", conf={"deal": 911})

    assert demo_airflow.wait_for_run("system_callback_of_run", run_id) == "success"

    wait_for(lambda: _fired(demo_portal, 911), seconds=90, why="the callback did not fire")
    wait_for(lambda: demo_portal.portal.stage_of("DEAL_911") == "PREPARATION", seconds=10, why="it did not move")


@pytest.mark.skipif(AIRFLOW_VERSION < (3, 1), reason="deadline alerts came with Airflow 3.1")
def test_a_missed_deadline_fires_from_the_triggerer(demo_airflow: LocalAirflow, demo_portal: SimulatorServer) -> None:
    demo_portal.portal.add_deal(id=912)
    run_id = demo_airflow.trigger("system_missed_deadline", conf={"deal": 912})

    wait_for(lambda: _fired(demo_portal, 912), seconds=90, why="the deadline's callback did not fire")
    wait_for(lambda: demo_portal.portal.stage_of("DEAL_912") == "PREPARATION", seconds=10, why="it did not move")

    assert demo_airflow.wait_for_run("system_missed_deadline", run_id) == "success"
    assert demo_portal.fires["DEAL_912"] == 1
