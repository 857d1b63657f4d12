"""Runs each test of the sensor in each of its modes."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.sensors.stage import StageSensor
from tests.support.sensor_runs import DEALS, MODES


def pytest_generate_tests(metafunc):
    if "mode" in metafunc.fixturenames:
        metafunc.parametrize("mode", getattr(metafunc.function, "modes", MODES))


@pytest.fixture
def wait(run_task, portal, time, mode):
    """Run a StageSensor in one of the modes."""

    def run(on_event=lambda event: event, **arguments):
        own = {"deferrable": True} if mode == "deferrable" else {"deferrable": False, "mode": mode}
        defaults = {"task_id": "wait", "target": DEALS, "expected_stage": "PREPARATION", "timeout": 600}
        ran = run_task(lambda: StageSensor(**defaults | own | arguments), on_event)
        while ran.state == "up_for_reschedule":
            time.sleep(60)
            ran = run_task(lambda: StageSensor(**defaults | own | arguments), on_event)
        return ran

    return run
