"""What the board is sent, without a browser: differences, a bounded window, and moves by hand."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.simulator.board.view import WINDOW, BoardView, shares
from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal import Portal, seed
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def portal() -> Portal:
    made = Portal(clock=Clock(virtual=True))
    seed.apply(made, seed.DEMO)
    return made


def told(view: BoardView) -> dict[str, dict[str, Any]]:
    return {change.name: change.data for change in view.changes()}


def move(portal: Portal, target: str, stage: str) -> None:
    item = portal.find(target)
    pipeline = portal.pipeline_of(stage, item.type_id)
    portal.place(item, pipeline.id, pipeline.stage(stage), moved_by=0)


@given(
    st.lists(st.integers(min_value=0, max_value=500), min_size=1, max_size=12), st.integers(min_value=0, max_value=300)
)
def test_the_window_is_used_up_and_shared_fairly(counts: list[int], window: int):
    sizes = shares(counts, window)
    assert all(size <= count for size, count in zip(sizes, counts, strict=True))
    assert sum(sizes) <= window
    assert window - sum(sizes) < len(counts) or sizes == counts
    cut = [size for size, count in zip(sizes, counts, strict=True) if size < count]
    assert all(size <= min(cut) + 1 for size in sizes) if cut else sizes == counts


def test_the_first_look_shows_everything_and_the_second_nothing(portal: Portal):
    view = BoardView(portal)
    first = told(view)
    assert first.keys() == {"board", "summary"}
    assert first["board"]["columns"]["NEW"] == {"count": 3, "ids": [59, 58, 57]}
    assert {card["target"] for card in first["board"]["cards"]} == {f"DEAL_{number}" for number in range(57, 63)}
    assert first["summary"]["items"]["DEAL"] == 8
    assert told(view) == {}


def test_a_move_changes_two_columns_and_one_card(portal: Portal):
    view = BoardView(portal)
    view.changes()
    move(portal, "DEAL_57", "EXECUTING")
    change = told(view)["change"]
    assert change["columns"] == {"NEW": {"count": 2, "ids": [59, 58]}, "EXECUTING": {"count": 2, "ids": [57, 61]}}
    assert [(card["target"], card["from"]) for card in change["cards"]] == [("DEAL_57", "NEW")]


def test_an_edit_changes_one_card_and_no_column(portal: Portal):
    view = BoardView(portal)
    view.changes()
    portal.find("DEAL_58").title = "Renamed"
    change = told(view)["change"]
    assert change["columns"] == {}
    assert [card["title"] for card in change["cards"]] == ["Renamed"]


def test_other_pipelines_are_none_of_its_business(portal: Portal):
    view = BoardView(portal, "DEAL", 5)
    assert told(view)["board"]["columns"]["C5:NEW"]["count"] == 2
    move(portal, "DEAL_57", "EXECUTING")
    assert "change" not in told(view)


def test_what_it_tells_adds_up_to_what_there_is_whatever_happens(portal: Portal):
    view = BoardView(portal)
    shown: dict[str, Any] = {}
    seed.generate(portal, 2, 1000, first_id=1000)
    for step in range(40):
        for target in range(1000 + 10 * step, 1010 + 10 * step):
            move(portal, f"DEAL_{target}", "WON" if target % 3 else "PREPARATION")
        if step == 20:
            portal.items[2].remove(1999)
        for change in view.changes():
            shown.update(change.data.get("columns", {}))
    store = portal.items[2]
    for stage in portal.pipelines[2, 0].stages:
        assert shown[stage.id]["count"] == store.count_at(0, stage.id)
        assert shown[stage.id]["ids"] == store.newest_at(0, stage.id, len(shown[stage.id]["ids"]))
    assert sum(len(column["ids"]) for column in shown.values()) == WINDOW


def test_a_new_pipeline_or_another_stage_starts_the_board_anew(portal: Portal):
    view = BoardView(portal)
    view.changes()
    seed.apply(portal, {"pipelines": [{"id": 9, "name": "Retail"}]})
    assert [each["name"] for each in told(view)["board"]["pipelines"]][-1] == "Retail"


def test_a_pipeline_that_is_not_there_is_replaced_by_one_that_is(portal: Portal):
    assert told(BoardView(portal, "DYNAMIC_177", 99))["board"]["category"] == 12
    assert told(BoardView(portal, "NONSENSE", 99))["board"]["type"] == "DEAL"


def test_requests_are_told_newest_first_without_secrets(portal: Portal):
    view = BoardView(portal)
    view.changes()
    for number, params in enumerate(({"target": "DEAL_57", "auth": "***"}, {"filter": {"@id": list(range(99))}})):
        seen = portal.request_log.open(
            moment=0.0, source="127.0.0.1", http_method="POST", path="/rest/1/***/x", method=f"m{number}", headers={}
        )
        seen.params, seen.status = params, 200
        portal.request_log.close(seen)
    newest, older = told(view)["requests"]["requests"]
    assert (newest["method"], older["method"]) == ("m1", "m0")
    assert older["parameters"] == "target=DEAL_57, auth=***"
    assert len(newest["parameters"]) == 121
    portal.clear()
    assert told(view)["requests"] == {"requests": []}


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed="demo") as running:
        yield running
        assert running.crashes == []


def test_the_stream_begins_with_the_board_and_goes_on_with_what_happens(server: SimulatorServer):
    address = f"{server.url}/_simulator/board/events?type=DEAL&category=5"
    with requests.get(address, stream=True, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        lines = answer.iter_lines(decode_unicode=True)
        board = next_event(lines, "board")
        assert board["columns"]["C5:NEW"]["count"] == 2
        requests.get(f"{server.webhook_url}crm.automation.trigger?target=DEAL_63&code=delivered", timeout=10)
        assert next_event(lines, "change")["columns"]["C5:WON"] == {"count": 1, "ids": [63]}


def next_event(lines: Iterator[str], name: str) -> dict[str, Any]:
    for line in lines:
        if line == f"event: {name}":
            return json.loads(next(lines).removeprefix("data: "))
    raise AssertionError(f"the stream ended without {name}")


def test_the_page_names_only_files_that_are_served(server: SimulatorServer):
    page = requests.get(f"{server.url}/", timeout=10)
    assert page.url == server.board_url
    waiting = re.findall(r'(?:src|href)="board/([\w.]+)"', page.text)
    found = set()
    while waiting:
        found.add(name := waiting.pop())
        waiting += set(re.findall(r'from "\./(\w+\.js)"', served(server, name))) - found
    assert found == {"board.css", "board.js", "columns.js", "dragging.js", "elements.js", "motion.js", "panels.js"}


@pytest.mark.parametrize(
    ("page", "board"),
    [
        ("/crm/deal/details/57/", "type=DEAL&category=0"),
        ("/crm/deal/details/63/", "type=DEAL&category=5"),
        ("/crm/lead/details/4/", "type=LEAD&category=0"),
        ("/crm/type/31/details/12/", "type=SMART_INVOICE&category=2"),
        ("/crm/type/177/details/5/", "type=DYNAMIC_177&category=12"),
    ],
)
def test_the_page_of_an_entity_leads_to_the_board_of_its_pipeline(server: SimulatorServer, page: str, board: str):
    answer = requests.get(server.url + page, timeout=10)

    assert answer.status_code == 200
    assert answer.url == f"{server.board_url}?{board}"


@pytest.mark.parametrize(
    "page", ["/crm/deal/details/999/", "/crm/type/199/details/5/", "/crm/order/details/5/", "/crm/deal/details/x/"]
)
def test_an_entity_that_is_not_there_has_no_page(server: SimulatorServer, page: str):
    assert requests.get(server.url + page, timeout=10).status_code == 404


def served(server: SimulatorServer, name: str) -> str:
    answer = requests.get(f"{server.url}/_simulator/board/{name}", timeout=10)
    answer.raise_for_status()
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    return answer.text


def by_hand(server: SimulatorServer, target: str, data: Any) -> requests.Response:
    return requests.patch(f"{server.url}/_simulator/items/{target}", json=data, timeout=10)


def test_a_move_by_hand_is_a_persons_and_starts_robots(server: SimulatorServer):
    server.portal.add_robot("PREPARATION", seconds=0.01, move_to="EXECUTING")
    answer = by_hand(server, "DEAL_57", {"stage": "PREPARATION"})
    assert answer.json() == {"target": "DEAL_57", "stage": "EXECUTING", "category_id": 0}
    assert server.portal.moves["DEAL_57"] == 2
    assert server.portal.fires["DEAL_57"] == 0
    assert len(server.requests) == 0


def test_a_move_by_hand_leads_into_another_pipeline_and_is_the_named_users(server: SimulatorServer):
    assert by_hand(server, "DEAL_57", {"stage": "C5:WON", "user_id": 1}).json()["category_id"] == 5
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
def test_a_move_by_hand_that_cannot_be_is_refused_with_the_reason(
    server: SimulatorServer, target: str, data: Any, status: int, reason: str
):
    server.portal.add_veto("LOSE")
    answer = by_hand(server, target, data)
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert server.portal.stage_of("DEAL_57") == "NEW"
