"""What a command costs is asked for, measured once, and shared when it has changed much."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.firing.cost import CostSharing
from airflow_provider_bitrix24.client.firing.job import Job
from airflow_provider_bitrix24.client.firing.requests import RequestBuilder
from airflow_provider_bitrix24.client.flows.effects import ShareCost
from airflow_provider_bitrix24.client.limits.cost import SharedCost


def sharing(code="c", *, batches=True):
    return CostSharing(RequestBuilder(Job(code=code), batches=batches))


def asked_for(cost):
    """The effect by which a cost is asked for."""
    return next(cost.ask(0.0))


def test_what_another_process_has_measured_is_taken_over(perform):
    cost = sharing()
    assert perform(cost.ask(5.0), ("ask cost", SharedCost(0.5))) == 5.0
    assert cost.builder.knows_cost
    assert not cost.measuring
    assert perform(cost.ask(6.0)) == 6.0


def test_a_process_that_is_measuring_is_waited_for(perform):
    cost = sharing()
    steps = [("ask cost", SharedCost(None, 0.1)), ("sleep 0.1 pace", 5.1), ("ask cost", SharedCost(0.5))]
    assert perform(cost.ask(5.0), *steps) == 5.1


def test_the_first_process_measures_and_asks_no_more(perform):
    cost = sharing()
    assert perform(cost.ask(5.0), ("ask cost", SharedCost(None))) == 5.0
    assert cost.measuring
    assert perform(cost.ask(6.0)) == 6.0


@pytest.mark.parametrize(("measured", "within"), [(0.2, True), (0.39, True), (0.1, True), (0.81, False), (0.09, False)])
def test_a_cost_is_shared_once_and_again_when_it_has_doubled_or_halved(perform, measured, within):
    cost = sharing()
    perform(cost.share())
    cost.builder.sizer.learn(0.2)
    perform(cost.share(), ("share cost 0.2", SharedCost(0.2)))
    perform(cost.share())
    cost.builder.sizer.note(10 * measured, 10)
    steps = () if within else ((f"share cost {measured:g}", SharedCost(measured)),)
    perform(cost.share(), *steps)


def test_direct_calls_share_nothing(perform):
    cost = sharing(batches=False)
    cost.builder.sizer.learn(0.2)
    perform(cost.share())
    assert perform(cost.ask(5.0)) == 5.0


def test_each_code_has_a_cost_of_its_own_and_a_name_that_does_not_show_it():
    names = {code: asked_for(sharing(code)).name for code in ("c", "d", None, "None")}
    assert len(set(names.values())) == 4
    assert all(isinstance(asked_for(sharing(code)), ShareCost) and len(name) == 16 for code, name in names.items())
