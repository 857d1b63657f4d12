"""What goes into the next requests: how many targets each, and the commands that read them back. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.flows.readings import list_calls
from airflow_provider_bitrix24.client.protocol.batch import BatchSizer, batch_call, command
from airflow_provider_bitrix24.client.protocol.wire import TRIGGER

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.firing.job import Job, Target
    from airflow_provider_bitrix24.client.firing.ledger import Ledger
    from airflow_provider_bitrix24.client.protocol.wire import Call


@dataclass(frozen=True, slots=True)
class FireRequest:
    """One request: its targets in order, the call, and the calls inside it that read the targets back."""

    targets: list[Target]
    call: Call
    reads: list[Call]
    fired_by: str = TRIGGER
    """The method that fires."""

    @property
    def is_batch(self) -> bool:
        """Whether it holds commands, or is the one documented call."""
        return self.call.method != self.fired_by

    @property
    def methods(self) -> list[str]:
        """The method of each command, in order."""
        return [self.fired_by] * len(self.targets) + [each.method for each in self.reads]


@dataclass(slots=True)
class RequestBuilder:
    """Builds requests, and holds the one answer to "batches or single calls".

    :param batches: off where the credential may send none, or for one unverified target.
    """

    job: Job
    batches: bool
    sizer: BatchSizer = field(default_factory=BatchSizer)

    @classmethod
    def for_job(cls, job: Job, targets: int) -> RequestBuilder:
        """A builder for a firing of so many targets. One unverified target is the documented direct call."""
        return cls(job, batches=job.batchable and (job.verify or targets > 1))

    def stop_batching(self) -> None:
        """The credential may send no batch: from here on each target is a call of its own."""
        self.batches = False

    @property
    def knows_cost(self) -> bool:
        """Whether a batch may be as large as it should; before, one goes alone to measure."""
        return not self.batches or bool(self.sizer.costs)

    @property
    def per_request(self) -> int:
        """Commands that one request takes by what is known."""
        return self.sizer.size if self.batches else 1

    def build(self, ledger: Ledger, most: int | None, *, read_back: bool) -> FireRequest:
        """Take the next request's targets off the ledger's queue, which is not empty.

        :param most: targets for which there is working time, at least one; ``None`` where it is not limited.
        :param read_back: whether this credential reads, so that the batch can end with reading its entities.
        """
        if not self.batches:
            [target] = ledger.take_for_request(1, read_back=False)
            return FireRequest([target], self.job.call(target.ref), [], self.job.method)
        targets = ledger.take_for_request(self.sizer.size, read_back=read_back, most=most)
        reads = list_calls(each.ref for each in targets if read_back and each.before is not None)
        fires = [self.job.call(each.ref) for each in targets]
        return FireRequest(targets, batch_call([command(each) for each in (*fires, *reads)]), reads, self.job.method)
