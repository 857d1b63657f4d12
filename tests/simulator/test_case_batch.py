"""Cases 55 to 62: batch."""

from __future__ import annotations

import pytest

FIRE = "crm.automation.trigger?target=DEAL_57&code=c5u4m"
NO_TARGET = {"error": "", "error_description": "Target is not set."}


def test_case_55_results_and_errors_by_key(s1):
    reply = s1.post("batch", {"cmd": {"a": FIRE, "b": "crm.automation.trigger"}, "halt": 0})
    assert reply.status == 200
    body = reply.json
    result = body["result"]
    assert result["result"] == {"a": True}
    assert result["result_error"] == {"b": NO_TARGET}
    assert result["result_total"] == []
    assert result["result_next"] == []
    assert set(result["result_time"]) == {"a"}
    assert set(result["result_time"]["a"]) == set(body["time"])
    assert s1.at("DEAL_57") == "PREPARATION"


@pytest.mark.parametrize("halt", [1, True, "1", "false", "Y"])
def test_case_56_halt_ends_at_the_first_error(s1, halt):
    result = s1.batch({"b": "crm.automation.trigger", "a": FIRE}, halt).result
    assert result["result"] == []
    assert result["result_error"] == {"b": NO_TARGET}
    assert s1.at("DEAL_57") == "NEW"


@pytest.mark.parametrize("halt", [0, False, "0", "", None, []])
def test_case_56_no_halt(s1, halt):
    result = s1.batch({"b": "crm.automation.trigger", "a": FIRE}, halt).result
    assert result["result"] == {"a": True}


def test_case_57_a_list_with_a_hole_becomes_a_map(s1):
    result = s1.batch(["scope", "crm.automation.trigger", "scope"]).result
    assert result["result"] == {"0": ["crm"], "2": ["crm"]}
    assert result["result_error"] == {"1": NO_TARGET}


def test_case_58_a_list_whose_first_fails(s1):
    result = s1.batch(["crm.automation.trigger", "scope"]).result
    assert result["result_error"] == [NO_TARGET]
    assert result["result"] == {"1": ["crm"]}
    assert s1.batch(["scope", "scope"]).result["result"] == [["crm"], ["crm"]]
    assert s1.batch({"0": "scope", "1": "scope"}).result["result"] == [["crm"], ["crm"]]


