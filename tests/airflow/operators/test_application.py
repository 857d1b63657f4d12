"""The operator for triggers that an application has registered, which the portal refuses to a webhook."""

from __future__ import annotations

from datetime import timedelta

from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator

RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


def test_the_portal_refuses_a_webhook_and_the_task_fails_permanently(portal, run_task):
    ran = run_task(lambda: ExecuteTriggerOperator(task_id="execute", target="DEAL_57", code="paid", **RETRIES))

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    assert "crm.automation.trigger.execute" in str(ran.error)
    assert ran.xcoms["_link_EntityLink"].endswith("/crm/deal/details/57/")


def test_an_execution_whose_outcome_is_unknown_is_not_retried(portal, run_task):
    portal.faults.script(["reset:after"])

    ran = run_task(lambda: ExecuteTriggerOperator(task_id="execute", target="DEAL_57", code="paid", **RETRIES))

    assert ran.state == "failed"
    assert "repeating could move DEAL_57 twice" in str(ran.error)


def test_an_interrupted_execution_is_not_retried(portal, run_task, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Bitrix24Hook, "execute_trigger", interrupted)

    ran = run_task(lambda: ExecuteTriggerOperator(task_id="m", target="DEAL_57", code="paid", **RETRIES))

    assert isinstance(ran.error, AirflowFailException)
    assert "may have been fired" in str(ran.error)
