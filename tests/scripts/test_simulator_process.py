"""The simulator is started as a process, filled and asked over its control API, and stopped."""

from __future__ import annotations

import pytest

from scripts.json_http import ask
from scripts.simulator_process import SimulatorFailed, SimulatorProcess


def test_it_counts_what_it_serves_and_ends(tmp_path):
    with SimulatorProcess(tmp_path) as simulator:
        simulator.seed_deals(3)
        for target in ("DEAL_1", "DEAL_2", "DEAL_2"):
            ask(f"{simulator.webhook_url}crm.automation.trigger", {"target": target, "code": "c5u4m"})

        assert simulator.moves() == {1: 1, 2: 1}
        assert (simulator.requests, simulator.refused) == (3, 0)

    assert simulator.process.returncode is not None


def test_what_it_said_is_in_the_error_where_it_does_not_start(tmp_path):
    with pytest.raises(SimulatorFailed, match="--no-such-option"):
        SimulatorProcess(tmp_path, "--no-such-option").start()
