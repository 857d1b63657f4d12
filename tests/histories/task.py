"""The task of a history as Airflow builds it anew for each stay: the package's own operators, with real arguments."""

from __future__ import annotations

import contextvars
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.histories.boards import board, key_of
from tests.histories.seams import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.histories.plan import TaskPlan

TASK_ID = "move"


def build(plan: TaskPlan, targets: tuple[str, ...], called: Callable[[], None], *, first: bool = True) -> Any:
    """Make the operator.

    :param targets: what a template or the upstream task gives this time.
    :param called: told when a decorated function runs.
    :param first: whether this is the first try.
    """
    arguments: dict[str, Any] = {
        "task_id": TASK_ID,
        "retries": plan.retries,
        "retry_delay": timedelta(seconds=plan.retry_delay),
        "do_xcom_push": plan.do_xcom_push,
    }
    if plan.retry_policy:
        from airflow_provider_bitrix24.retry_policy import Bitrix24RetryPolicy

        arguments["retry_policy"] = Bitrix24RetryPolicy()
    if plan.kind == "sensor":
        return _sensor(plan, targets, arguments)
    if plan.kind == "updates":
        later = None if first else plan.later_stage
        return _updates(plan, targets, arguments, plan.stage if later is None else later)
    arguments |= {
        "code": plan.code,
        "expected_stage": _as_written(plan.expected_stage),
        "or_later": plan.or_later,
        "on_unmoved": plan.on_unmoved,
        "verify": plan.verify,
        "verify_conn_id": SECOND if plan.second else None,
        "wait_timeout": plan.wait_timeout,
        "poke_interval": plan.poke_interval,
        "deferrable": plan.deferrable,
        "durable": plan.durable,
    }
    if plan.kind == "operator":
        from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

        return TriggerAutomationOperator(target=list(targets), **arguments)
    from airflow_provider_bitrix24.decorators.automation import TriggerAutomationDecoratedOperator

    def choose() -> list[str]:
        called()
        return list(targets)

    return TriggerAutomationDecoratedOperator(python_callable=choose, op_args=(), op_kwargs={}, **arguments)


def _sensor(plan: TaskPlan, targets: tuple[str, ...], arguments: dict[str, Any]) -> Any:
    from airflow_provider_bitrix24.sensors.stage import StageSensor

    return StageSensor(
        target=list(targets),
        expected_stage=_as_written(plan.expected_stage),
        fail_on=list(plan.fail_on),
        require=plan.require,
        mode=plan.mode,
        timeout=plan.wait_timeout,
        poke_interval=plan.poke_interval,
        deferrable=plan.deferrable,
        **arguments,
    )


def _updates(plan: TaskPlan, targets: tuple[str, ...], arguments: dict[str, Any], at: int) -> Any:
    from airflow_provider_bitrix24.operators.entities import UpdateEntitiesOperator

    rows = []
    for target in dict.fromkeys(each.upper() for each in targets):
        type_id, number = key_of(target)
        stage = board(type_id, number).stages[at]
        fields = {"opportunity": 5} if plan.mixed and number % 2 else {"stageId": stage}
        rows.append({"target": target, "fields": fields})
    return UpdateEntitiesOperator(updates=rows, on_failed=plan.on_failed, durable=plan.durable, **arguments)


def _as_written(stages: str | tuple[str, ...] | None) -> str | list[str] | None:
    return list(stages) if isinstance(stages, tuple) else stages


def run(operator: Any, context: dict[str, Any], resume: tuple[str, dict[str, Any]] | None) -> Any:
    """Run the operator as Airflow's task runner does: ``execute``, or the method that it deferred to."""
    from airflow.sdk.bases.operator import ExecutorSafeguard

    copied = contextvars.copy_context()
    copied.run(ExecutorSafeguard.tracker.set, operator)
    if resume is None:
        return copied.run(operator.execute, context=context)
    return copied.run(operator.resume_execution, next_method=resume[0], next_kwargs=resume[1], context=context)
