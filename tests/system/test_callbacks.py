"""The notifier where Airflow calls it: for a DAG run in the DAG processor, for a deadline in the triggerer."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from scripts.local_airflow import AIRFLOW_VERSION
from scripts.processes import wait_for

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.testing import SimulatorServer
    from scripts.local_airflow import LocalAirflow

pytestmark = pytest.mark.system
NUMBERS = count(911)


def _new_deal(portal: SimulatorServer) -> int:
    """A deal of this test alone: both databases share the portal."""
    number = next(NUMBERS)
    portal.portal.add_deal(id=number)
    return number


def _fired(portal: SimulatorServer, deal: int) -> bool:
    return bool(portal.fires[f"DEAL_{deal}"])


def test_the_callback_of_a_run_fires_for_the_entity_that_its_context_names(
    demo_airflow: LocalAirflow, demo_portal: SimulatorServer
) -> None:
    deal = _new_deal(demo_portal)
    run_id = demo_airflow.trigger("system_callback_of_run", conf={"deal": deal})

    assert demo_airflow.wait_for_run("system_callback_of_run", run_id) == "success"

    wait_for(lambda: _fired(demo_portal, deal), seconds=90, why="the callback did not fire")
    wait_for(lambda: demo_portal.portal.stage_of(f"DEAL_{deal}") == "PREPARATION", seconds=10, why="it did not move")


@pytest.mark.skipif(AIRFLOW_VERSION < (3, 1), reason="deadline alerts came with Airflow 3.1")
def test_a_missed_deadline_fires_from_the_triggerer(demo_airflow: LocalAirflow, demo_portal: SimulatorServer) -> None:
    deal = _new_deal(demo_portal)
    run_id = demo_airflow.trigger("system_missed_deadline", conf={"deal": deal})

    wait_for(lambda: _fired(demo_portal, deal), seconds=90, why="the deadline's callback did not fire")
    wait_for(lambda: demo_portal.portal.stage_of(f"DEAL_{deal}") == "PREPARATION", seconds=10, why="it did not move")

    assert demo_airflow.wait_for_run("system_missed_deadline", run_id) == "success"
    assert demo_portal.fires[f"DEAL_{deal}"] == 1
