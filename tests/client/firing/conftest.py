"""What tests of firings share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.firing import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.portal import Portal


@pytest.fixture
def store() -> MemoryStore:
    """A checkpoint store in which nothing was kept yet."""
    return MemoryStore()


@pytest.fixture
def portal() -> Iterator[SimulatorServer]:
    """The same code is on three stages in a row: firing twice moves twice, so that nothing can hide."""
    with SimulatorServer(port=0, clock=PortalClock(virtual=True)) as server:
        for stage in ("PREPARATION", "EXECUTING", "FINAL_INVOICE"):
            server.portal.add_trigger(stage, code="c5u4m")
        yield server
    assert server.crashes == []


@pytest.fixture
def deals(portal: SimulatorServer) -> Portal:
    """180 deals at the first stage of that portal."""
    for number in range(1, 181):
        portal.portal.add_deal(id=number, stage="NEW")
    return portal.portal
