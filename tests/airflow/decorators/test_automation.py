"""``@task.bitrix24_trigger``, found by Airflow under this name and run by its own task runner."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.decorators.automation import (
    WHAT_IT_RETURNS,
    TriggerAutomationDecoratedOperator,
)
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.simulator.testing import connection_json

try:
    from airflow.sdk import DAG, XComArg, task
except ImportError:
    from airflow.decorators import task
    from airflow.models.dag import DAG  # noqa: TID251 - 2.11
    from airflow.models.xcom_arg import XComArg  # noqa: TID251 - 2.11


def offers():
    return ["DEAL_57", "DEAL_58"]


# -- which targets are fired


def test_the_targets_that_a_function_returns_are_fired_and_the_report_is_the_output(portal, run):
    ran = run(offers)

    assert ran.state == "success", repr(ran.error)
    assert ran.xcoms["return_value"]["moved"] == 2
    assert [each["target"] for each in ran.xcoms["return_value"]["results"]] == offers()
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}
    assert ran.xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/57/"


@pytest.mark.parametrize(
    "returned",
    [
        "DEAL_57",
        ["DEAL_57"],
        ("DEAL_57", "deal_57"),
        {"DEAL_57"},
        {"DEAL_57": 1}.keys(),
        pytest.param(iter(["DEAL_57"]), id="iterator"),
    ],
)
def test_one_target_or_any_number_of_them_may_be_returned(portal, run, returned):
    ran = run(lambda: returned, task_id="move")

    assert ran.state == "success"
    assert portal.fires == {"DEAL_57": 1}


@pytest.mark.parametrize(
    "returned",
    [[(57,), (58,)], [{"id": 57}, {"id": 58}], (number for number in (57, 58)), pd.DataFrame({"id": [57, 58]})],
    ids=["rows", "dicts", "generator", "frame"],
)
def test_rows_of_a_query_may_be_returned(portal, run, returned):
    ran = run(lambda: returned, task_id="move", entity_type="DEAL")

    assert ran.state == "success", repr(ran.error)
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}


def test_a_generator_may_yield_them(portal, run):
    def find():
        yield from offers()

    assert run(find).report["moved"] == 2


def test_a_preview_fires_none_of_them(portal, run):
    ran = run(offers, preview="yes")

    assert ran.report["would_fire"] == 2
    assert portal.fires == {}


def test_an_empty_list_succeeds_and_sends_nothing(portal, run):
    def find():
        return []

    ran = run(find)

    assert ran.state == "success"
    assert ran.report["results"] == []
    assert portal.requests.total == 0


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, ["find returned None", "an empty list is fine"]),
        ({"deal": 57}, ["target is of type dict"]),
        (57, ["target[0] is 57: it is an id without a type", 'entity_type="DEAL"']),
        (["57", "DEAL_58"], ["target is malformed", "57"]),
        ("['DEAL_57']", ["begins with '['"]),
        (b"DEAL_57", ["target is of type bytes"]),
    ],
)
def test_a_function_that_returns_no_valid_target_fails_the_task_and_sends_nothing(portal, run, returned, words):
    def find():
        return returned

    ran = run(find, retries=3, retry_delay=timedelta(0))

    assert ran.state == "failed"
    assert all(word in str(ran.error) for word in words), str(ran.error)
    assert portal.requests.total == 0


def test_the_page_of_the_task_shows_what_the_function_returned(portal, run):
    ran = run(offers)

    # Airflow 2.11 stores the fields before the function runs.
    assert ran.rendered["target"] in (offers(), str(offers()), WHAT_IT_RETURNS)
    assert ran.rendered["code"] == "c5u4m"


# -- the function is a task's function


def test_the_function_gets_its_arguments_and_the_context_values_that_it_names(portal, run):
    def find(prefix, params=None):
        return f"{prefix}_{params['deal']}"

    ran = run(find, "{{ 'deal' | upper }}", params={"deal": 57})

    assert ran.state == "success"
    assert portal.fires == {"DEAL_57": 1}


def test_templates_in_what_it_returns_are_rendered(portal, run):
    ran = run(lambda: ["DEAL_{{ 50 + 7 }}"], task_id="move")

    assert [each["target"] for each in ran.report["results"]] == ["DEAL_57"]


def test_an_error_of_the_function_is_retried_and_nothing_is_sent(portal, run):
    def find():
        raise ValueError("no orders")

    ran = run(find, retries=1, retry_delay=timedelta(0))

    assert ran.state == "up_for_retry"
    assert portal.requests.total == 0


def test_a_permanent_error_of_the_portal_in_the_function_is_not_retried(portal, run):
    def find():
        with Bitrix24Hook() as hook:
            return hook.call("no.such.method")

    ran = run(find, retries=1, retry_delay=timedelta(0))

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)


def test_the_task_takes_its_name_and_its_documentation_from_the_function():
    def start_production():
        """Start with what has been paid."""
        return offers()

    with DAG("of_a_test", schedule=None):
        operator = task.bitrix24_trigger(start_production)().operator

    assert operator.task_id == "start_production"
    assert operator.doc_md == "Start with what has been paid."
    assert operator.custom_operator_name == "@task.bitrix24_trigger"


# -- the operator's arguments


def test_without_arguments_the_connections_code_is_fired(portal, run_task, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", connection_json(portal.trigger_url("c5u4m")))

    ran = run_task(lambda: task.bitrix24_trigger(offers)().operator)

    assert ran.report["moved"] == 2


def test_the_decorator_takes_and_templates_the_operators_arguments(portal, run):
    ran = run(offers, code="{{ params.code }}", params={"code": "nosuch"}, expected_stage="NEW")

    assert ran.report["already"] == 2
    assert ran.report["code"] == "nosuch"


def test_on_unmoved_skip_skips_the_task_if_nothing_moves(portal, run):
    ran = run(offers, code="nosuch", on_unmoved="skip")

    assert ran.state == "skipped"
    assert ran.xcoms["report"]["unmoved"] == 2


def test_arguments_that_contradict_each_other_are_refused_when_the_dag_is_read(run):
    with pytest.raises(ConfigurationError, match="verify=False"):
        run(offers, verify=False, expected_stage="WON")


def test_a_target_in_the_arguments_is_refused(run):
    with pytest.raises(ConfigurationError, match="given a target for offers"):
        run(offers, target="DEAL_57")


def test_an_async_function_is_refused(run):
    async def find():
        return offers()

    async def find_many():
        yield "DEAL_57"

    for function in (find, find_many):
        with pytest.raises(ConfigurationError, match=f"{function.__name__} is async"):
            run(function)


# -- what comes out


def test_the_report_is_one_xcom(portal, run):
    def find() -> list[str]:
        return offers()

    ran = run(find)

    assert ran.report["moved"] == 2
    assert "moved" not in ran.xcoms


def test_with_multiple_outputs_each_part_of_the_report_is_an_xcom_too(portal, run):
    ran = run(offers, multiple_outputs=True)

    assert ran.xcoms["moved"] == 2
    assert ran.xcoms["code"] == "c5u4m"
    assert len(ran.xcoms["results"]) == 2
    assert ran.report["moved"] == 2


def test_a_return_type_that_means_multiple_outputs_to_airflow_does_no_harm(portal, run):
    def find() -> dict[str, str]:
        return {"DEAL_57": "x"}.keys()

    ran = run(find)

    assert ran.state == "success"
    assert ran.xcoms["moved"] == 1


# -- mapped


@pytest.mark.parametrize("arguments", [{}, {"multiple_outputs": True}])
def test_a_mapped_function_keeps_the_operators_arguments(arguments):
    def find(deal: int, prefix: str) -> list[str]:
        return [f"{prefix}_{deal}"]

    decorate = task.bitrix24_trigger(code="c5u4m", expected_stage="WON", **arguments)
    with DAG("of_a_test", schedule=None):
        output = decorate(find).partial(prefix="DEAL").expand(deal=[57, 58])

    assert isinstance(output, XComArg)
    mapped = output.operator
    assert mapped.partial_kwargs["code"] == "c5u4m"
    assert mapped.partial_kwargs["expected_stage"] == "WON"
    assert mapped.multiple_outputs is bool(arguments)
    assert mapped.operator_class is TriggerAutomationDecoratedOperator
    assert mapped.operator_extra_links == TriggerAutomationOperator.operator_extra_links


def test_a_decorator_can_be_overridden_per_call(portal, run_task):
    find = task.bitrix24_trigger(code="nosuch")(offers)

    ran = run_task(lambda: find.override(task_id="again", code="c5u4m")().operator)

    assert ran.report["moved"] == 2
