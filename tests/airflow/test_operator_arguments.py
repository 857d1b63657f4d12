"""Arguments of the operator that contradict each other, or that turn out to hold nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


# -- arguments


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
    ],
)
def test_arguments_that_contradict_each_other_are_refused_when_the_dag_is_read(arguments, words):
    with pytest.raises(ConfigurationError) as caught:
        TriggerAutomationOperator(task_id="move", target="DEAL_57", code="c", **arguments)

    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_without_verify_unmoved_may_be_ignored():
    TriggerAutomationOperator(task_id="move", target="DEAL_57", verify=False, on_unmoved="ignore")


def test_airflows_default_for_deferring_is_taken():
    assert TriggerAutomationOperator(task_id="move", target="DEAL_57").deferrable is False


def test_template_fields_are_kept_as_they_are():
    target = object()

    assert TriggerAutomationOperator(task_id="move", target=target).target is target


# -- arguments that hold nothing, or too much


@pytest.mark.parametrize("rendered", ["{{ '' }}", "{{ ' ' }}"])
def test_a_code_that_renders_to_nothing_does_not_become_the_connections(portal, move, monkeypatch, rendered):
    variable = json.dumps({"conn_type": "bitrix24", "password": portal.webhook_url, "extra": {"default_code": "paid"}})
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", variable)

    ran = move(target="DEAL_57", code=rendered)

    assert isinstance(ran.error, AirflowFailException)
    assert "gave nothing" in str(ran.error)
    assert portal.fires == {}


def test_an_expected_stage_that_renders_to_nothing_does_not_switch_the_expectation_off(portal, move):
    ran = move(target="DEAL_57", expected_stage="{{ none or '' }}")

    assert isinstance(ran.error, AirflowFailException)
    assert "expected_stage" in str(ran.error)
    assert portal.fires == {}


def test_a_url_for_a_code_is_refused_and_not_repeated(portal, move):
    ran = move(target="DEAL_57", code=f"{portal.webhook_url}crm.automation.trigger/?code=c5u4m")

    assert isinstance(ran.error, AirflowFailException)
    assert "code is a URL" in str(ran.error)
    assert portal.webhook_url.rstrip("/").rpartition("/")[2] not in repr((ran.log, ran.xcoms))
    assert portal.requests.total == 0


@pytest.mark.parametrize("name", ["wait_timeout", "poke_interval"])
def test_endless_times_are_refused(name):
    with pytest.raises(ConfigurationError, match=name):
        TriggerAutomationOperator(
            **{"task_id": "m", "target": "DEAL_57", "expected_stage": "WON", "wait_timeout": 60, name: float("inf")}
        )


def test_an_applications_trigger_is_not_fired_again_after_an_interruption(portal, run_task, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Bitrix24Hook, "execute_trigger", interrupted)

    ran = run_task(lambda: ExecuteTriggerOperator(task_id="m", target="DEAL_57", code="paid", **RETRIES))

    assert isinstance(ran.error, AirflowFailException)
    assert "may have been fired" in str(ran.error)
