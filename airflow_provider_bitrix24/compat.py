"""The one file that knows how Airflow 2.11 and the lines of 3 differ.

Each name is taken from where the newest Airflow has it and sought in older places after that, so that no
version warns of a deprecated import. What is costly to import is imported when it is used: DAG files load
this module every few seconds.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import jinja2
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
    from airflow.sdk import (
        Asset,
        BaseHook,
        BaseNotifier,
        BaseOperator,
        BaseOperatorLink,
        BaseSensorOperator,
        Connection,
        PokeReturnValue,
    )
    from airflow.sdk.bases.decorator import (
        DecoratedOperator,
        Task,
        determine_kwargs,
        task_decorator_factory,
    )
    from airflow.sdk.configuration import conf
    from airflow.sdk.definitions.context import Context, context_merge
    from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowSensorTimeout,
        AirflowSkipException,
        TaskDeferred,
    )
    from airflow.sdk.exceptions import AirflowRuntimeError as RefusedByAirflow
    from airflow.sdk.types import TaskInstanceKey
    from airflow.triggers.base import BaseEventTrigger, BaseTrigger, TriggerEvent

T = TypeVar("T")
__all__ = [
    "AirflowException",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "Asset",
    "BaseEventTrigger",
    "BaseHook",
    "BaseNotifier",
    "BaseOperator",
    "BaseOperatorLink",
    "BaseSensorOperator",
    "BaseTrigger",
    "Connection",
    "Context",
    "DecoratedOperator",
    "PokeReturnValue",
    "RefusedByAirflow",
    "RetryDecision",
    "RetryPolicy",
    "Task",
    "TaskDeferred",
    "TaskInstanceKey",
    "TimeDeltaTrigger",
    "TriggerEvent",
    "aget_connection",
    "amask_secrets",
    "conf",
    "context_merge",
    "determine_kwargs",
    "in_thread",
    "mask_secrets",
    "recorded_state",
    "task_decorator_factory",
    "template_environment",
    "use_metadata_database",
    "xcom_value",
]


def first_of(*paths: str) -> Any:
    """Return what the first path leads to that this Airflow has."""
    for path in paths:
        module, _, name = path.rpartition(".")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"This Airflow has none of {', '.join(paths)}.")


if not TYPE_CHECKING:
    BaseOperator = first_of("airflow.sdk.BaseOperator", "airflow.models.baseoperator.BaseOperator")
    BaseOperatorLink = first_of("airflow.sdk.BaseOperatorLink", "airflow.models.baseoperatorlink.BaseOperatorLink")
    BaseHook = first_of("airflow.sdk.BaseHook", "airflow.hooks.base.BaseHook")
    conf = first_of("airflow.sdk.configuration.conf", "airflow.configuration.conf")
    AirflowException, AirflowFailException, AirflowNotFoundException, AirflowSkipException = (
        first_of(f"airflow.sdk.exceptions.{name}", f"airflow.exceptions.{name}")
        for name in (
            "AirflowException",
            "AirflowFailException",
            "AirflowNotFoundException",
            "AirflowSkipException",
        )
    )
    Connection = Context = TaskInstanceKey = Any  # for annotations

_SELDOM_USED = {
    "Asset": ("airflow.sdk.Asset", "airflow.datasets.Dataset"),
    "AirflowSensorTimeout": (
        "airflow.sdk.exceptions.AirflowSensorTimeout",
        "airflow.exceptions.AirflowSensorTimeout",
    ),
    "BaseEventTrigger": (  # since 3.0; before, no trigger could watch an asset
        "airflow.triggers.base.BaseEventTrigger",
        "airflow.triggers.base.BaseTrigger",
    ),
    "BaseNotifier": ("airflow.sdk.BaseNotifier", "airflow.notifications.basenotifier.BaseNotifier"),
    "BaseSensorOperator": ("airflow.sdk.BaseSensorOperator", "airflow.sensors.base.BaseSensorOperator"),
    "BaseTrigger": ("airflow.triggers.base.BaseTrigger",),
    "DecoratedOperator": (
        "airflow.sdk.bases.decorator.DecoratedOperator",
        "airflow.decorators.base.DecoratedOperator",
    ),
    "PokeReturnValue": ("airflow.sdk.PokeReturnValue", "airflow.sensors.base.PokeReturnValue"),
    "RefusedByAirflow": (  # a request of a task to the API server
        "airflow.sdk.exceptions.AirflowRuntimeError",
        "airflow.exceptions.AirflowException",
    ),
    "RetryDecision": ("airflow.sdk.definitions.retry_policy.RetryDecision",),
    "RetryPolicy": ("airflow.sdk.definitions.retry_policy.RetryPolicy",),
    "Task": ("airflow.sdk.bases.decorator.Task", "airflow.decorators.base.Task"),
    "TaskDeferred": ("airflow.sdk.exceptions.TaskDeferred", "airflow.exceptions.TaskDeferred"),
    "TimeDeltaTrigger": (
        "airflow.providers.standard.triggers.temporal.TimeDeltaTrigger",
        "airflow.triggers.temporal.TimeDeltaTrigger",
    ),
    "TriggerEvent": ("airflow.triggers.base.TriggerEvent",),
    "context_merge": (
        "airflow.sdk.definitions.context.context_merge",
        "airflow.utils.context.context_merge",
    ),
    "determine_kwargs": (
        "airflow.sdk.bases.decorator.determine_kwargs",
        "airflow.utils.operator_helpers.determine_kwargs",
    ),
    "task_decorator_factory": (
        "airflow.sdk.bases.decorator.task_decorator_factory",
        "airflow.decorators.base.task_decorator_factory",
    ),
}
"""Names that are looked up when a module asks for them, since most DAG files never do."""


def __getattr__(name: str) -> Any:
    if name in _SELDOM_USED:
        return first_of(*_SELDOM_USED[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def mask_secrets(secrets: Iterable[str]) -> None:
    """Let Airflow replace the texts by ``***`` in the logs of this task."""
    mask_secret = first_of(
        "airflow.sdk.log.mask_secret",
        "airflow.sdk.execution_time.secrets_masker.mask_secret",
        "airflow.utils.log.secrets_masker.mask_secret",
    )
    for secret in secrets:
        mask_secret(secret)


async def amask_secrets(secrets: Iterable[str]) -> None:
    """Do as :func:`mask_secrets` does, for code that runs in an event loop."""
    try:
        amask_secret = first_of("airflow.sdk.log.amask_secret")
    except ImportError:  # before 3.3, where telling the supervisor would block the loop
        from asgiref.sync import sync_to_async

        await sync_to_async(mask_secrets)(secrets)
        return
    for secret in secrets:
        await amask_secret(secret)


async def aget_connection(conn_id: str) -> Connection:
    """Look a connection up without blocking the event loop.

    :raises AirflowNotFoundException: there is none of this id.
    """
    if hasattr(BaseHook, "aget_connection"):
        return await BaseHook.aget_connection(conn_id)
    from asgiref.sync import sync_to_async  # 2.11, 3.0

    return await sync_to_async(BaseHook.get_connection)(conn_id)


def template_environment(*, native: bool) -> jinja2.Environment:
    """Make an environment for templates where there is no DAG that makes its own.

    :param native: whether templates render to Python objects.
    """
    from jinja2 import StrictUndefined

    name = "NativeEnvironment" if native else "SandboxedEnvironment"
    environment = first_of(f"airflow.sdk.definitions._internal.templater.{name}", f"airflow.templates.{name}")
    made: jinja2.Environment = environment(undefined=StrictUndefined, extensions=["jinja2.ext.do"], cache_size=0)
    return made


def xcom_value(ti_key: TaskInstanceKey, key: str) -> Any:
    """Value that a task instance has pushed under the key, or ``None``."""
    xcom = first_of("airflow.sdk.execution_time.xcom.XCom", "airflow.models.xcom.XCom")
    return xcom.get_value(ti_key=ti_key, key=key)


def recorded_state(ti: Any) -> str | None:
    """State of a task instance in Airflow's database, asked for by its own task; Airflow 3.

    :raises RefusedByAirflow: the API server did not answer, or with an error.
    """
    states = ti.get_task_states(dag_id=ti.dag_id, map_index=ti.map_index, task_ids=[ti.task_id], run_ids=[ti.run_id])
    found = list(states.get(ti.run_id, {}).values())
    return str(found[0]) if len(found) == 1 and found[0] is not None else None


def use_metadata_database() -> None:
    """Let a command find connections that are stored in Airflow's database, as Airflow's own commands do.

    On Airflow 3 a process is taken for a task, which may not read the database, unless it says otherwise.
    """
    os.environ["_AIRFLOW_PROCESS_CONTEXT"] = "server"


async def in_thread(function: Callable[[], T]) -> T:
    """Call a function that may block, and that may ask the supervisor, in another thread than the event loop's."""
    from asgiref.sync import sync_to_async  # before 3.3, asking from any other thread does not work

    result: T = await sync_to_async(function)()
    return result
