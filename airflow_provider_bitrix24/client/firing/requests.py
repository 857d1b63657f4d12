"""What goes into the next requests: how many targets each, and the commands that read them back. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.flows.readings import list_calls
from airflow_provider_bitrix24.client.protocol.batch import BatchSizer, command, pack
from airflow_provider_bitrix24.client.protocol.wire import METHOD

if TYPE_CHECKING:
    from collections import deque

    from airflow_provider_bitrix24.client.firing.ledger import Job, Target
    from airflow_provider_bitrix24.client.protocol.wire import Call


@dataclass(frozen=True, slots=True)
class FireRequest:
    """One request: its targets in order, the call, and the calls inside it that read the targets back."""

    targets: list[Target]
    call: Call
    reads: list[Call]

    @property
    def is_batch(self) -> bool:
        """Whether it holds commands, or is the one documented call."""
        return self.call.method != METHOD

    @property
    def methods(self) -> list[str]:
        """The method of each command, in order."""
        return [METHOD] * len(self.targets) + [each.method for each in self.reads]


@dataclass(slots=True)
class RequestBuilder:
    """Composes requests. ``batches`` is off where the credential may send none, or for one unverified target."""

    job: Job
    batches: bool = True
    sizer: BatchSizer = field(default_factory=BatchSizer)

    @property
    def knows_cost(self) -> bool:
        """Whether a batch may be as large as it should; before, one goes alone to measure."""
        return not self.batches or bool(self.sizer.costs)

    @property
    def per_request(self) -> int:
        """Commands that one request takes by what is known."""
        return self.sizer.size if self.batches else 1

    def build(self, queue: deque[Target], budget: int | None, *, read_back: bool) -> FireRequest:
        """Take the next request's targets off the queue, which is not empty.

        :param budget: commands that the method's working time has room for, if it is limited.
        :param read_back: whether this credential reads, so that the batch can end with reading its entities.
        """
        if not self.batches:
            target = queue.popleft()
            target.fires += 1
            return FireRequest([target], self.job.call(target.ref), [])
        targets = self._take(queue, self.sizer.capacity(budget), read_back=read_back)
        reads = list_calls(each.ref for each in targets if read_back and each.before is not None)
        fires = [self.job.call(each.ref) for each in targets]
        return FireRequest(targets, pack([command(each) for each in (*fires, *reads)]), reads)

    @staticmethod
    def _take(queue: deque[Target], capacity: int, *, read_back: bool) -> list[Target]:
        """Each type among the targets costs one command more, which reads it back."""
        taken: list[Target] = []
        types: set[int] = set()
        while queue:
            target = queue[0]
            wider = types | {target.ref.type_id} if read_back and target.before is not None else types
            if taken and len(taken) + 1 + len(wider) > capacity:
                break
            types = wider
            target.fires += 1
            taken.append(queue.popleft())
        return taken
