from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind

FIRE = "crm.automation.trigger?target=DEAL_57&code=c5u4m"
NO_TARGET = {"error": "", "error_description": "Target is not set."}


def test_results_and_errors_have_the_keys_of_their_commands(client):
    response = client.post("batch", {"cmd": {"a": FIRE, "b": "crm.automation.trigger"}, "halt": 0})
    assert response.status == 200
    body = response.json
    result = body["result"]
    assert result["result"] == {"a": True}
    assert result["result_error"] == {"b": NO_TARGET}
    assert result["result_total"] == []
    assert result["result_next"] == []
    assert set(result["result_time"]) == {"a"}
    assert set(result["result_time"]["a"]) == set(body["time"])
    assert client.stage_of("DEAL_57") == "PREPARATION"


@pytest.mark.parametrize("halt", [1, True, "1", "false", "Y"])
def test_halt_ends_the_batch_at_the_first_error(client, halt):
    result = client.batch({"b": "crm.automation.trigger", "a": FIRE}, halt).result
    assert result["result"] == []
    assert result["result_error"] == {"b": NO_TARGET}
    assert client.stage_of("DEAL_57") == "NEW"


@pytest.mark.parametrize("halt", [0, False, "0", "", None, []])
def test_without_halt_the_batch_continues(client, halt):
    result = client.batch({"b": "crm.automation.trigger", "a": FIRE}, halt).result
    assert result["result"] == {"a": True}


def test_a_list_with_a_hole_becomes_a_map(client):
    result = client.batch(["scope", "crm.automation.trigger", "scope"]).result
    assert result["result"] == {"0": ["crm"], "2": ["crm"]}
    assert result["result_error"] == {"1": NO_TARGET}


def test_a_list_whose_first_command_fails(client):
    result = client.batch(["crm.automation.trigger", "scope"]).result
    assert result["result_error"] == [NO_TARGET]
    assert result["result"] == {"1": ["crm"]}
    assert client.batch(["scope", "scope"]).result["result"] == [["crm"], ["crm"]]
    assert client.batch({"0": "scope", "1": "scope"}).result["result"] == [["crm"], ["crm"]]


def test_the_51st_command_is_refused(client):
    result = client.batch({f"c{number}": "scope" for number in range(51)}).result
    assert len(result["result"]) == 50
    assert result["result_error"] == {
        "c50": {"error": "ERROR_BATCH_LENGTH_EXCEEDED", "error_description": "Max batch length exceeded"}
    }


@pytest.mark.parametrize("name", ["batch", "BATCH"])
def test_a_nested_batch_is_refused(client, name):
    response = client.batch({"a": f"{name}?cmd[x]=scope"})
    assert response.result["result_error"] == {
        "a": {"error": "ERROR_BATCH_METHOD_NOT_ALLOWED", "error_description": "Method is not allowed for batch usage"}
    }


@pytest.mark.parametrize("body", [{"cmd": {}}, {"cmd": []}, {}])
def test_a_batch_without_commands(client, body):
    assert client.post("batch", body).result == {
        "result": [],
        "result_error": [],
        "result_total": [],
        "result_next": [],
        "result_time": [],
    }


def test_a_reference_to_an_earlier_result(client):
    commands = {
        "a": "crm.item.list?entityTypeId=2",
        "b": "crm.item.get?entityTypeId=2&id=$result[a][items][0][id]",
        "c": "crm.item.get?entityTypeId=2&id=%24result%5Bb%5D%5Bitem%5D%5Bid%5D",
        "d": "crm.automation.trigger?target=DEAL_$result[b][item][id]&code=c5u4m",
        "e": "crm.item.get?entityTypeId=2&id=$total[a]",
    }
    result = client.batch(commands).result
    assert result["result"]["c"]["item"]["id"] == 57
    assert result["result"]["d"] is True
    assert client.stage_of("DEAL_57") == "PREPARATION"
    assert result["result_total"] == {"a": 1}
    assert result["result_error"] == {"e": {"error": "NOT_FOUND", "error_description": "Element not found"}}


def test_a_reference_that_leads_nowhere_stops_at_the_deepest_part(client):
    commands = {"a": "crm.item.get?entityTypeId=2&id=57", "b": "crm.item.get?entityTypeId=2&id=$result[a][item][nope]"}
    error = client.batch(commands).result["result_error"]["b"]
    assert error["error"] == "100"
    literal = {"b": "crm.automation.trigger?target=DEAL_$result[zz][item]&code=c5u4m"}
    assert client.batch(literal).result["result_error"]["b"]["error_description"] == "Target is not found."


LIST = "crm.item.list?entityTypeId=2&order[id]=ASC&start=-1&filter[%3Eid]={after}"


def chain(length: int) -> dict[str, str]:
    """Pages that each continue after the last id of the one before."""
    after = ["0", *(f"$result[c{number}][items][49][id]" for number in range(length - 1))]
    return {f"c{number}": LIST.format(after=each) for number, each in enumerate(after)}


def pages_of(result: dict) -> list[int]:
    return [len(page["items"]) for page in result["result"].values()]


def test_a_chain_of_pages_ends_with_an_error_where_a_page_was_short(client):
    for number in range(1, 120):
        if number != 57:
            client.portal.add_deal(id=number)
    result = client.batch(chain(5), halt=1).result
    assert pages_of(result) == [50, 50, 19]
    refused = {"error": "INVALID_ARG_VALUE", "error_description": "Invalid filter: field 'ID' has invalid value"}
    assert result["result_error"] == {"c3": refused}, "the reference became an array; with halt nothing follows"
    without_halt = client.batch(chain(5), halt=0).result
    assert without_halt["result_error"]["c3"] == refused
    assert pages_of(without_halt) == [50, 50, 19], "the reference to a failed command is the array of all results"


