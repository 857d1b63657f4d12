"""Both clients keep the portal's limits, wait where they are reached, and finish. All on the portal's virtual clock."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client import parse_webhook_url
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover; tracing them takes longer than they do


def once(bench, count):
    assert set(bench.portal.fires.values()) == {1}
    assert len(bench.portal.fires) == count


def passed(bench):
    """Seconds of the portal's clock from the first request to the last answer."""
    requests = list(bench.server.requests)
    return requests[-1].moment + requests[-1].duration - requests[0].moment


@pytest.mark.parametrize(
    ("kind", "drain", "verify", "requests", "seconds"),
    [
        ("async", "continuous", False, 101, 26.1),
        ("sync", "steps", False, 101, 26.1),
        ("sync", "steps", True, 105, 28.1),
    ],
)
def test_5_000_targets_are_never_refused_and_nearly_as_fast_as_the_bucket_leaks(
    benches, kind, drain, verify, requests, seconds
):
    with benches(kind) as bench:
        bench.server.limits.drain = drain
        bench.server.limits.refused_count = True
        bench.fire(bench.stairs(5000), verify=verify)
    assert bench.server.limits.refused == 0
    assert len(bench.server.requests) == requests
    assert passed(bench) == pytest.approx(seconds)
    once(bench, 5000)
    assert bench.outcomes[0].failed == bench.outcomes[0].unmoved == 0


@pytest.mark.parametrize("verify", [True, False])
def test_a_bucket_that_is_smaller_than_the_plan_says_refuses_and_loses_nothing(run_with_both_clients, verify):
    def scenario(bench):
        bench.server.limits.capacity = 4.0
        bench.server.limits.refused_count = True
        bench.fire(bench.stairs(1000), verify=verify)

    bench = run_with_both_clients(scenario)
    assert bench.server.limits.refused > 0
    once(bench, 1000)
    assert bench.outcomes[0].failed == 0
    assert passed(bench) < 120


def test_somebody_else_at_the_same_address_slows_us_down_instead_of_stopping_us(run_with_both_clients):
    def scenario(bench):
        targets = bench.stairs(1200)

        def somebody_else(seconds):
            for _ in range(round(seconds)):
                bench.server.limits.admit("127.0.0.1", bench.server.clock.now())

        bench.on_sleep = somebody_else
        bench.fire(targets)

    bench = run_with_both_clients(scenario, settings={"bucket_size": 10})
    assert bench.outcomes[0].moved == 1200
    once(bench, 1200)


@pytest.mark.parametrize(("limit", "count"), [(480.0, 200), (100.0, 80), (9.0, 30)])
def test_the_operating_limit_reached_in_the_middle_is_waited_out_in_batches(run_with_both_clients, limit, count):
    def scenario(bench):
        bench.server.latency.set(command_ms=4000)
        bench.portal.operating.seconds = limit
        bench.fire(bench.stairs(count))

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == count
    once(bench, count)
    assert sum(bench.sleeps) > 30
    assert max(request.duration for request in bench.server.requests) <= 60


def test_the_operating_limit_reached_in_the_middle_is_waited_out_in_direct_calls(run_with_both_clients):
    def scenario(bench):
        targets = bench.stairs(60)
        bench.server.latency.set(command_ms=9000)
        bench.portal.settings.subscription = "missing"
        bench.fire(targets, url=bench.server.system_webhook_url)

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].unverified == 60
    once(bench, 60)
    assert sum(bench.sleeps) > 60


def test_a_method_that_is_banned_for_ten_minutes_is_waited_for(run_with_both_clients):
    def scenario(bench):
        bench.server.latency.set(command_ms=4000)
        bench.portal.operating.seconds = 60.0
        bench.portal.operating.ban_seconds = 600.0
        bench.fire(bench.stairs(40))

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == 40
    once(bench, 40)


def test_a_budget_that_was_spent_before_the_first_call_is_waited_for(run_with_both_clients):
    def scenario(bench):
        targets = bench.stairs(10)
        pasted = parse_webhook_url(bench.server.webhook_url).portal
        webhook = bench.portal.accounts.find_webhook(pasted.user_id, pasted.secret)
        for method in ("crm.automation.trigger", "crm.item.list"):
            bench.portal.operating.spend(f"webhook:{webhook.id}", method, 1000.0, bench.server.clock.now())
        bench.fire(targets)
        bench.do("get_stages", targets)

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == 10
    assert len(bench.outcomes[1]) == 10
    once(bench, 10)


def test_a_hundred_slow_triggers_run_in_batches_that_stay_far_below_the_portals_cut(run_with_both_clients):
    def scenario(bench):
        targets = bench.stairs(100)
        bench.portal.add_robot("PREPARATION", seconds=0.73)
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == 100
    once(bench, 100)
    assert max(request.duration for request in bench.server.requests) < 25
    assert passed(bench) == pytest.approx(73.0, abs=1)


@pytest.mark.parametrize("seconds", [3.0, 10.0, 29.0])
def test_triggers_so_slow_that_the_portal_cuts_the_first_batch_are_all_done_once(run_with_both_clients, seconds):
    def scenario(bench):
        targets = bench.stairs(40)
        bench.portal.operating.enabled = False
        bench.portal.add_robot("PREPARATION", seconds=seconds)
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == 40, bench.outcomes[0].as_dict()
    assert set(bench.portal.moves.values()) == {1}
    cut = [request for request in bench.server.requests if request.status == 504]
    assert 1 <= len(cut) <= 4


def test_a_wait_of_over_a_minute_has_the_rest_read_again(run_with_both_clients):
    refused = Fault(kind=FaultKind.ERROR, status=429, code="OPERATION_TIME_LIMIT", description="")

    def scenario(bench):
        targets = bench.stairs(60)
        bench.server.faults.script([None, None, *[refused] * 4])

        def a_colleague_moves_one(_seconds):
            if len(bench.sleeps) == 4:
                item = bench.portal.find("DEAL_60")
                stage = bench.portal.pipelines[2, 0].stage("PREPAYMENT_INVOICE")
                bench.portal.place(item, 0, stage, moved_by=1)

        bench.on_sleep = a_colleague_moves_one
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    report = {each.target: each for each in bench.outcomes[0].results}
    assert report["DEAL_60"].stage_before == "PREPAYMENT_INVOICE"
    assert report["DEAL_60"].stage_after == "EXECUTING"
    assert report["DEAL_59"].stage_before == "NEW"


def test_a_long_wait_before_the_very_first_fire_has_everybody_read_again(run_with_both_clients):
    def scenario(bench):
        targets = bench.stairs(2)

        def a_colleague_moves_one(_seconds):
            if len(bench.sleeps) == 1:
                item = bench.portal.find("DEAL_2")
                stage = bench.portal.pipelines[2, 0].stage("PREPARATION")
                bench.portal.place(item, 0, stage, moved_by=1)

        bench.on_sleep = a_colleague_moves_one
        note = bench.portal.request_log.close

        def note_while_others_queue_up(seen):
            note(seen)
            if bench.portal.request_log.total == 1:
                host = bench.client_parts()[0].host
                bench.store.update(host, lambda _, now: ({"level": 48.0 + 200.0, "at": now}, None))

        bench.portal.request_log.close = note_while_others_queue_up
        bench.fire(targets, expected_stage="PREPARATION")

    bench = run_with_both_clients(scenario)
    assert bench.sleeps[0] > 60
    assert bench.portal.fires == {"DEAL_1": 1}
    assert bench.outcomes[0].already == 1
