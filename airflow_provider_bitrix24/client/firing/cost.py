"""What a command costs, exchanged with the other processes that fire at the same portal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.flows.calls import sleep
from airflow_provider_bitrix24.client.flows.effects import Flow, ShareCost
from airflow_provider_bitrix24.client.protocol.wire import TRIGGER

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.firing.job import Job
    from airflow_provider_bitrix24.client.firing.requests import RequestBuilder
    from airflow_provider_bitrix24.client.limits.cost import SharedCost


@dataclass(slots=True)
class CostSharing:
    """Asks for a cost that another process has measured, and shares what this one measures.

    :param builder: whose batch sizes depend on the cost.
    """

    builder: RequestBuilder
    measuring: bool = False
    """Whether others wait for this process to find out what a command costs."""
    _shared: float = 0.0
    _name: str = field(init=False)

    def __post_init__(self) -> None:
        self._name = hashlib.sha256(self._what(self.builder.job).encode()).hexdigest()[:16]

    @staticmethod
    def _what(job: Job) -> str:
        return repr(job.code) if job.method == TRIGGER else f"{job.method} {job.code!r}"

    def ask(self, now: float) -> Flow[float]:
        """Take over what another process measured lately, waiting a little for one that is measuring now.

        Returns the time afterwards, in seconds of the driver's clock.
        """
        while not (self.builder.knows_cost or self.measuring):
            shared: SharedCost = yield ShareCost(self._name)
            if shared.seconds is not None:
                self.builder.sizer.learn(shared.seconds)
            elif shared.wait > 0:
                now = yield from sleep(shared.wait, "pace", "another process measures what a command costs")
            else:
                self.measuring = True
        return now

    def share(self) -> Flow[None]:
        """Let other processes know what a command costs, once and whenever it has changed much."""
        if not self.builder.batches or not self.builder.sizer.costs:
            return
        cost = self.builder.sizer.costs[-1]
        if not self._shared / 2 <= cost <= self._shared * 2:
            self._shared = cost
            yield ShareCost(self._name, cost)
