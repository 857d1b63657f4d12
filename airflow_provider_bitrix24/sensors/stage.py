"""A sensor that waits until entities stand at a stage, no matter what moves them there.

:mod:`.._tasks.waiting` decides what a check means; a deferred sensor checks in :mod:`..triggers.stage`. DAG files
import this module at every parse, so expensive imports are inside the methods.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitrix24._tasks.arguments import (
    ArgumentsOf,
    PlainArguments,
    check_literals,
    check_rendered,
)
from airflow_provider_bitrix24._tasks.verdict import PlainEnding, permanent_errors_fail_at_once
from airflow_provider_bitrix24._tasks.waiting import StageWait
from airflow_provider_bitrix24._tasks.wording import standing
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.combinations import check_bool, check_choice
from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, TransportError
from airflow_provider_bitrix24.client.number_range import SECONDS_ABOVE_ZERO
from airflow_provider_bitrix24.compat import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)
from airflow_provider_bitrix24.links import ENTITY_URL_KEY, EntityLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Literal

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.compat import Context
    from airflow_provider_bitrix24.triggers.event import WaitEvent

__all__ = ["StageSensor"]

MAX_FAILURES = 10
"""How many checks in a row may fail for a transient reason, each after several tries. In the mode ``reschedule`` no
worker remembers them, so there the sensor's ``timeout`` is the only limit."""


