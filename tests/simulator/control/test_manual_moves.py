from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed="demo") as running:
        yield running
        assert running.crashes == []


def move_by_hand(server: SimulatorServer, target: str, data: Any) -> requests.Response:
    return requests.patch(f"{server.url}/_simulator/items/{target}", json=data, timeout=PATIENCE_SECONDS)


def test_a_manual_move_is_a_users_and_starts_robots(server: SimulatorServer):
    server.portal.add_robot("PREPARATION", seconds=0.01, move_to="EXECUTING")
    answer = move_by_hand(server, "DEAL_57", {"stage": "PREPARATION"})
    assert answer.json() == {"target": "DEAL_57", "stage": "EXECUTING", "category_id": 0}
    assert server.portal.moves["DEAL_57"] == 2
    assert server.portal.fires["DEAL_57"] == 0
    assert len(server.requests) == 0


def test_a_manual_move_can_change_the_pipeline_and_name_a_user(server: SimulatorServer):
    assert move_by_hand(server, "DEAL_57", {"stage": "C5:WON", "user_id": 1}).json()["category_id"] == 5
    assert server.portal.find("DEAL_57").moved_by == 1


@pytest.mark.parametrize(
    ("target", "data", "status", "reason"),
    [
        ("DEAL_999", {"stage": "WON"}, 404, "there is no DEAL_999"),
        ("DEAL_57", {"stage": "NOWHERE"}, 400, "DEAL has no stage 'NOWHERE'; there are NEW"),
        ("DEAL_57", {}, 400, "'stage' must be a stage id"),
        ("DEAL_57", {"stage": "WON", "user_id": 77}, 400, "there is no user 77"),
        ("DEAL_57", {"stage": "LOSE"}, 400, "refused by a handler"),
        ("nonsense", {"stage": "WON"}, 400, "names no entity"),
    ],
)
def test_an_impossible_manual_move_is_refused_with_the_reason(
    server: SimulatorServer, target: str, data: Any, status: int, reason: str
):
    server.portal.add_veto("LOSE")
    answer = move_by_hand(server, target, data)
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert server.portal.stage_of("DEAL_57") == "NEW"
