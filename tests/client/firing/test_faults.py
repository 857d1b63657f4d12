"""Each fault at each request of a run, with both clients: nothing twice, nothing lost, nothing left unknown.

The trigger's code sits on three stages in a row, so that a second fire of a target shows as a second move.
"""

from __future__ import annotations

import threading

import pytest

from airflow_provider_bitrix24.client.errors import ConnectFailed, OperatingLimitError, OutcomeUnknown, ProtocolError
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from tests.support.drivers import KINDS

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover; tracing them takes longer than they do

LOST = ["reset", "cut", "cut_body", "truncated", "empty:200", "html:200", "html:502", "html:503", "error:500"]
REFUSED = ["refuse", "busy"]
REQUESTS = {1: 2, 100: 4, 260: 7}
BUSY = Fault(kind=FaultKind.ERROR, status=429, code="OPERATION_TIME_LIMIT", description="Blocked.")


def all_done(bench, count):
    report = bench.outcomes[-1]
    assert (report.moved, len(report.results)) == (count, count), report.as_dict()
    assert set(bench.portal.moves.values()) == {1}
    assert set(bench.portal.fires.values()) == {1}
    assert len(bench.portal.fires) == count


def hit(run_with_both_clients, count, script, *, repeat=False, **options):
    def scenario(bench):
        targets = bench.stairs(count)
        bench.server.faults.script([BUSY if step == "busy" else step for step in script], repeat=repeat)
        bench.fire(targets)

    bench = run_with_both_clients(scenario, **options)
    all_done(bench, count)
    assert bench.server.faults.injected
    return bench


@pytest.mark.parametrize("fault", [f"{kind}:{when}" for kind in LOST for when in ("before", "after")] + REFUSED)
@pytest.mark.parametrize("count", [1, 100])
def test_a_fault_at_any_request(run_with_both_clients, count, fault):
    for place in range(REQUESTS[count]):
        hit(run_with_both_clients, count, [None] * place + [fault])


@pytest.mark.parametrize("fault", ["error:500:after", "html:502:before"])
def test_a_fault_at_any_request_of_a_longer_run(run_with_both_clients, fault):
    for place in range(REQUESTS[260]):
        hit(run_with_both_clients, 260, [None] * place + [fault])


@pytest.mark.parametrize("fault", [*(f"{kind}:after" for kind in LOST), *REFUSED])
def test_a_fault_at_every_fourth_request(run_with_both_clients, fault):
    hit(run_with_both_clients, 100, [None, None, None, fault], repeat=True)


@pytest.mark.parametrize("fault", ["cut:after", "html:502:before", "error:500:after"])
def test_a_fault_at_every_fourth_request_of_a_longer_run(run_with_both_clients, fault):
    hit(run_with_both_clients, 260, [None, None, None, fault], repeat=True)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("fault", ["reset:after", "html:502:before", "refuse"])
def test_several_requests_in_flight_come_to_the_same_end(benches, kind, fault):
    for place in (1, 2, 4, 6):
        with benches(kind, settings={"max_concurrency": 4}) as bench:
            targets = bench.stairs(260)
            bench.server.faults.script([None] * place + [fault, None, fault])
            bench.fire(targets)
            all_done(bench, 260)


@pytest.mark.parametrize("executed", [0, 1, 10, 24, 25])
def test_a_batch_that_dies_in_the_middle_goes_on_where_it_stopped(run_with_both_clients, executed):
    fault = Fault(kind=FaultKind.CUT, when="after", commands=executed)
    bench = hit(run_with_both_clients, 100, [None, fault])
    assert bench.sleeps == ([] if executed >= 24 else [60.0]), "who certainly ran is not waited for"


@pytest.mark.parametrize(
    "code", ["INTERNAL_SERVER_ERROR", "ERROR_CORE", "OPERATION_TIME_LIMIT", "QUERY_LIMIT_EXCEEDED"]
)
def test_commands_that_fail_inside_a_batch_are_fired_again_alone(run_with_both_clients, code):
    fault = Fault(kind=FaultKind.COMMAND_ERROR, keys=("c0", "c3", "c24"), code=code, description="")
    hit(run_with_both_clients, 100, [None, fault])


def test_a_snapshot_that_fails_for_some_says_that_they_were_not_fired(run_with_both_clients):
    fault = Fault(kind=FaultKind.COMMAND_ERROR, keys=("c0",), code="ERROR_CORE", description="")

    def scenario(bench):
        targets = bench.stairs(60)
        bench.server.faults.script([fault] * 5)
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    report = bench.outcomes[0]
    assert (report.moved, report.failed) == (10, 50)
    assert {(each.error.code, each.error.executed) for each in report.results if each.error} == {("ERROR_CORE", "no")}
    assert len(bench.portal.fires) == 10


def test_commands_that_fail_after_their_effect_are_seen_to_have_moved(run_with_both_clients):
    fault = Fault(kind=FaultKind.COMMAND_ERROR, when="after", keys=("c0", "c3"), code="ERROR_CORE", description="")
    bench = hit(run_with_both_clients, 100, [None, fault])
    assert bench.sleeps == [], "a complete answer came, so nothing can still be going on"


