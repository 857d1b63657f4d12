"""A notifier that fires automation triggers, for callbacks of tasks and DAGs and for deadline alerts.

The hook does the work. A callback has neither retries nor an outcome, so errors are logged and raised, and Airflow logs
what is raised. DAG files import this module at every parse, so expensive imports are inside the methods.
"""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.arguments import (
    ArgumentsOf,
    PlainArguments,
    check_literals,
    check_rendered,
)
from airflow_provider_bitrix24.client.combinations import check_bool, check_verify
from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, VerificationError
from airflow_provider_bitrix24.compat import AirflowNotFoundException, BaseNotifier, template_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import jinja2

    from airflow_provider_bitrix24.client import TriggerReport
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.compat import Context

__all__ = ["TriggerAutomationNotifier"]


class TriggerAutomationNotifier(PlainArguments, BaseNotifier):
    """Fires an automation trigger when a task or a DAG run succeeds, fails, or misses a deadline.

    Airflow runs callbacks at least once: if a process dies during one, Airflow may run it again. Set
    ``expected_stage`` if a second move would do harm; an entity that already stands there is not fired again.

    .. seealso::
        :ref:`howto/notifier:TriggerAutomationNotifier`

    >>> TriggerAutomationNotifier("DEAL_{{ params.deal }}", "c5u4m", expected_stage="PREPARATION")  # doctest: +SKIP

    :param target: one entity such as ``"DEAL_57"``, or a list of them. (templated)
    :param entity_type: type of the targets that are bare ids, such as ``"DEAL"``; see
        :class:`~airflow_provider_bitrix24.operators.automation.TriggerAutomationOperator`. (templated)
    :param code: code of the "Track incoming webhook" trigger; by default, the code in the connection. (templated)
    :param bitrix24_conn_id: id of the connection. (templated)
    :param expected_stage: id of the stage that the entities should move to, or a list of ids, any of which is
        accepted. An entity that already stands there is not fired; one that does not arrive is an error. (templated)
    :param verify: read the entities before and after. If off, every accepted entity counts as done.
    :param verify_conn_id: id of a second connection to the same portal. It reads the entities if the first webhook
        is not allowed to. (templated)
    :raises ConfigurationError: ``expected_stage`` together with ``verify=False``.
    """

    template_fields: Sequence[str] = (
        "target",
        "entity_type",
        "code",
        "expected_stage",
        "bitrix24_conn_id",
        "verify_conn_id",
    )

    def __init__(
        self,
        target: Rows,
        code: str | None = None,
        *,
        entity_type: str | None = None,
        bitrix24_conn_id: str = "bitrix24_default",
        expected_stage: str | Sequence[str] | None = None,
        verify: bool = True,
        verify_conn_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.entity_type = entity_type
        self._given = {
            "code": code is not None,
            "expected_stage": expected_stage is not None,
            "entity_type": entity_type is not None,
        }
        self.code = code
        self.bitrix24_conn_id = bitrix24_conn_id
        self.expected_stage = expected_stage
        self.verify = verify
        self.verify_conn_id = verify_conn_id
        with ArgumentsOf(type(self).__name__):
            check_literals(self, target=target, code=code)
            check_bool("verify", verify)
            check_verify(verify=verify, expects=expected_stage is not None)

    def __call__(self, *args: Any) -> None:
        """Render and notify. The notifier itself keeps its templates, since several tasks may share it."""
        BaseNotifier.__call__(copy.copy(self), *args)

    def notify(self, context: Context) -> None:  # noqa: ARG002 - its values have been rendered
        """Fire, verify and log.

        :raises VerificationError: an entity did not arrive at ``expected_stage``.
        :raises Bitrix24Error: nothing was fired, or some entities failed; the message names them.
        """
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        arguments = self._begin()
        with _own_errors(), Bitrix24Hook(self.bitrix24_conn_id, verify_conn_id=self.verify_conn_id or None) as hook:
            report = hook.trigger_automation(**arguments)
        self._conclude(report)

    async def async_notify(self, context: Context) -> None:  # noqa: ARG002 - its values have been rendered
        """Like :meth:`notify`, in the event loop of a triggerer (Airflow 3.1 and later)."""
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        arguments = self._begin()
        hook = Bitrix24Hook(self.bitrix24_conn_id, verify_conn_id=self.verify_conn_id or None)
        with _own_errors():
            async with hook:
                report = await hook.atrigger_automation(**arguments)
        self._conclude(report)

    def get_template_env(self, dag: Any = None) -> jinja2.Environment:
        """Return the environment of the DAG's templates. ``airflow dags test`` passes a DAG that has none."""
        if dag is None or hasattr(dag, "get_template_env"):
            return super().get_template_env(dag)
        return template_environment(native=dag.render_template_as_native_obj)

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Render the templates in this context.

        :raises ConfigurationError: a template cannot be rendered.
        """
        try:
            super().render_template_fields(context, jinja_env)
        except Exception as error:  # a template runs the user's expressions, which may raise any exception
            raise ConfigurationError(
                f"A template of the notifier cannot be rendered: {type(error).__name__}: {error}.",
                hint="A callback's context lacks some of what a task's has.",
            ) from error

    def _begin(self) -> dict[str, Any]:
        """Read the rendered arguments, and say whose lines follow: a callback writes into the log of its task.

        :raises ConfigurationError: the message names the argument.
        """
        from airflow_provider_bitrix24._tasks.wording import opening_line
        from airflow_provider_bitrix24.client.targets import parse_targets
        from airflow_provider_bitrix24.client.trigger_code import checked_code

        for name, given in self._given.items():
            check_rendered(name, given=given, rendered=getattr(self, name))
        refs, code = parse_targets(self.target, self.entity_type), checked_code(self.code)
        line = opening_line(code, refs, reads=self.verify and any(ref.readable for ref in refs))
        self.log.info("TriggerAutomationNotifier: %s", line)
        return {
            "target": refs,
            "code": code,
            "expected_stage": self.expected_stage,
            "verify": self.verify,
        }

    def _conclude(self, report: TriggerReport) -> None:
        from airflow_provider_bitrix24._tasks.report_log import ReportLog
        from airflow_provider_bitrix24._tasks.sentence import Asked
        from airflow_provider_bitrix24.client.stages import parse_stages

        ReportLog(self.log).conclude(report)
        asked = Asked(expected=parse_stages("expected_stage", self.expected_stage) or ())
        problems = asked.problems_of(report, late_too=self.expected_stage is not None)
        if report.failed:
            acted = {result.error.executed if result.error else "unknown" for result in report.results}
            raise Bitrix24Error(problems, executed="no" if acted == {"no"} else "unknown")
        if problems:
            raise VerificationError(problems)


@contextmanager
def _own_errors() -> Iterator[None]:
    """Raise an error of this package if a connection is missing."""
    try:
        yield
    except AirflowNotFoundException as error:
        raise ConfigurationError(str(error), hint="Add the connection, or correct bitrix24_conn_id.") from error