def test_case_59_the_51st_command(s1):
    result = s1.batch({f"c{number}": "scope" for number in range(51)}).result
    assert len(result["result"]) == 50
    assert result["result_error"] == {
        "c50": {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": "Max batch length exceeded"}
    }


@pytest.mark.parametrize("name", ["batch", "BATCH"])
def test_case_60_nested_batch(s1, name):
    reply = s1.batch({"a": f"{name}?cmd[x]=scope"})
    assert reply.result["result_error"] == {
        "a": {"error": "ERROR_BATCH_METHOD_NOT_ALLOWED", "error_description": "Method is not allowed for batch usage"}
    }


@pytest.mark.parametrize("body", [{"cmd": {}}, {"cmd": []}, {}])
def test_case_61_nothing_to_do(s1, body):
    assert s1.post("batch", body).result == {
        "result": [],
        "result_error": [],
        "result_total": [],
        "result_next": [],
        "result_time": [],
    }


def test_case_62_a_reference_to_an_earlier_result(s1):
    commands = {
        "a": "crm.item.list?entityTypeId=2",
        "b": "crm.item.get?entityTypeId=2&id=$result[a][items][0][id]",
        "c": "crm.item.get?entityTypeId=2&id=%24result%5Bb%5D%5Bitem%5D%5Bid%5D",
        "d": "crm.automation.trigger?target=DEAL_$result[b][item][id]&code=c5u4m",
        "e": "crm.item.get?entityTypeId=2&id=$total[a]",
    }
    result = s1.batch(commands).result
    assert result["result"]["c"]["item"]["id"] == 57
    assert result["result"]["d"] is True
    assert s1.at("DEAL_57") == "PREPARATION"
    assert result["result_total"] == {"a": 1}
    assert result["result_error"] == {"e": {"error": "NOT_FOUND", "error_description": "Element not found"}}


def test_a_reference_that_leads_nowhere_stops_at_the_deepest_part(s1):
    commands = {"a": "crm.item.get?entityTypeId=2&id=57", "b": "crm.item.get?entityTypeId=2&id=$result[a][item][nope]"}
    error = s1.batch(commands).result["result_error"]["b"]
    assert error["error"] == "100"
    literal = {"b": "crm.automation.trigger?target=DEAL_$result[zz][item]&code=c5u4m"}
    assert s1.batch(literal).result["result_error"]["b"]["error_description"] == "Target is not found."


def test_names_of_parameters_and_methods_are_case_insensitive(s1):
    result = s1.post("batch", {"CMD": {"a": "CRM.Automation.Trigger?target=DEAL_57&code=c5u4m"}, "HALT": 1}).result
    assert result["result"] == {"a": True}


def test_commands_in_a_query_string(s1):
    query = "cmd[a]=crm.automation.trigger%3Ftarget%3DDEAL_57%26code%3Dc5u4m&cmd[b]=scope"
    assert s1.get("batch", query).result["result"] == {"a": True, "b": ["crm"]}


def test_values_that_are_no_texts_are_skipped_but_counted(s1):
    commands = {f"c{number}": ["scope"] for number in range(50)} | {"last": "scope"}
    result = s1.batch(commands).result
    assert result["result"] == []
    assert list(result["result_error"]) == ["last"]


def test_unknown_method_and_missing_scope_inside(s1):
    errors = s1.batch({"a": "no.such", "b": "user.current"}).result["result_error"]
    assert errors["a"]["error"] == "ERROR_METHOD_NOT_FOUND"
    assert errors["b"] == {"error": "insufficient_scope", "error_description": ""}


def test_a_batch_is_one_request_for_the_bucket(s1):
    for _ in range(50):
        assert s1.batch({f"c{number}": "scope" for number in range(50)}).status == 200
    assert s1.batch({"a": "scope"}).status == 503


def test_a_code_full_of_separators_arrives_whole(s1):
    code = "a&b=c#d%26e+f g?h[0]"
    s1.portal.triggers.clear()
    s1.portal.add_trigger("PREPARATION", code=code)
    assert s1.batch({"a": "crm.automation.trigger?target=DEAL_57&code=a%26b%3Dc%23d%2526e%2Bf%20g%3Fh%5B0%5D"}).result
    assert s1.at("DEAL_57") == "PREPARATION"


def test_operating_time_is_counted_by_method_and_refused_command_by_command(s1):
    s1.portal.operating.seconds = 1
    s1.portal.latency.set(command_ms=600)
    commands = {f"c{number}": "crm.automation.trigger?target=DEAL_57&code=x" for number in range(4)}
    commands["read"] = "crm.item.get?entityTypeId=2&id=57"
    result = s1.batch(commands).result
    assert set(result["result"]) == {"c0", "c1", "read"}
    assert {error["error"] for error in result["result_error"].values()} == {"OPERATION_TIME_LIMIT"}
    operating = [result["result_time"][key]["operating"] for key in ("c0", "c1", "read")]
    assert operating == [pytest.approx(0.6), pytest.approx(1.2), pytest.approx(0.6)]


def test_the_short_executions_of_one_request_are_counted_together(s1):
    s1.portal.latency.set(command_ms=5)
    command = "crm.automation.trigger?target=DEAL_57&code=x"
    assert s1.batch({"a": command}).json["time"]["operating"] == 0
    s1.batch({f"c{number}": command for number in range(50)})
    assert s1.trigger("DEAL_57", "x").json["time"]["operating"] == pytest.approx(0.25)
