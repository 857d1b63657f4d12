"""A DAG whose tasks succeed and fail in every way. ``run.py``, one folder up, runs it."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.request import Request, urlopen

import pendulum

from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator, UpdateEntitiesOperator

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

MANY = [f"DEAL_{number}" for number in range(1001, 1061)]
ONE: dict[str, Any] = {"target": "DEAL_57"}

SCENARIOS: dict[str, dict[str, Any]] = {
    "one": ONE,
    "many": {"target": MANY},
    "unmoved": {**ONE, "code": "wrong"},
    "expected": {**ONE, "expected_stage": "NO_SUCH_STAGE"},
    "blind": {**ONE, "verify": False},
    "missing": {"target": "DEAL_999"},
    "wrong_secret": {**ONE, "bitrix24_conn_id": "wrong_secret"},
    "down": {**ONE, "bitrix24_conn_id": "down"},
    "no_tls": {**ONE, "bitrix24_conn_id": "no_tls"},
    "in_host": {**ONE, "bitrix24_conn_id": "in_host"},
    "in_extra": {**ONE, "bitrix24_conn_id": "in_extra"},
    "incomplete": {**ONE, "bitrix24_conn_id": "incomplete"},
    "with_reader": {**ONE, "verify_conn_id": "reader"},
    "html": ONE,
    "html_late": {"target": MANY},
    "reset": {"target": MANY},
    "cut_body": {"target": MANY},
    "redirect": ONE,
    "refused": {"target": MANY},
}
"""Name -> arguments of the operator."""

FAULTS: dict[str, list[Any]] = {
    "with_reader": [{"kind": "error", "status": 403, "code": "ACCESS_DENIED"}],
    "html": ["html:502"] * 20,
    "html_late": [None, "html:502:after", *["html:200"] * 20],
    "reset": [None, "reset:after"],
    "cut_body": [None, "cut_body:after", None, "empty:after"],
    "redirect": ["redirect"] * 20,
    "refused": [None, None, *["refuse"] * 60],
    "app_refreshes": ["expired_token"],
    "app_loses_answers": ["expired_token", *[{"kind": "cut", "when": "after", "method": "oauth.token"}] * 3],
    "app_is_lost": ["expired_token"],
}
"""Name -> the faults of its requests, in order."""

APPLICATION: dict[str, dict[str, Any]] = {
    "app_one": {"target": "DEAL_58"},
    "app_refreshes": {"target": "DEAL_59"},
    "app_loses_answers": {"target": "DEAL_60"},
    "app_is_lost": {"target": "DEAL_60"},
}
"""Name -> arguments of the operator of an application. They run one after the other."""


def arm(context: Any) -> None:
    """Set the faults of the task that begins."""
    script = json.dumps({"script": FAULTS.get(context["ti"].task_id, [])}).encode()
    request = Request(os.environ["PORTAL_FAULTS"], data=script, headers={"content-type": "application/json"})
    with urlopen(request) as answer:
        answer.read()


with DAG("leaks", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC")) as dag:
    for scenario, arguments in SCENARIOS.items():
        settings = {"task_id": scenario, "code": "c5u4m", "pre_execute": arm}
        TriggerAutomationOperator(**settings | arguments)
    for connection in ("bitrix24_default", "wrong_secret", "down"):
        common = {"pre_execute": arm, "bitrix24_conn_id": connection, "entity_type": "DEAL"}
        FindEntitiesOperator(task_id=f"find_{connection}", filter={"stageId": "NEW"}, **common)
        updates = [{"id": 57, "comments": "x"}, {"id": 58, "stageId": "NEW"}]
        UpdateEntitiesOperator(task_id=f"update_{connection}", updates=updates, **common)
    TriggerAutomationOperator(task_id="preview", code="c5u4m", preview=True, pre_execute=arm, **ONE)
    ExecuteTriggerOperator(task_id="execute", target="DEAL_57", code="paid", pre_execute=arm)
    before = None
    for scenario, arguments in APPLICATION.items():
        settings = {"task_id": scenario, "code": "invoice_paid", "bitrix24_conn_id": "application", "pre_execute": arm}
        fired = ExecuteTriggerOperator(**settings | arguments, trigger_rule="all_done")
        if before is not None:
            before >> fired
        before = fired
