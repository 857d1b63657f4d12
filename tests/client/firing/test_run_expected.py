"""Expected stages are checked before the first fire, and told apart from any other move afterwards."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from tests.support.firing_flow import DENIED, STAGES, batch, fired, found, item, trigger


def test_an_expected_stage_that_exists_costs_no_request(perform):
    report = perform(
        trigger("DEAL_1", expected_stage="WON"),
        ("acquire 1", 0.0),
        ("send batch of 2", [found(item(1), stages=STAGES)]),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON"))]),
    )
    assert report.moved == 1


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("won", "WON"), ("Prepare documents", "PREPARATION"), ("Deal won", "WON"), ("PREPARATOIN", "PREPARATION")],
)
def test_nothing_is_fired_for_a_stage_that_does_not_exist(perform, wrong, meant):
    with pytest.raises(ConfigurationError) as caught:
        perform(
            trigger("DEAL_1", expected_stage=["NEW", wrong]),
            ("acquire 1", 0.0),
            ("send batch of 2", [found(item(1, "PREPARATION"), stages=STAGES)]),
        )
    assert f"Did you mean {meant} (" in str(caught.value)


def test_a_stage_that_does_not_exist_is_found_even_if_a_target_stands_at_another_expected_one(perform):
    with pytest.raises(ConfigurationError):
        perform(
            trigger("DEAL_1", expected_stage=["NEW", "won"]),
            ("acquire 1", 0.0),
            ("send batch of 2", [found(item(1), stages=STAGES)]),
        )


@pytest.mark.parametrize(
    "answer", [batch({"c0": {"items": [item(1)]}}, {"c1": DENIED}), found(item(1), stages=[]), found(item(1))]
)
def test_where_the_stages_cannot_be_read_the_target_is_fired_all_the_same(perform, answer):
    report = perform(
        trigger("DEAL_1", expected_stage="won"),
        ("acquire 1", 0.0),
        ("send batch of 2", [answer]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON", "later"))]),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1, "WON", "later"))]),
    )
    assert report.elsewhere == 1


def test_a_stage_of_another_pipeline_is_logged_and_fired_for(perform):
    at_5 = {**item(1, "C5:NEW"), "categoryId": 5}
    report = perform(
        trigger("DEAL_1", expected_stage="WON"),
        ("acquire 1", 0.0),
        ("send batch of 2", [found(at_5, stages=STAGES)]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON"))]),
    )
    assert report.moved == 1


def test_a_robot_that_moves_a_target_on_makes_it_elsewhere(perform):
    report = perform(
        trigger("DEAL_1", expected_stage="PREPARATION"),
        ("acquire 1", 0.0),
        ("send batch of 2", [found(item(1), stages=STAGES)]),
        ("acquire 1", 0.0),
        ("send batch of 2", [fired(1, item(1, "WON", "later"))]),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1, "WON", "later"))]),
    )
    assert (report.elsewhere, report.unmoved, report.results[0].stage_after) == (1, 0, "WON")