@pytest.mark.parametrize("place", range(1, 4))
def test_a_redirect_in_the_middle_stops_and_reports(run_with_both_clients, place):
    def scenario(bench):
        targets = bench.stairs(100)
        bench.server.faults.script([None] * place + ["redirect"])
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    if place == 1:
        assert isinstance(bench.outcomes[0], ProtocolError)
        assert bench.portal.fires == {}
    else:
        assert bench.outcomes[0].moved == len(bench.portal.moves) == {2: 24, 3: 73}[place]
        assert {each.error.executed for each in bench.outcomes[0].results if each.error} == {"no"}


@pytest.mark.parametrize("place", range(5))
def test_a_portal_that_is_away_for_a_moment_is_waited_for(run_with_both_clients, place):
    """A bucket of three that others use lets one request through at a time, so that each is preceded by a pause."""

    def scenario(bench):
        targets = bench.stairs(100)
        host = bench.client_parts()[0].host
        bench.store.update(host, lambda _, now: ({"level": 1.0, "at": now}, None))
        seen = []

        def go_away_and_come_back(_seconds):
            seen.append(1)
            if len(seen) == place + 1:
                bench.server.stop()
            elif len(seen) == place + 3:
                bench.server.start()

        bench.on_sleep = go_away_and_come_back
        bench.fire(targets)
        bench.do("get_stages", targets[:1])
        assert len(seen) > place + 1, "the portal went away"

    bench = run_with_both_clients(scenario, settings={"bucket_size": 3})
    if place < 3:
        report, _ = bench.outcomes
        assert report.moved == 100
        assert set(bench.portal.fires.values()) == set(bench.portal.moves.values()) == {1}


def test_a_portal_that_stays_away_is_left(run_with_both_clients):
    def scenario(bench):
        targets = bench.stairs(100)
        host = bench.client_parts()[0].host
        bench.store.update(host, lambda _, now: ({"level": 48.0, "at": now}, None))
        bench.on_sleep = lambda _: bench.server.stop()
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    assert isinstance(bench.outcomes[0], ConnectFailed)
    assert bench.portal.fires == {}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", range(4))
def test_a_read_time_out_while_the_portal_continues_to_execute(benches, kind, place, when):
    """The portal holds the request for half a minute of its own time, longer than the client waits.

    On a busy machine other answers may come too late as well, so that clients are not compared here.
    """
    with benches(kind, auto_advance=False, settings={"read_timeout": 0.3}) as bench:
        targets = bench.stairs(100)
        bench.server.faults.script([None] * place + [Fault(kind=FaultKind.DELAY, seconds=30, when=when)])

        def let_it_finish(_seconds):
            bench.server.clock.advance(30)
            while bench.server.faults.injected and not any(each.fault for each in bench.server.requests):
                threading.Event().wait(0.001)

        bench.on_sleep = let_it_finish
        bench.fire(targets)
        all_done(bench, 100)
        assert bench.server.faults.injected


def test_a_direct_call_without_an_answer_stays_unknown_and_is_not_repeated(run_with_both_clients):
    def scenario(bench):
        bench.stairs(1)
        bench.server.faults.script(["reset:after"])
        bench.fire("DEAL_1", verify=False)
        bench.server.faults.script(["reset:before"])
        bench.do("call", "crm.item.list", {"entityTypeId": 2})

    bench = run_with_both_clients(scenario)
    report, error = bench.outcomes
    assert (report.results[0].outcome, report.results[0].error.executed) == ("failed", "unknown")
    assert isinstance(error, OutcomeUnknown)
    assert len(bench.server.requests) == 2


def test_a_method_blocked_for_ever_is_left_after_a_while(run_with_both_clients):
    def scenario(bench):
        targets = bench.stairs(3)
        bench.portal.operating.seconds = -1.0
        bench.fire(targets, verify=False)
        bench.do("call", "crm.automation.trigger", {"target": "DEAL_1"})

    bench = run_with_both_clients(scenario)
    assert [type(outcome) for outcome in bench.outcomes] == [OperatingLimitError] * 2
    assert bench.portal.fires == {}
    assert 600 < sum(bench.sleeps[:9]) < 1200


def test_what_is_in_doubt_when_reading_is_forbidden_stays_unknown(benches):
    denied = Fault(kind=FaultKind.ERROR, status=401, code="ACCESS_DENIED", description="")

    def window_reads(bench):
        return [place for place, request in enumerate(bench.server.requests) if request.commands == 2]

    with benches("sync", plan="self-hosted") as clean:
        clean.fire(clean.stairs(2600))
        [second_window] = window_reads(clean)
    with benches("sync", plan="self-hosted") as bench:
        targets = bench.stairs(2600)
        # The lost request costs one look, which finds nothing moved and puts it off.
        script = [None] * (second_window + 2)
        script[2], script[second_window + 1] = "reset:before", denied
        bench.server.faults.script(script)
        report = bench.fire(targets)
    lost = [each for each in report.results if each.outcome == "failed"]
    assert {(each.error.code, each.error.executed) for each in lost} == {("OutcomeUnknown", "unknown")}
    assert len(lost) == 49
    assert report.moved + report.unverified == 2551
    assert set(bench.portal.fires.values()) == {1}