@pytest.mark.parametrize("after", ["x$result[c9][id]", "$result"])
def test_a_reference_that_stays_a_text_is_0_and_reads_the_table_anew(client, after):
    commands = {"c0": LIST.format(after="0"), "c1": LIST.format(after=after)}
    result = client.batch(commands, halt=1).result
    assert [[item["id"] for item in page["items"]] for page in result["result"].values()] == [[57], [57]]


def test_names_of_parameters_and_methods_are_case_insensitive(client):
    result = client.post("batch", {"CMD": {"a": "CRM.Automation.Trigger?target=DEAL_57&code=c5u4m"}, "HALT": 1}).result
    assert result["result"] == {"a": True}


def test_commands_in_a_query_string(client):
    query = "cmd[a]=crm.automation.trigger%3Ftarget%3DDEAL_57%26code%3Dc5u4m&cmd[b]=scope"
    assert client.get("batch", query).result["result"] == {"a": True, "b": ["crm"]}


def test_commands_that_are_not_text_are_skipped_but_counted(client):
    commands = {f"c{number}": ["scope"] for number in range(50)} | {"last": "scope"}
    result = client.batch(commands).result
    assert result["result"] == []
    assert list(result["result_error"]) == ["last"]


def test_unknown_methods_and_missing_scopes_are_errors_of_their_commands(client):
    errors = client.batch({"a": "no.such", "b": "user.current"}).result["result_error"]
    assert errors["a"]["error"] == "ERROR_METHOD_NOT_FOUND"
    assert errors["b"] == {"error": "insufficient_scope", "error_description": ""}


def test_a_batch_is_one_request_for_the_bucket(client):
    for _ in range(50):
        assert client.batch({f"c{number}": "scope" for number in range(50)}).status == 200
    assert client.batch({"a": "scope"}).status == 503


def test_a_code_full_of_separators_arrives_whole(client):
    code = "a&b=c#d%26e+f g?h[0]"
    client.portal.triggers.clear()
    client.portal.add_trigger("PREPARATION", code=code)
    assert client.batch(
        {"a": "crm.automation.trigger?target=DEAL_57&code=a%26b%3Dc%23d%2526e%2Bf%20g%3Fh%5B0%5D"}
    ).result
    assert client.stage_of("DEAL_57") == "PREPARATION"


def test_operating_time_is_counted_by_method_and_refused_command_by_command(client):
    client.portal.operating.seconds = 1
    client.portal.latency.set(command_ms=600)
    commands = {f"c{number}": "crm.automation.trigger?target=DEAL_57&code=x" for number in range(4)}
    commands["read"] = "crm.item.get?entityTypeId=2&id=57"
    result = client.batch(commands).result
    assert set(result["result"]) == {"c0", "c1", "read"}
    assert {error["error"] for error in result["result_error"].values()} == {"OPERATION_TIME_LIMIT"}
    operating = [result["result_time"][key]["operating"] for key in ("c0", "c1", "read")]
    assert operating == [pytest.approx(0.6), pytest.approx(1.2), pytest.approx(0.6)]


def test_the_short_executions_of_one_request_are_counted_together(client):
    client.portal.latency.set(command_ms=5)
    command = "crm.automation.trigger?target=DEAL_57&code=x"
    assert client.batch({"a": command}).json["time"]["operating"] == 0
    client.batch({f"c{number}": command for number in range(50)})
    assert client.trigger("DEAL_57", "x").json["time"]["operating"] == pytest.approx(0.25)


def test_a_fault_can_hit_single_commands(client):
    fault = {"kind": "command_error", "keys": ["c1"], "code": "OPERATION_TIME_LIMIT", "description": "Blocked."}
    client.server.faults.script([fault])
    result = client.batch({"c0": "scope", "c1": FIRE}).result
    assert set(result["result"]) == {"c0"}
    assert result["result_error"] == {"c1": {"error": "OPERATION_TIME_LIMIT", "error_description": "Blocked."}}
    assert client.stage_of("DEAL_57") == "NEW"
    client.server.faults.script([{**fault, "when": "after"}])
    assert "c1" in client.batch({"c1": FIRE}).result["result_error"]
    assert client.stage_of("DEAL_57") == "PREPARATION"


@pytest.mark.parametrize("executed", [0, 1, 2])
def test_a_process_that_dies_in_the_middle_of_a_batch(client, executed):
    for number in (58, 59):
        client.portal.add_deal(id=number)
    client.server.faults.script(
        [Fault(kind=FaultKind.HTML, status=502, when="after", commands=executed, method="batch")]
    )
    assert client.get("scope").status == 200  # waits for a batch
    assert client.batch([FIRE.replace("57", number) for number in ("57", "58", "59")]).status == 502
    stages = [client.stage_of(f"DEAL_{number}") for number in (57, 58, 59)]
    assert stages == ["PREPARATION"] * executed + ["NEW"] * (3 - executed)


def test_execute_can_be_refused_inside_a_batch(client, application, grant):
    application.triggers["paid"] = "Paid"
    client.portal.add_trigger("PREPARATION", code="paid", application=application.client_id)
    client.portal.settings.application_triggers_in_batch = False
    command = "crm.automation.trigger.execute?CODE=paid&OWNER_TYPE_ID=2&OWNER_ID=57"
    result = client.call_with_token(grant.access_token, "batch", cmd={"a": command}).result
    assert result["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
    client.portal.settings.application_triggers_in_batch = True
    assert client.call_with_token(grant.access_token, "batch", cmd={"a": command}).result["result"] == {"a": True}
    assert client.stage_of("DEAL_57") == "PREPARATION"