class StageSensor(PlainArguments, BaseSensorOperator):
    """Waits until entities stand at a stage.

    Each check reads all entities, of any types, in one request (up to 2,500). The modes ``poke`` and ``reschedule`` and
    deferral to the triggerer have the same outcome. The sensor fires nothing.

    .. seealso::
        :ref:`howto/sensor:StageSensor`

    >>> StageSensor(
    ...     task_id="paid", target=["DEAL_57", "SMART_INVOICE_3"], expected_stage=["WON", "DT31_2:P"], require="any"
    ... )  # doctest: +SKIP

    :param target: one entity such as ``"DEAL_57"``, or a list of them, which may mix types. With an empty list the
        task succeeds at once. (templated)
    :param entity_type: type of the targets that are bare ids, such as ``"DEAL"``; see
        :class:`~airflow_provider_bitrix24.operators.automation.TriggerAutomationOperator`. (templated)
    :param expected_stage: stage id such as ``"C5:WON"``, or a list of ids, any of which is accepted. (templated)
    :param or_later: accept every later stage of the same pipeline, too, unless it is a failure stage, since entities
        may move on between two checks.
    :param require: ``"all"``: one check finds all entities there. ``"any"``: one entity is enough.
    :param fail_on: stage ids where a single entity fails the task at once, such as ``"LOSE"``. With ``"any"``, an
        entity that has arrived takes precedence. (templated)
    :param bitrix24_conn_id: id of the connection. (templated)
    :param deferrable: wait on the triggerer, at a constant ``poke_interval``.
    :returns: the stages of the entities that have arrived, such as ``{"DEAL_57": "WON"}``.

    An entity that does not exist, that the webhook's user may not read, or that stands at another final stage of its
    pipeline, fails the task at once. With ``soft_fail`` the task is skipped instead, as at the sensor's time-out.
    """

    template_fields: Sequence[str] = ("target", "entity_type", "expected_stage", "fail_on", "bitrix24_conn_id")
    operator_extra_links = (EntityLink(),)
    ui_color = "#d9f7fd"
    _clock: ClassVar[Clock] = SYSTEM_CLOCK

    def __init__(
        self,
        *,
        target: Rows,
        entity_type: str | None = None,
        expected_stage: str | Sequence[str],
        require: Literal["all", "any"] = "all",
        or_later: bool = False,
        fail_on: str | Sequence[str] = (),
        bitrix24_conn_id: str = "bitrix24_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.entity_type = entity_type
        self._given = {"entity_type": entity_type is not None, "fail_on": bool(fail_on)}
        self.expected_stage = expected_stage
        self.require = require
        self.or_later = or_later
        self.fail_on = fail_on
        self.bitrix24_conn_id = bitrix24_conn_id
        self.deferrable = deferrable
        self._failures = 0
        self._linked = False
        self._stages: ExpectedStages | None = None
        self._waiting: dict[str, str | None] = {}
        with ArgumentsOf(f"Task {self.task_id!r}"):
            check_literals(self, target=target)
            check_choice("require", self.require, ("all", "any"))
            check_bool("or_later", or_later)
            check_bool("deferrable", deferrable)
            SECONDS_ABOVE_ZERO.check("poke_interval", self.poke_interval)

    def execute(self, context: Context) -> Any:
        """Wait in the worker or, if deferrable, on the triggerer after one check in the worker.

        :raises AirflowFailException: an entity is missing or stands at a stage in ``fail_on``, or the portal refuses
            permanently.
        :raises AirflowSensorTimeout: time is up.
        :raises AirflowSkipException: either of these, with ``soft_fail``.
        :raises Bitrix24Error: the portal could not be reached for too long; a retry may help.
        """
        with PlainEnding():
            if self.deferrable:
                return self._execute_deferrable(context)
            try:
                return super().execute(context)
            except AirflowSensorTimeout:
                raise AirflowSensorTimeout(self._too_late(self._waiting)) from None

    def _execute_deferrable(self, context: Context) -> Any:
        deadline = self._clock.now() + self.timeout
        with self._soft_failures():
            try:
                poked = self.poke(context)
            except (AirflowFailException, AirflowSkipException):
                raise
            except Exception as error:
                if not self.silent_fail:
                    raise
                self.log.warning("This check of the stages failed: %s", error)
                poked = PokeReturnValue(is_done=False)
            if not poked:
                self._defer_until(deadline)
        return poked.xcom_value

    def poke(self, context: Context) -> PokeReturnValue:
        """Check once.

        :raises AirflowFailException: an entity is missing or stands at a stage in ``fail_on``, or the portal refuses
            permanently.
        """
        from airflow_provider_bitrix24._tasks.report_log import write
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        with permanent_errors_fail_at_once():
            refs, wait = self._parse()
            if not refs:
                self.log.info("target is an empty list; there is nothing to wait for.")
                return PokeReturnValue(is_done=True, xcom_value={})
            with Bitrix24Hook(self.bitrix24_conn_id) as hook:
                self._push_link(context, hook.get_conn().portal.page_url(refs[0].page))
                try:
                    wait.observe(hook.get_stages(wait.targets, learn=wait.stages))
                except Bitrix24Error as error:
                    self._tolerate(error)
                    return PokeReturnValue(is_done=False)
            if (problem := wait.stages.problem()) is not None:
                raise problem
            for text in wait.stages.warnings(wait.stages.seen):
                write(self.log.warning, text)
        self._failures = 0
        if wait.failure is not None:
            self._log_where_airflow_skips(wait.failure)
            raise AirflowFailException(wait.failure)
        if not wait.done:
            self._waiting = wait.check.waiting
            write(self.log.info, f"Not there yet: {_where(wait.check.waiting)}")
        return PokeReturnValue(is_done=wait.done, xcom_value=wait.check.arrived)

    def execute_complete(self, context: Context, event: object = None) -> dict[str, str]:  # noqa: ARG002 - Airflow's
        """Conclude after a wait on the triggerer. Ends as :meth:`execute` does.

        :raises LostEventError: the event is missing or unknown, so it is not known which entities have arrived.
        """
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
        from airflow_provider_bitrix24.triggers.event import WaitEvent

        with PlainEnding(), self._soft_failures(), permanent_errors_fail_at_once():
            with Bitrix24Hook(self.bitrix24_conn_id) as hook:
                # This process has not read the connection yet, so it does not mask the secret in its log.
                hook.get_conn()
            refs, _ = self._parse()
        ended = WaitEvent.read(event, targets=[str(ref) for ref in refs], require=self.require)
        with PlainEnding(), self._soft_failures():
            return self._conclude(ended)

    def _conclude(self, ended: WaitEvent) -> dict[str, str]:
        if ended.status == "arrived":
            return ended.check.arrived
        if ended.status == "timeout":
            raise AirflowSensorTimeout(self._too_late(ended.check.waiting))
        self._log_where_airflow_skips(ended.message)
        if ended.status == "failed" or ended.permanent:
            raise AirflowFailException(ended.message)
        raise TransportError(ended.message)

    def _too_late(self, waiting: dict[str, str | None]) -> str:
        from airflow_provider_bitrix24.client.stages import parse_stages, stages_in_words

        stages = stages_in_words(parse_stages("expected_stage", self.expected_stage) or (), or_later=self.or_later)
        return f"Not there after {self.timeout:.0f} s (expected {stages}): {_where(waiting)}"

    def _defer_until(self, deadline: float) -> None:
        from airflow_provider_bitrix24.triggers.stage import StageTrigger

        _, wait = self._parse()
        trigger = StageTrigger(
            targets=wait.targets,
            expected_stage=wait.stages.expected,
            require=self.require,
            or_later=self.or_later,
            fail_on=wait.stages.fail_on,
            deadline=deadline,
            poke_interval=self.poke_interval,
            max_failures=None if self.silent_fail else MAX_FAILURES,
            bitrix24_conn_id=self.bitrix24_conn_id,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _parse(self) -> tuple[list[EntityRef], StageWait]:
        from airflow_provider_bitrix24.client.entity_ref import check_readable
        from airflow_provider_bitrix24.client.expected import ExpectedStages
        from airflow_provider_bitrix24.client.stages import check_stage_arguments, parse_stages
        from airflow_provider_bitrix24.client.targets import parse_targets

        for name, given in self._given.items():
            check_rendered(name, given=given, rendered=getattr(self, name))
        refs = parse_targets(self.target, self.entity_type)
        expected = parse_stages("expected_stage", self.expected_stage)
        fail_on = parse_stages("fail_on", self.fail_on or None) or frozenset()
        if not expected:
            raise ConfigurationError("expected_stage is None.", hint="Pass a stage id such as C5:WON, or a list.")
        check_stage_arguments(expected, or_later=self.or_later, fail_on=fail_on)
        check_readable(refs, so="expected_stage")
        targets = [str(ref) for ref in refs]
        if self._stages is None:
            self._stages = ExpectedStages.for_wait(targets, expected, or_later=self.or_later, fail_on=fail_on)
        return refs, StageWait(targets=targets, stages=self._stages, require=self.require)

    def _log_where_airflow_skips(self, reason: str) -> None:
        """A task that fails shows its error itself; one that Airflow skips for ``soft_fail`` does not."""
        if self.soft_fail or self.never_fail:
            self.log.error("%s", reason)

    def _push_link(self, context: Context, url: str) -> None:
        if not self._linked:
            context["ti"].xcom_push(key=ENTITY_URL_KEY, value=url)
            self._linked = True

    def _tolerate(self, error: Bitrix24Error) -> None:
        self._failures += 1
        if error.permanent or (not self.reschedule and self._failures >= MAX_FAILURES):
            raise error
        self.log.warning("This check of the stages failed: %s", error)

    @contextmanager
    def _soft_failures(self) -> Iterator[None]:
        """Handle errors as Airflow's own loop of checks does, which a deferrable sensor does not use."""
        try:
            yield
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise
        except (AirflowSkipException, AirflowSensorTimeout):
            raise
        except Exception as error:
            if self.never_fail:
                raise AirflowSkipException(str(error)) from None
            raise


def _where(waiting: dict[str, str | None]) -> str:
    return f"{standing(waiting)}." if waiting else "the stages could not be read."
