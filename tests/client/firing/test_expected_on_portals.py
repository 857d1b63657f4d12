"""Expected stages on a real portal, with both clients: found before the first fire, and without further requests."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError

EVERY_TYPE = [
    # type number, target, stage before, stage of the trigger
    (1, "LEAD_4", "NEW", "IN_PROCESS"),
    (2, "DEAL_57", "C5:NEW", "C5:PREPARATION"),
    (7, "QUOTE_3", "DRAFT", "SENT"),
    (31, "SMART_INVOICE_12", "DT31_2:N", "DT31_2:S"),
    (177, "DYNAMIC_177_5", "DT177_12:NEW", "DT177_12:PREPARATION"),
]


def results(bench):
    return {each.target: (each.outcome, each.stage_before, each.stage_after) for each in bench.outcomes[-1].results}


def test_an_expected_stage_spares_those_that_stand_there(run_with_both_clients):
    def scenario(bench):
        targets = bench.deals(2)
        bench.portal.add_deal(3, stage="PREPARATION")
        bench.fire([*targets, "DEAL_3"], expected_stage=["PREPARATION", "WON"])

    bench = run_with_both_clients(scenario)
    [report] = bench.outcomes
    assert (report.moved, report.already, bench.portal.fires["DEAL_3"]) == (2, 1, 0)
    assert [request.commands for request in bench.server.requests] == [2, 3], "the stages ride along"


@pytest.mark.parametrize(
    ("target", "stage", "meant"),
    [
        ("DEAL_1", "preparation", "PREPARATION ("),
        ("DEAL_1", "Won", "WON ("),
        ("DEAL_1", "C0:PREPARATION", "PREPARATION ("),
        ("DEAL_57", "c5:PREPARATION", "C5:PREPARATION ("),
        ("DEAL_57", "C5:Won", "C5:WON ("),
        ("DYNAMIC_177_5", "PREPARATION", "DT177_12:PREPARATION ("),
        ("SMART_INVOICE_12", "S", "DT31_2:S ("),
    ],
)
def test_for_a_stage_that_does_not_exist_nothing_is_fired(run_with_both_clients, target, stage, meant):
    def scenario(bench):
        bench.deals(1)
        for number, each, standing, following in EVERY_TYPE:
            bench.portal.add_item(number, int(each.rpartition("_")[2]), stage=standing)
            bench.portal.add_trigger(following, code="c", type_id=number)
        bench.fire(target, expected_stage=stage)

    bench = run_with_both_clients(scenario)
    [error] = bench.outcomes
    assert isinstance(error, ConfigurationError)
    assert f"expected_stage {stage!r} is not a stage of" in str(error)
    assert " Nothing was fired. " in str(error)
    assert f"Did you mean {meant}" in str(error)
    assert bench.portal.fires == {}


def test_a_stage_of_another_pipeline_is_fired_for_and_only_warned_of(run_with_both_clients):
    def scenario(bench):
        bench.fire(bench.deals(2), expected_stage="C5:PREPARATION")

    bench = run_with_both_clients(scenario)
    [report] = bench.outcomes
    assert (report.elsewhere, report.results[0].stage_after) == (2, "PREPARATION")
    assert [
        line for line in bench.logged if "C5:PREPARATION is a stage of DEAL pipeline 5, not of DEAL pipeline 0" in line
    ]


def test_a_target_that_a_robot_moves_on_is_elsewhere(run_with_both_clients):
    def scenario(bench):
        targets = bench.deals(2)
        bench.portal.add_robot("PREPARATION", move_to="FINAL_INVOICE")
        bench.fire(targets, expected_stage="PREPARATION")

    bench = run_with_both_clients(scenario)
    assert results(bench) == dict.fromkeys(("DEAL_1", "DEAL_2"), ("elsewhere", "NEW", "FINAL_INVOICE"))


@pytest.mark.parametrize(("count", "more"), [(1, 0), (100, 0), (2450, 0), (2451, 1), (2500, 1), (5000, 1)])
@pytest.mark.no_cover
def test_the_check_of_an_expected_stage_costs_no_request_up_to_2_450_targets_and_one_above_at_most(
    benches, count, more
):
    sent = []
    for expected in (None, "PREPARATION"):
        with benches("sync", plan="self-hosted", settings={"max_concurrency": 4}) as bench:
            bench.fire(bench.deals(count), expected_stage=expected)
            sent.append(len(bench.server.requests))
            assert bench.outcomes[0].moved == count
            assert set(bench.portal.fires.values()) == {1}
    assert sent[1] == sent[0] + more
