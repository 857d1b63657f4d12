"""Previews: what would be fired, without sending anything that changes anything."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError


def outcomes(report):
    return {result.target: result.outcome for result in report.results}


def test_it_tells_what_would_be_fired_what_is_there_and_what_would_fail(bench):
    bench.deals(2)
    bench.portal.add_deal(3, stage="PREPARATION")

    report = bench.fire(["DEAL_1", "DEAL_2", "DEAL_3", "DEAL_9"], expected_stage="PREPARATION", preview=True)

    assert outcomes(report) == {
        "DEAL_1": "would_fire",
        "DEAL_2": "would_fire",
        "DEAL_3": "already",
        "DEAL_9": "failed",
    }
    assert (report.would_fire, report.already, report.failed, report.moved) == (2, 1, 1, 0)
    assert report.results[0].stage_before == "NEW"
    assert report.results[0].stage_after is None
    assert report.as_dict()["would_fire"] == 2
    assert bench.server.fires == {}


def test_the_key_of_a_preview_is_in_no_other_report(bench):
    bench.deals(1)

    assert "would_fire" not in bench.fire("DEAL_1").as_dict()
    assert bench.fire([], preview=True).as_dict()["would_fire"] == 0


@pytest.mark.parametrize("preview", [True, "true", "True", " YES ", "1", "yes"])
def test_what_a_template_renders_for_true_is_a_preview(bench, preview):
    bench.deals(1)

    assert bench.fire("DEAL_1", preview=preview).would_fire == 1
    assert bench.server.fires == {}


@pytest.mark.parametrize("preview", [False, "false", "False", "0", "no", "NO", "", "  "])
def test_what_a_template_renders_for_false_is_none(bench, preview):
    bench.deals(1)

    assert bench.fire("DEAL_1", preview=preview).moved == 1


@pytest.mark.parametrize("preview", [None, 1, 0, "on", "maybe", "None", [], "{{ params.preview }}"])
def test_anything_else_is_refused_and_nothing_is_sent(bench, preview):
    bench.deals(1)

    error = bench.fire("DEAL_1", preview=preview)

    assert isinstance(error, ConfigurationError)
    assert "preview is" in error.message
    assert bench.server.requests.total == 0


def test_a_stage_that_does_not_exist_is_refused(bench):
    bench.deals(1)

    error = bench.fire("DEAL_1", expected_stage="PREPRATION", preview=True)

    assert isinstance(error, ConfigurationError)
    assert "Did you mean PREPARATION" in str(error)


def test_later_stages_count_where_they_will_do(bench):
    bench.deals(1, stage="EXECUTING")

    report = bench.fire("DEAL_1", expected_stage="PREPARATION", or_later=True, preview=True)

    assert outcomes(report) == {"DEAL_1": "already"}


def test_what_cannot_be_read_would_be_fired_and_the_reason_says_so(bench):
    bench.deals(1)

    report = bench.fire(["CONTACT_7", "DEAL_1"], preview=True)
    blind = bench.fire("DEAL_1", verify=False, preview=True)

    assert outcomes(report) == {"CONTACT_7": "would_fire", "DEAL_1": "would_fire"}
    assert "acts on other entities" in report.results[0].reason
    assert blind.results[0].reason == "Verification is off."


def test_thousands_are_read_2500_a_request_and_none_is_fired(benches):
    with benches("sync") as bench:
        report = bench.fire(bench.deals(5_100), preview=True)

        assert report.would_fire == 5_100
        assert bench.server.requests.total == 3
        assert report.as_dict()["results"] == []
        assert bench.server.fires == {}


def test_both_clients_preview_alike(run_with_both_clients):
    run_with_both_clients(lambda bench: bench.fire(bench.deals(3), expected_stage="PREPARATION", preview="yes"))
