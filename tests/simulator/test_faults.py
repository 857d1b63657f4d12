"""Faults as a client meets them, one at a time, as a script and at random."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind, FaultPlan
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

from .conftest import Portal, set_up_s1

FIRE = "crm.automation.trigger?target=DEAL_{}&code=c5u4m"


def outcome(s1):
    """Return the status of one trigger call, or how the connection ended."""
    try:
        return s1.trigger("DEAL_57").status
    except http.client.IncompleteRead:
        return "cut body"
    except http.client.RemoteDisconnected:
        return "cut"
    except ConnectionResetError:
        return "reset"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("cut", "cut"),
        ("reset", "reset"),
        ("cut_body", "cut body"),
        ("truncated", 200),
        ("empty", 200),
        ("html", 502),
        ("html:200", 200),
        ("html:403", 403),
        ("html:503", 503),
        ("html:504", 504),
        ("error", 500),
    ],
)
def test_each_fault_before_and_after_the_effect(s1, kind, expected, when):
    s1.server.faults.script([f"{kind}:{when}"])
    assert outcome(s1) == expected
    assert s1.at("DEAL_57") == ("PREPARATION" if when == "after" else "NEW")
    assert outcome(s1) == 200
    assert s1.server.requests[0].fault == f"{kind.partition(':')[0]}:{when}"


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("refuse", 503, "QUERY_LIMIT_EXCEEDED"),
        ("expired_token", 401, "expired_token"),
        ("invalid_token", 401, "invalid_token"),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_refusals_are_never_executed(s1, kind, status, error, when):
    s1.server.faults.script([f"{kind}:{when}"])
    assert s1.trigger("DEAL_57").error[:2] == (status, error)
    assert s1.at("DEAL_57") == "NEW"


def test_redirect_to_another_host(s1):
    s1.server.faults.script([Fault(kind=FaultKind.REDIRECT, location="https://elsewhere.example/x")])
    reply = s1.trigger("DEAL_57")
    assert (reply.status, reply.headers["location"]) == (302, "https://elsewhere.example/x")
    assert s1.at("DEAL_57") == "NEW"


def test_an_error_with_an_envelope_of_ones_own(s1):
    s1.server.faults.script([{"kind": "error", "status": 401, "code": "CONNECTION_ERROR", "description": "Oops"}])
    assert s1.trigger("DEAL_57").error == (401, "CONNECTION_ERROR", "Oops")


def test_single_commands_fail(s1):
    fault = {"kind": "command_error", "keys": ["c1"], "code": "OPERATION_TIME_LIMIT", "description": "Blocked."}
    s1.server.faults.script([fault])
    result = s1.batch({"c0": "scope", "c1": FIRE.format(57)}).result
    assert set(result["result"]) == {"c0"}
    assert result["result_error"] == {"c1": {"error": "OPERATION_TIME_LIMIT", "error_description": "Blocked."}}
    assert s1.at("DEAL_57") == "NEW"
    s1.server.faults.script([{**fault, "when": "after"}])
    assert "c1" in s1.batch({"c1": FIRE.format(57)}).result["result_error"]
    assert s1.at("DEAL_57") == "PREPARATION"


@pytest.mark.parametrize("executed", [0, 1, 2])
def test_a_process_that_dies_in_the_middle_of_a_batch(s1, executed):
    for number in (58, 59):
        s1.portal.add_deal(id=number)
    s1.server.faults.script([Fault(kind=FaultKind.HTML, status=502, when="after", commands=executed, method="batch")])
    assert s1.get("scope").status == 200  # waits for a batch
    assert s1.batch([FIRE.format(number) for number in (57, 58, 59)]).status == 502
    stages = [s1.at(f"DEAL_{number}") for number in (57, 58, 59)]
    assert stages == ["PREPARATION"] * executed + ["NEW"] * (3 - executed)


def test_the_portal_goes_on_after_the_client_has_left(s1):
    s1.portal.clock.auto_advance = False
    s1.portal.latency.set(command_ms=1000)
    s1.portal.add_deal(id=58)
    s1.server.faults.script([Fault(kind=FaultKind.RESET, when="after", seconds=1.5)])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(s1.batch, [FIRE.format(57), FIRE.format(58)])
        wait_until(lambda: s1.portal.clock.waiting == 2)  # the execution, and the connection's end
        s1.server.clock.advance(1)
        wait_until(lambda: s1.at("DEAL_57") == "PREPARATION")
        assert s1.at("DEAL_58") == "NEW"
        s1.server.clock.advance(0.5)
        with pytest.raises(ConnectionResetError):
            answer.result(10)
    assert s1.at("DEAL_58") == "NEW"
    s1.server.clock.advance(0.5)
    wait_until(lambda: s1.at("DEAL_58") == "PREPARATION")


def wait_until(condition):
    import time

    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "this should have happened by now"
        time.sleep(0.002)


def test_delay_before_and_after_the_effect(s1):
    began = s1.server.clock.now()
    s1.server.faults.script(
        [Fault(kind=FaultKind.DELAY, seconds=30), Fault(kind=FaultKind.DELAY, seconds=5, when="after")]
    )
    assert s1.trigger("DEAL_57").result is True
    assert s1.server.clock.now() - began == pytest.approx(30)
    assert s1.portal.history_of("DEAL_57")[-1].time - began == pytest.approx(30)
    assert s1.trigger("DEAL_57", "exec").result is True
    assert s1.portal.history_of("DEAL_57")[-1].time - began == pytest.approx(30)
    assert s1.server.clock.now() - began == pytest.approx(35)


def test_a_script_is_taken_step_by_step(s1):
    s1.server.faults.script([None, "html:502", None])
    assert [outcome(s1) for _ in range(4)] == [200, 502, 200, 200]
    assert s1.server.faults.pending == 0


def test_every_fourth_request(s1):
    s1.server.faults.script([None, None, None, "reset:after"], repeat=True)
    assert [outcome(s1) for _ in range(8)] == [200, 200, 200, "reset"] * 2
    s1.server.faults.clear()
    assert outcome(s1) == 200


def test_random_faults_are_the_same_for_the_same_seed():
    def drawn(seed):
        plan = FaultPlan()
        plan.randomly(0.5, ["cut", "html:502:after", {"kind": "reset", "method": "batch"}], seed=seed)
        return [plan.next_for("scope") for _ in range(200)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    hit = [fault for fault in drawn(1) if fault is not None]
    assert 40 < len(hit) < 160
    assert {fault.kind for fault in hit} == {FaultKind.CUT, FaultKind.HTML}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nonsense", "no fault is called 'nonsense'"),
        ("html:sometimes", "neither a status"),
        ({"status": 500}, "needs a 'kind'"),
        ({"kind": "cut", "colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_a_malformed_fault_is_named(spec, message):
    with pytest.raises(ValueError, match=message):
        Fault.parse(spec)


def test_random_faults_need_sense():
    for probability, kinds in ((2, ["cut"]), (-0.1, ["cut"]), (0.5, [])):
        with pytest.raises(ValueError, match="probability"):
            FaultPlan().randomly(probability, kinds, seed=0)


@pytest.mark.parametrize("fault", ["cut:after", "reset:after", "cut_body:after", "truncated"])
def test_connections_end_over_tls_too(clock, fault):
    with SimulatorServer(clock=clock, tls=True) as server:
        set_up_s1(server)
        portal = Portal(server)
        server.faults.script([fault])
        if fault == "truncated":
            assert portal.trigger("DEAL_57").status == 200
        else:
            with pytest.raises((OSError, http.client.HTTPException)):
                portal.trigger("DEAL_57")
        assert portal.trigger("DEAL_57").result is True
        assert server.moves["DEAL_57"] == 1
        assert server.crashes == []
