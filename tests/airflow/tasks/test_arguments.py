"""Arguments of the operator that contradict each other, or that render to nothing."""

from __future__ import annotations

import inspect
import json
import runpy
from datetime import timedelta

import pandas as pd
import pytest

from airflow_provider_bitrix24._tasks.arguments import check_rendered
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


# -- as written


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"on_unmoved": "raise"}, ["on_unmoved is 'raise'", "ignore, warn, skip, fail"]),
        ({"wait_timeout": 60}, ["wait_timeout is given without expected_stage"]),
        ({"wait_timeout": -1, "expected_stage": "WON"}, ["wait_timeout is -1"]),
        ({"wait_timeout": "60", "expected_stage": "WON"}, ["wait_timeout is '60'", "seconds"]),
        ({"poke_interval": 0}, ["poke_interval is 0"]),
        ({"poke_interval": True}, ["poke_interval is True"]),
        ({"verify": False, "expected_stage": "WON"}, ["verify=False", "expected_stage"]),
        ({"verify": False, "expected_stage": "WON", "wait_timeout": 6}, ["expected_stage and wait_timeout"]),
        ({"verify": False, "on_unmoved": "warn"}, ["verify=False", "on_unmoved='warn'"]),
        ({"or_later": True}, ["or_later is given without expected_stage"]),
        ({"verify": "False"}, ["verify is 'False'", "Pass True or False."]),
        ({"deferrable": "false"}, ["deferrable is 'false'", "Pass True or False."]),
        ({"durable": "no"}, ["durable is 'no'", "Pass True or False."]),
    ],
)
def test_arguments_that_contradict_each_other_are_refused_when_the_dag_is_read(arguments, words):
    with pytest.raises(ConfigurationError) as caught:
        TriggerAutomationOperator(task_id="move", target="DEAL_57", code="c", **arguments)

    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_without_verify_on_unmoved_may_be_ignore():
    TriggerAutomationOperator(task_id="move", target="DEAL_57", verify=False, on_unmoved="ignore")


@pytest.mark.parametrize("configured", [None, "False", "True"])
@pytest.mark.parametrize("operator", [TriggerAutomationOperator, ExecuteTriggerOperator, StageSensor])
def test_deferrable_defaults_to_airflows_configuration(operator, configured, monkeypatch):
    if configured is not None:
        monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", configured)
    defined_anew = runpy.run_path(inspect.getfile(operator))[operator.__name__]

    assert inspect.signature(defined_anew.__init__).parameters["deferrable"].default is (configured == "True")


def test_the_constructor_keeps_template_fields_unchanged():
    target = object()

    assert TriggerAutomationOperator(task_id="move", target=target).target is target


# -- as rendered


@pytest.mark.parametrize("rendered", ["{{ '' }}", "{{ ' ' }}"])
def test_a_code_that_renders_to_nothing_does_not_fall_back_to_the_connections(portal, move, monkeypatch, rendered):
    variable = json.dumps({"conn_type": "bitrix24", "password": portal.webhook_url, "extra": {"default_code": "paid"}})
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", variable)

    ran = move(target="DEAL_57", code=rendered)

    assert isinstance(ran.error, AirflowFailException)
    assert "gave nothing" in str(ran.error)
    assert portal.fires == {}


def test_a_code_that_is_written_empty_is_refused(portal, move):
    ran = move(target="DEAL_57", code="")

    assert isinstance(ran.error, AirflowFailException)
    assert "code is ''" in str(ran.error)
    assert portal.fires == {}


@pytest.mark.parametrize("name", ["code", "expected_stage", "fail_on", "entity_type"])
@pytest.mark.parametrize("rendered", ["{{ none or '' }}", "{{ none }}"])
def test_an_argument_that_renders_to_nothing_is_refused(portal, move, name, rendered):
    ran = move(**{"target": "DEAL_57", "code": "paid", name: rendered})

    assert isinstance(ran.error, AirflowFailException)
    assert str(ran.error).startswith(f"{name} is ")
    assert "gave nothing" in str(ran.error)
    assert portal.fires == {}


def test_a_url_as_code_is_refused_and_not_repeated(portal, move):
    url = f"{portal.webhook_url}crm.automation.trigger/?code=c5u4m"
    ran = move(target="DEAL_57", code="{{ params.url }}", params={"url": url})

    assert isinstance(ran.error, AirflowFailException)
    assert "code is a URL" in str(ran.error)
    assert portal.webhook_url.rstrip("/").rpartition("/")[2] not in repr((ran.log, ran.xcoms))
    assert portal.requests.total == 0


@pytest.mark.parametrize("rendered", [pd.Series(["NEW", "WON"]), [], ["NEW"], 0])
def test_what_a_task_has_delivered_counts_as_something_whatever_its_type(rendered):
    check_rendered("expected_stage", given=True, rendered=rendered)


@pytest.mark.parametrize("name", ["wait_timeout", "poke_interval"])
def test_infinite_times_are_refused(name):
    with pytest.raises(ConfigurationError, match=name):
        TriggerAutomationOperator(
            **{"task_id": "m", "target": "DEAL_57", "expected_stage": "WON", "wait_timeout": 60, name: float("inf")}
        )
