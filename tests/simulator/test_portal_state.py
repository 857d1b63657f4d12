"""The portal in memory: conditions, robots, history, journal; and the simulator's own failures."""

from __future__ import annotations

import socket

import pytest

from airflow_provider_bitrix24.simulator.portal import automation
from airflow_provider_bitrix24.simulator.portal.entity_types import reference, resolve_type, split_target
from airflow_provider_bitrix24.simulator.portal.model import Condition, HistoryType
from airflow_provider_bitrix24.simulator.rest.methods.registry import METHODS, Method


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Condition("opportunity", "=", "100.0"), True),
        (Condition("title", "!=", "Deal 57"), False),
        (Condition("opportunity", ">", 99), True),
        (Condition("opportunity", ">=", 100), True),
        (Condition("opportunity", "<", 100), False),
        (Condition("opportunity", "<=", "100"), True),
        (Condition("opportunity", ">", "many"), False),
        (Condition("title", "contain", "al 5"), True),
        (Condition("stageId", "in", ["NEW", "WON"]), True),
        (Condition("ufCrm_1", "empty"), True),
        (Condition("contactId", "!empty"), False),
    ],
)
def test_conditions(s1, condition, holds):
    s1.portal.find("DEAL_57").opportunity = 100.0
    s1.portal.triggers.clear()
    s1.portal.add_trigger("EXECUTING", code="x", conditions=[condition])
    s1.trigger("DEAL_57", "x")
    assert (s1.at("DEAL_57") == "EXECUTING") is holds


def test_a_robot_gives_up_an_item_that_somebody_else_moved(s1):
    s1.portal.add_robot("PREPARATION", seconds=1, move_to="EXECUTING")
    item = s1.portal.find("DEAL_57")
    run = automation.fire(s1.portal, 2, 57, "c5u4m")
    assert next(run) == 1
    s1.portal.move("DEAL_57", "WON")
    assert list(run) == []
    assert item.stage_id == "WON"


def test_a_contact_without_anything(s1):
    assert s1.trigger("CONTACT_7").result is True
    assert s1.trigger("COMPANY_9").result is True
    assert not s1.portal.moves


def test_robots_run_for_each_entity_of_a_contact(s1):
    for item_id in (1, 2):
        s1.portal.add_item(177, item_id, contact_id=7)
    s1.portal.add_trigger("DT177_12:CLIENT", code="go", type_id=177)
    s1.portal.add_robot("DT177_12:CLIENT", type_id=177, seconds=1, move_to="DT177_12:SUCCESS")
    assert s1.trigger("CONTACT_7", "go").result is True
    assert [s1.at(f"DYNAMIC_177_{item_id}") for item_id in (1, 2)] == ["DT177_12:SUCCESS"] * 2


def test_the_trigger_of_the_earlier_stage_wins(s1):
    s1.portal.add_trigger("WON", code="twice")
    s1.portal.add_trigger("EXECUTING", code="twice")
    s1.trigger("DEAL_57", "twice")
    assert s1.at("DEAL_57") == "EXECUTING"


def test_the_executor_of_a_trigger_is_the_mover(s1):
    s1.portal.triggers.clear()
    s1.portal.add_trigger("WON", code="c5u4m", execute_by=12)
    s1.trigger("DEAL_57")
    assert s1.portal.find("DEAL_57").moved_by == 12
    assert s1.moves_in_history("DEAL_57") == [(int(HistoryType.FINAL), "WON")]


def test_history_is_not_written_twice_for_one_stage(s1):
    item = s1.portal.find("DEAL_57")
    stage = s1.portal.pipelines[2, 0].stage("NEW")
    assert s1.portal.history.record(HistoryType.INTERMEDIATE, item, stage, 0.0) is None
    assert len(s1.portal.history_of("DEAL_57")) == 1


def test_history_filters(s1):
    for number in (60, 61):
        s1.portal.add_deal(id=number)
        s1.trigger(f"DEAL_{number}")

    def rows(**params):
        found = s1.post("crm.stagehistory.list", {"entityTypeId": 2, **params}).result["items"]
        return [(row["OWNER_ID"], row["STAGE_ID"]) for row in found if "STAGE_ID" in row]

    assert rows(filter={"STAGE_ID": "PREPARATION"}) == [(60, "PREPARATION"), (61, "PREPARATION")]
    assert rows(filter={"@OWNER_ID": [61, 60], "TYPE_ID": 1}) == [(60, "NEW"), (61, "NEW")]
    assert rows(filter={">ID": 3}) == [(61, "NEW"), (61, "PREPARATION")]
    assert rows(order={"ID": "DESC"}, filter={"OWNER_ID": 61}) == [(61, "PREPARATION"), (61, "NEW")]
    assert rows(order={"NOSUCH": "ASC"}, select=["NOSUCH"], filter={"OWNER_ID": 57}) == [(57, "NEW")]
    shown = s1.post("crm.stagehistory.list", {"entityTypeId": 2, "select": ["STAGE_ID"], "start": -1}).json
    assert set(shown["result"]["items"][0]) == {"STAGE_ID", "ID"}
    assert "total" not in shown
    lower = {"entityTypeId": 2, "filter": {"owner_id": 57}}
    assert s1.post("crm.stagehistory.list", lower).error[1] == "INVALID_ARG_VALUE"


