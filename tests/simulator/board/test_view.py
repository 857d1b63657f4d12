from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.simulator.board.view import WINDOW, BoardView, shares
from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal import Portal, seed
from airflow_provider_bitrix24.simulator.portal.request_log import RecordedCommand


@pytest.fixture
def portal() -> Portal:
    made = Portal(clock=Clock(virtual=True))
    seed.apply(made, seed.DEMO)
    return made


def changes_of(view: BoardView) -> dict[str, dict[str, Any]]:
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


def test_the_first_call_shows_everything_and_the_second_nothing(portal: Portal):
    view = BoardView(portal)
    first = changes_of(view)
    assert first.keys() == {"board", "summary"}
    assert first["board"]["columns"]["NEW"] == {"count": 3, "ids": [59, 58, 57]}
    assert {card["target"] for card in first["board"]["cards"]} == {f"DEAL_{number}" for number in range(57, 63)}
    assert first["summary"]["items"]["DEAL"] == 8
    assert changes_of(view) == {}


def test_a_move_changes_two_columns_and_one_card(portal: Portal):
    view = BoardView(portal)
    view.changes()
    move(portal, "DEAL_57", "EXECUTING")
    change = changes_of(view)["change"]
    assert change["columns"] == {"NEW": {"count": 2, "ids": [59, 58]}, "EXECUTING": {"count": 2, "ids": [57, 61]}}
    assert [(card["target"], card["from"]) for card in change["cards"]] == [("DEAL_57", "NEW")]


def test_an_edit_changes_one_card_and_no_column(portal: Portal):
    view = BoardView(portal)
    view.changes()
    portal.find("DEAL_58").title = "Renamed"
    change = changes_of(view)["change"]
    assert change["columns"] == {}
    assert [card["title"] for card in change["cards"]] == ["Renamed"]


def test_moves_in_other_pipelines_are_not_shown(portal: Portal):
    view = BoardView(portal, "DEAL", 5)
    assert changes_of(view)["board"]["columns"]["C5:NEW"]["count"] == 2
    move(portal, "DEAL_57", "EXECUTING")
    assert "change" not in changes_of(view)


def test_the_changes_add_up_to_the_portals_state(portal: Portal):
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


def test_a_new_pipeline_sends_the_whole_board_again(portal: Portal):
    view = BoardView(portal)
    view.changes()
    seed.apply(portal, {"pipelines": [{"id": 9, "name": "Retail"}]})
    assert [each["name"] for each in changes_of(view)["board"]["pipelines"]][-1] == "Retail"


def test_a_missing_pipeline_is_replaced_by_an_existing_one(portal: Portal):
    assert changes_of(BoardView(portal, "DYNAMIC_177", 99))["board"]["category"] == 12
    assert changes_of(BoardView(portal, "NONSENSE", 99))["board"]["type"] == "DEAL"


def test_requests_are_shown_newest_first_without_secrets(portal: Portal):
    view = BoardView(portal)
    view.changes()
    for number, params in enumerate(({"target": "DEAL_57", "auth": "***"}, {"filter": {"@id": list(range(99))}})):
        seen = portal.request_log.open(
            moment=0.0, source="127.0.0.1", http_method="POST", path="/rest/1/***/x", method=f"m{number}", headers={}
        )
        seen.params, seen.status = params, 200
        portal.request_log.close(seen)
    newest, older = changes_of(view)["requests"]["requests"]
    assert (newest["method"], older["method"]) == ("m1", "m0")
    assert older["parameters"] == "target=DEAL_57, auth=***"
    assert len(newest["parameters"]) == 121
    portal.clear()
    assert changes_of(view)["requests"] == {"requests": []}


def test_columns_name_the_codes_that_lead_to_them(portal: Portal):
    portal.add_trigger("PREPARATION", conditions={"title": "x"}, allow_backwards=True)
    stages = {stage["id"]: stage["triggers"] for stage in changes_of(BoardView(portal))["board"]["stages"]}
    assert [trigger["code"] for trigger in stages["PREPARATION"]] == ["c5u4m", ""]
    assert stages["PREPARATION"][1] == {"code": "", "application": "", "conditions": 1, "allow_backwards": True}
    assert stages["NEW"] == []


@pytest.mark.parametrize(
    ("commands", "line"),
    [
        ([("crm.automation.trigger", {"target": f"DEAL_{n}", "code": "c5u4m"}) for n in range(50)],
         "crm.automation.trigger x 50, code=c5u4m"),
        ([("scope", {}), ("scope", {}), ("profile", {})], "scope x 2, profile x 1"),
        ([("crm.item.get", {"id": "5", "entityTypeId": "2"})], "crm.item.get x 1, id=5, entityTypeId=2"),
        ([(f"m{n}", {}) for n in range(50)], ", ".join(f"m{n} x 1" for n in range(50))[:120] + "…"),
    ],
)  # fmt: skip
def test_a_batch_is_told_in_a_line(portal: Portal, commands: list[tuple[str, dict[str, Any]]], line: str):
    recorded = portal.request_log.open(
        moment=0.0, source="", http_method="POST", path="/rest/1/***/batch", method="batch", headers={}
    )
    recorded.answers = [RecordedCommand(f"c{n}", method, params) for n, (method, params) in enumerate(commands)]
    portal.request_log.close(recorded)
    (shown,) = changes_of(BoardView(portal))["requests"]["requests"]
    assert (shown["parameters"], shown["commands"]) == (line, len(commands))
