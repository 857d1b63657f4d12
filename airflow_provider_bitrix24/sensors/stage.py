"""A sensor that waits until entities stand at a stage, whoever moves them there.

What a look means is decided in :mod:`..check`; where nobody waits in a worker, :mod:`..triggers.stage` looks. DAG
files import this module at every parse, so what is costly is imported when it is used.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitrix24._tasks.verdict import permanent_errors_fail_at_once
from airflow_provider_bitrix24._tasks.waiting import StageWait
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
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

    from airflow_provider_bitrix24.client.targets import EntityRef
    from airflow_provider_bitrix24.compat import Context
    from airflow_provider_bitrix24.triggers.event import WaitEvent

MAX_FAILURES = 10
"""How many looks in a row may fail for a passing reason, each of several tries; the sensor's ``timeout`` is the only
bound in the mode ``reschedule``, where no worker remembers."""
_SHOWN = 10


class StageSensor(BaseSensorOperator):
    """Waits until entities stand at a stage.

    Each look reads all entities, of any types, in one request (up to 2,500). Works in the modes ``poke`` and
    ``reschedule`` and deferred on the triggerer, with the same outcome. Nothing is fired.

    .. seealso::
        :ref:`howto/sensor:StageSensor`

    >>> StageSensor(
    ...     task_id="paid", target=["DEAL_57", "SMART_INVOICE_3"], expected_stage=["WON", "DT31_2:P"], fail_on="LOSE"
    ... )  # doctest: +SKIP

    :param target: one entity such as ``"DEAL_57"``, or a list of them, types mixed at will. An empty list succeeds
        at once. (templated)
    :param expected_stage: stage id such as ``"C5:WON"``, or several of which any will do; list later stages too if
        entities may move on between two looks. (templated)
    :param require: ``"all"``: one look shows all of them there. ``"any"``: one of them will do.
    :param fail_on: stage ids at which one entity fails the task at once, such as ``"LOSE"``. With ``"any"`` one that
        has arrived outweighs it. (templated)
    :param bitrix24_conn_id: id of the connection. (templated)
    :param deferrable: wait on the triggerer, at a constant ``poke_interval``.
    :return: where those stand that have arrived, such as ``{"DEAL_57": "WON"}``.

    An entity that does not exist, or that the webhook's user may not read, fails the task at once. ``soft_fail`` skips
    the task instead, as it does at the sensor's time-out.
    """

    template_fields: Sequence[str] = ("target", "expected_stage", "fail_on", "bitrix24_conn_id")
    operator_extra_links = (EntityLink(),)
    ui_color = "#d9f7fd"
    _clock: ClassVar[Clock] = SYSTEM_CLOCK  # tests pass another

    def __init__(
        self,
        *,
        target: str | Sequence[str],
        expected_stage: str | Sequence[str],
        require: Literal["all", "any"] = "all",
        fail_on: str | Sequence[str] = (),
        bitrix24_conn_id: str = "bitrix24_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.expected_stage = expected_stage
        self.require = require
        self.fail_on = fail_on
        self.bitrix24_conn_id = bitrix24_conn_id
        self.deferrable = deferrable
        self._failures = 0
        self._linked = False
        if require not in ("all", "any"):
            raise ConfigurationError(f"require is {require!r}.", hint="Use all or any.")
        SECONDS_ABOVE_ZERO.check("poke_interval", self.poke_interval)

    def execute(self, context: Context) -> Any:
        """Wait; in the worker, or after one look there on the triggerer.

        :raises AirflowFailException: an entity is missing or stands at a stage of ``fail_on``, or the portal refuses
            for good.
        :raises AirflowSensorTimeout: time is up.
        :raises AirflowSkipException: either of these, with ``soft_fail``.
        :raises Bitrix24Error: the portal could not be reached for too long; a retry may help.
        """
        if not self.deferrable:
            return super().execute(context)
        deadline = self._clock.now() + self.timeout
        with self._soft_failures():
            try:
                found = self.poke(context)
            except (AirflowFailException, AirflowSkipException):
                raise
            except Exception as error:
                if not self.silent_fail:
                    raise
                self.log.warning("Could not look: %s", error)
                found = PokeReturnValue(is_done=False)
            if not found:
                self._defer_until(deadline)
        return found.xcom_value

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once.

        :raises AirflowFailException: an entity is missing or stands at a stage of ``fail_on``, or the portal refuses
            for good.
        """
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        with permanent_errors_fail_at_once():
            refs, watch = self._parse()
            if not refs:
                self.log.info("target is an empty list: nothing to wait for.")
                return PokeReturnValue(is_done=True, xcom_value={})
            with Bitrix24Hook(self.bitrix24_conn_id) as hook:
                self._link(context, hook.get_conn().portal.page_url(refs[0].page))
                try:
                    watch.observe(hook.get_stages(watch.targets))
                except Bitrix24Error as error:
                    self._tolerate(error)
                    return PokeReturnValue(is_done=False)
        self._failures = 0
        if watch.failure is not None:
            self.log.error("%s", watch.failure)
            raise AirflowFailException(watch.failure)
        if not watch.done:
            self.log.info("Not there yet: %s", _standing(watch.check.waiting))
        return PokeReturnValue(is_done=watch.done, xcom_value=watch.check.arrived)

    def execute_complete(self, context: Context, event: object = None) -> dict[str, str]:  # noqa: ARG002 - Airflow's
        """Conclude after a wait on the triggerer; ends as :meth:`execute` does.

        :raises LostEventError: the event is missing or unknown, so that nobody knows who has arrived.
        """
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
        from airflow_provider_bitrix24.triggers.event import WaitEvent

        with self._soft_failures(), permanent_errors_fail_at_once():
            with Bitrix24Hook(self.bitrix24_conn_id) as hook:
                # This process has looked no connection up yet, and so masks no secret in its log.
                hook.get_conn()
            refs, _ = self._parse()
        seen = WaitEvent.read(event, targets=[str(ref) for ref in refs], require=self.require)
        with self._soft_failures():
            return self._ended(seen)

    def _ended(self, seen: WaitEvent) -> dict[str, str]:
        if seen.status == "arrived":
            return seen.check.arrived
        if seen.status == "timeout":
            raise AirflowSensorTimeout(f"Not there after {self.timeout:.0f} s: {_standing(seen.check.waiting)}")
        self.log.error("%s", seen.message)
        if seen.status == "failed" or seen.permanent:
            raise AirflowFailException(seen.message)
        raise TransportError(seen.message)

    def _defer_until(self, deadline: float) -> None:
        from airflow_provider_bitrix24.triggers.stage import StageTrigger

        _, watch = self._parse()
        trigger = StageTrigger(
            targets=watch.targets,
            expected_stage=watch.expected,
            require=self.require,
            fail_on=watch.fail_on,
            deadline=deadline,
            poke_interval=self.poke_interval,
            max_failures=None if self.silent_fail else MAX_FAILURES,
            bitrix24_conn_id=self.bitrix24_conn_id,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _parse(self) -> tuple[list[EntityRef], StageWait]:
        from airflow_provider_bitrix24.client.stages import parse_stages
        from airflow_provider_bitrix24.client.targets import parse_targets

        refs = parse_targets(self.target)
        expected = parse_stages("expected_stage", self.expected_stage)
        fail_on = parse_stages("fail_on", self.fail_on or None) or frozenset()
        if not expected:
            raise ConfigurationError("expected_stage is None.", hint="Pass a stage id such as C5:WON, or a list.")
        if both := sorted(expected & fail_on):
            raise ConfigurationError(
                f"{', '.join(both)} is in expected_stage and in fail_on.", hint="Leave it out of one."
            )
        if unreadable := [str(ref) for ref in refs if not ref.readable]:
            raise ConfigurationError(
                f"{', '.join(unreadable[:_SHOWN])} cannot be waited for.",
                hint="Contacts and companies have no stages, and orders cannot be read.",
            )
        targets = [str(ref) for ref in refs]
        return refs, StageWait(targets=targets, expected=expected, require=self.require, fail_on=fail_on)

    def _link(self, context: Context, url: str) -> None:
        if not self._linked:
            context["ti"].xcom_push(key=ENTITY_URL_KEY, value=url)
            self._linked = True

    def _tolerate(self, error: Bitrix24Error) -> None:
        self._failures += 1
        if error.permanent or (not self.reschedule and self._failures >= MAX_FAILURES):
            raise error
        self.log.warning("Could not look: %s", error)

    @contextmanager
    def _soft_failures(self) -> Iterator[None]:
        """Do what Airflow's own loop does with a look that fails; it is not in use here."""
        try:
            yield
        except AirflowFailException as error:
            if self.soft_fail or self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise
        except (AirflowSkipException, AirflowSensorTimeout):
            raise
        except Exception as error:
            if self.never_fail:
                raise AirflowSkipException(str(error)) from error
            raise


def _standing(waiting: dict[str, str | None]) -> str:
    shown = ", ".join(f"{target} stands at {stage}" for target, stage in list(waiting.items())[:_SHOWN])
    more = f", and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else ""
    return f"{shown}{more}." if shown else "nobody could look."
