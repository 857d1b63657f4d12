"""Executing one request: its methods, the time they take, and where the portal cuts it off."""

from __future__ import annotations

from types import GeneratorType
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator.rest.methods import MethodResult

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.limits import OperatingUsage
    from airflow_provider_bitrix24.simulator.rest.methods import Call, Method


class RequestCutError(Exception):
    """The request has worked longer than the portal allows."""


class ProcessDiedError(Exception):
    """A fault ended the process that served the request before it was finished."""


class Execution:
    """One request being executed, and the time that it has taken."""

    __slots__ = ("_max_seconds", "elapsed", "portal", "started", "usage")

    def __init__(self, portal: Portal, usage: OperatingUsage) -> None:
        self.portal = portal
        self.usage = usage
        self.started = portal.clock.now()
        self.elapsed = 0.0
        """Seconds of work so far, as the portal would measure them."""
        settings = portal.settings
        stops = settings.is_cloud and settings.execution_after_cut == "stop"
        self._max_seconds = settings.request_seconds if stops else None

    @property
    def moment(self) -> float:
        """The moment at which all work so far is done."""
        return self.started + self.elapsed

    async def spend(self, seconds: float) -> None:
        """Let the portal work for `seconds`.

        :raises RequestCutError: when the request exceeds the portal's limit.
        """
        if seconds <= 0:
            return
        self.elapsed += seconds
        if self._max_seconds is not None and self.elapsed > self._max_seconds:
            await self.portal.clock.sleep_until(self.started + self._max_seconds)
            raise RequestCutError
        await self.portal.clock.sleep_until(self.moment)

    async def perform(self, method: Method, call: Call) -> MethodResult:
        """Run a method to its end.

        :raises RestError: when the method refuses the call.
        """
        portal = self.portal
        begun = self.elapsed
        if portal.latency.command_seconds:
            await self.spend(portal.latency.command_seconds)
        try:
            with portal.lock:
                outcome = method.run(call)
            if isinstance(outcome, GeneratorType):
                outcome = await self._drive(outcome)
        finally:
            if self.elapsed != begun:
                self.usage.spend(method.name, self.elapsed - begun)
        return outcome if isinstance(outcome, MethodResult) else MethodResult(outcome)

    async def _drive(self, steps: GeneratorType[float, None, Any]) -> Any:
        while True:
            try:
                with self.portal.lock:
                    seconds = next(steps)
            except StopIteration as end:
                return end.value
            await self.spend(seconds)
