"""The simulator for tests: a portal in a thread, and a pytest fixture.

Import the fixture where you need it; pytest does not load it by itself::

    from airflow_provider_bitrix24.simulator.testing import bitrix24_portal

    def test_my_dag(bitrix24_portal):
        bitrix24_portal.portal.add_deal(id=57)
        bitrix24_portal.portal.add_trigger("PREPARATION", code="c5u4m")
        ...
        assert bitrix24_portal.portal.stage_of("DEAL_57") == "PREPARATION"
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.threaded import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CONNECTION_VARIABLE", "SimulatorServer", "bitrix24_portal", "connection_json"]

CONNECTION_VARIABLE = "AIRFLOW_CONN_BITRIX24_DEFAULT"
"""The environment variable in which the fixture defines the connection ``bitrix24_default``."""


@pytest.fixture
def bitrix24_portal(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorServer]:
    """A fresh portal in a thread, which Airflow's connection ``bitrix24_default`` leads to."""
    with SimulatorServer() as server:
        monkeypatch.setenv(CONNECTION_VARIABLE, connection_json(server.webhook_url))
        yield server


def connection_json(webhook_url: str) -> str:
    """An Airflow connection of type ``bitrix24`` in the JSON form of its environment variable."""
    return json.dumps({"conn_type": "bitrix24", "password": webhook_url})
