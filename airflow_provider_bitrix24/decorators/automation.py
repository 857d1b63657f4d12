"""The decorator ``@task.bitrix24_trigger``: a function returns the entities, and the operator fires for them.

Airflow finds it in the provider's metadata. Type checkers do not know the arguments of ``@task.bitrix24_trigger``;
:func:`bitrix24_trigger_task` is the same decorator with typed arguments.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, ParamSpec, cast, overload

from airflow_provider_bitrix24._tasks.arguments import ArgumentsOf, check_literals
from airflow_provider_bitrix24._tasks.verdict import PlainEnding, permanent_errors_fail_at_once
from airflow_provider_bitrix24.client.bare_ids import rows_of
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import unwrapped
from airflow_provider_bitrix24.client.targets import parse_targets
from airflow_provider_bitrix24.compat import (
    DecoratedOperator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import timedelta

    from airflow_provider_bitrix24._tasks.arguments import OnUnmoved
    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24._tasks.run import TaskRun
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.compat import BaseTrigger, Context, Task

__all__ = ["TriggerAutomationDecoratedOperator", "bitrix24_trigger_task"]

Arguments = ParamSpec("Arguments")
"""Parameters of the decorated function."""

TARGETS_KEY = "bitrix24_targets"
"""XCom key of what the function returned, for a task that continues in another worker."""

WHAT_IT_RETURNS = "(what the function returns)"
"""The target until the function has run. A text, since Airflow 2.11 would show and hash the address of an object."""


class TriggerAutomationDecoratedOperator(DecoratedOperator, TriggerAutomationOperator):
    """Runs a function, then fires the automation trigger for the targets that it returns.

    :param python_callable: the function. It returns one target such as ``"DEAL_57"``, or an iterable of targets;
        with ``entity_type`` also bare ids or rows of a query.
    :param op_args: its positional arguments. (templated)
    :param op_kwargs: its keyword arguments. (templated)
    :raises ConfigurationError: the function is async, or ``target`` is given as well.
    """

    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *TriggerAutomationOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {**DecoratedOperator.template_fields_renderers}
    custom_operator_name = "@task.bitrix24_trigger"
    overwrite_rtif_after_execution = True  # so that the task's page shows what the function returned

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        with ArgumentsOf(f"Task {kwargs.get('task_id', python_callable.__name__)!r}"):
            _check_function(python_callable, given=kwargs)
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            target=WHAT_IT_RETURNS,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Call the function, then fire for its targets as the operator does. Returns the operator's report."""
        # Past DecoratedOperator, which looks for assets in what is returned, and fails at that on Airflow 3.0.
        return TriggerAutomationOperator.execute(self, context)

    def _find_targets(self, context: Context, checkpoint_store: TaskCheckpointStore) -> object:
        with permanent_errors_fail_at_once():
            kept = checkpoint_store.kept_targets()
        if kept is not None:
            self.log.info("Continuing with the %d targets that the function returned in an earlier try.", len(kept))
            self.target = kept
            return kept
        self.target = self._call(context)
        with permanent_errors_fail_at_once():
            refs = parse_targets(self.target, self.entity_type)
        checkpoint_store.keep_targets([str(ref) for ref in refs])
        return refs

    def _leave(self, run: TaskRun, trigger: BaseTrigger, method_name: str) -> NoReturn:
        # The task that resumes must not call the function again, which may return other targets then.
        run.ti.xcom_push(key=TARGETS_KEY, value=[str(ref) for ref in run.request.refs])
        super()._leave(run, trigger, method_name)

    def _call(self, context: Context) -> Any:
        context_merge(context, self.op_kwargs)
        kwargs = determine_kwargs(self.python_callable, self.op_args, context)
        with permanent_errors_fail_at_once():
            targets = unwrapped(self._targets(self.python_callable(*self.op_args, **kwargs)))
            check_literals(self, target=targets)
        return self.render_template(targets, context)

    def resume_firing(self, context: Context, event: object = None) -> Any:  # noqa: ARG002 - Airflow passes it
        """Continue after a wait outside the worker, with the targets that the function returned before it."""
        self._restore_target(context)
        with PlainEnding():
            with permanent_errors_fail_at_once():
                request = self._parse(self.target)
            return self._fire_and_conclude(context, self._open_checkpoint(context), request)

    def execute_complete(self, context: Context, event: object = None) -> Any:
        """Conclude after a wait on the triggerer. The task's page still shows what the function returned."""
        self._restore_target(context)
        return super().execute_complete(context, event)

    def _restore_target(self, context: Context) -> None:
        ti = context["ti"]
        self.target = ti.xcom_pull(key=TARGETS_KEY, task_ids=ti.task_id, map_indexes=ti.map_index)

    def _targets(self, returned: object) -> Any:
        if returned is None:
            raise ConfigurationError(
                f"{self.python_callable.__name__} returned None.",
                hint="Return one target such as 'DEAL_57', or a list of them; an empty list is fine.",
            )
        if not isinstance(returned, str | bytes | Mapping):
            return rows_of(returned)
        return returned


def _check_function(function: Callable[..., Any], *, given: Collection[str]) -> None:
    if "target" in given:
        raise ConfigurationError(
            f"@task.bitrix24_trigger is given a target for {function.__name__}.",
            hint="Return the targets from the function, or use TriggerAutomationOperator.",
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(
            f"{function.__name__} is async.", hint="Decorate a plain function with @task.bitrix24_trigger."
        )


@overload
def bitrix24_trigger_task(
    python_callable: Callable[Arguments, Rows],
) -> Task[Arguments, Rows]: ...


@overload
def bitrix24_trigger_task(
    *,
    entity_type: str | None = None,
    code: str | None = None,
    bitrix24_conn_id: str = "bitrix24_default",
    expected_stage: str | Sequence[str] | None = None,
    or_later: bool = False,
    fail_on: str | Sequence[str] = (),
    on_unmoved: OnUnmoved | None = None,
    verify: bool = True,
    verify_conn_id: str | None = None,
    wait_timeout: float | timedelta | None = None,
    poke_interval: float | timedelta = 60,
    deferrable: bool = ...,
    durable: bool = True,
    preview: bool | str = False,
    multiple_outputs: bool | None = None,
    **kwargs: Any,
) -> Callable[[Callable[Arguments, Rows]], Task[Arguments, Rows]]: ...


def bitrix24_trigger_task(
    python_callable: Callable[..., Any] | None = None, *, multiple_outputs: bool | None = None, **kwargs: Any
) -> Any:
    """Make a task from a function that returns targets, and fire for them as :class:`.TriggerAutomationOperator` does.

    ``@task.bitrix24_trigger`` is this function. The task's output is the operator's report, not what the function
    returned.

    >>> @bitrix24_trigger_task(code="c5u4m", expected_stage="PREPARATION")  # doctest: +SKIP
    ... def start_production(offers):
    ...     return [f"DEAL_{offer['deal_id']}" for offer in offers if offer["signed"]]

    :param python_callable: the function, if the decorator is used without arguments.
    :param multiple_outputs: push each part of the report, such as ``moved``, as a separate XCom.
    :param kwargs: arguments of :class:`.TriggerAutomationOperator` except ``target``, and of every operator.
    """
    return cast(
        "Any",
        task_decorator_factory(
            python_callable=python_callable,
            multiple_outputs=multiple_outputs,
            decorated_operator_class=TriggerAutomationDecoratedOperator,
            **kwargs,
        ),
    )