def test_a_deleted_webhook_is_refused(s1):
    s1.portal.accounts.remove_webhook("sec")
    assert s1.trigger("DEAL_57").error[1] == "INVALID_CREDENTIALS"


def test_the_journal(s1):
    s1.get("scope")
    s1.trigger("DEAL_57")
    journal = s1.server.requests
    assert (len(journal), journal.total, journal[-1].method) == (2, 2, "crm.automation.trigger")
    assert [each.params for each in journal.of_method("crm.automation.trigger")] == [
        {"target": "DEAL_57", "code": "c5u4m"}
    ]
    assert [each.number for each in journal] == [1, 2]


def test_a_failure_of_the_simulator_is_shown_to_its_user_and_not_to_the_client(s1, monkeypatch, caplog):
    def fail(call):
        raise RuntimeError(f"a bug near {call.params}")

    monkeypatch.setitem(METHODS, "scope", Method("scope", "", fail))
    reply = s1.get("scope")
    assert (reply.status, reply.body) == (500, b"")
    assert s1.batch({"a": "scope"}).status == 500
    s1.portal.settings.execution_after_cut = "continue"
    assert s1.get("scope").status == 500
    assert [str(crash)[:10] for crash in s1.server.crashes] == ["a bug near"] * 3
    assert "The simulator failed" in caplog.text
    s1.server.crashes.clear()


def test_a_result_that_looks_like_an_error_takes_the_envelopes_place(s1, monkeypatch):
    body = {"error": "SOMETHING", "error_description": "Went wrong"}
    monkeypatch.setitem(METHODS, "scope", Method("scope", "", lambda _: body))
    reply = s1.get("scope")
    assert (reply.status, reply.json) == (200, body)


def test_the_absolute_form_of_a_request(s1):
    with socket.create_connection(("127.0.0.1", s1.server.port), timeout=10) as connection:
        target = f"{s1.server.url}/rest/1/sec/crm.automation.trigger/?target=DEAL_57&code=c5u4m"
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while block := connection.recv(65536):
            answer += block
    assert answer.startswith(b"HTTP/1.1 200")
    assert s1.at("DEAL_57") == "PREPARATION"


@pytest.mark.parametrize(
    ("name", "type_id"),
    [
        ("DEAL", 2), (" lead ", 1), ("SI", 31), ("SUS_DEAL", 19), ("DYNAMIC_128", 128), ("dynamic_2", 2),
        ("SYSTEM", 1024), ("DYNAMIC_", 0), ("DYNAMIC_x", 0), ("DYNAMIC_0", 0), ("T80", 0), ("", 0),
    ],
)  # fmt: skip
def test_names_of_types(name, type_id):
    assert resolve_type(name) == type_id


def test_recycle_bin_twins_never_move(s1):
    s1.portal.add_item(177, 5)
    s1.portal.add_trigger("DT177_12:CLIENT", type_id=177)
    assert resolve_type("SUS_DYNAMIC_177") not in (0, 177)
    assert s1.trigger("SUS_DYNAMIC_177_5").result is True
    assert s1.at("DYNAMIC_177_5") == "DT177_12:NEW"


def test_targets_of_the_simulators_own_interfaces():
    assert split_target("DYNAMIC_177_5") == (177, 5)
    assert reference(*split_target("D_57")) == "DEAL_57"
    for wrong in ("DEAL", "DEAL_0", "FOO_1", ""):
        with pytest.raises(ValueError, match="names no entity"):
            split_target(wrong)


def test_unknown_places_are_named(s1):
    with pytest.raises(ValueError, match="there are NEW, PREPARATION"):
        s1.portal.add_trigger("NOPE")
    with pytest.raises(ValueError, match="CONTACT has no pipeline"):
        s1.portal.add_item(3, 1)
    with pytest.raises(ValueError, match="pipeline 5 has no stage"):
        s1.portal.add_deal(id=1, stage="NEW", category=5)
    with pytest.raises(ValueError, match="exists already"):
        s1.portal.add_deal(id=57)
    with pytest.raises(KeyError):
        s1.portal.stage_of("DEAL_99")
    s1.portal.remove("DEAL_57")
    assert s1.portal.find("DEAL_57") is None
