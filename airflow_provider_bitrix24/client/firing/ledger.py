"""The state of one firing, with every transition of its targets. Pure; sending and reading are done in :mod:`.run`.

A target is *unread*, then *queued*, then in a request. An answered one is *accepted* until a reading shows where it
stands. One whose request was lost is *in doubt*: it is read until a move shows what became of it, or until the portal
has certainly finished with it and it may be fired again. In the end every target is settled.

Nothing outside this module changes a target or these collections.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    Bitrix24Error,
    Executed,
    PermissionDeniedError,
    ServerError,
)
from airflow_provider_bitrix24.client.firing.in_doubt import InDoubtRequest
from airflow_provider_bitrix24.client.firing.job import MAX_FIRES, Job, Target
from airflow_provider_bitrix24.client.report import MISSING, Outcome, TargetError
from airflow_provider_bitrix24.client.stages import Snapshot, arrived

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.flows.readings import StageReadings
    from airflow_provider_bitrix24.client.targets import EntityRef

UNREADABLE = "Bitrix24 acts on other entities for a contact or company, and orders cannot be read."
NOT_ASKED = "Verification is off."
NOT_ALLOWED = "The webhook may not read entities."
NOT_READ_BACK = "It could not be read back."


class Ledger:
    """All targets of one firing by what is to be done with them next.

    :param job: what is fired.
    :param targets: the targets in the caller's order.
    """

    def __init__(self, job: Job, targets: Iterable[Target]) -> None:
        self.job = job
        self.targets = tuple(targets)
        self.fired = False
        """Whether the portal may have acted on anything in this try."""
        self.sent = False
        """Whether a fire has left in this try."""
        self.resumed = False
        """Whether an earlier try has fired something."""
        self._unread = deque(self.targets)
        self._queue: deque[Target] = deque()
        self._accepted: dict[EntityRef, Target] = {}
        self._in_doubt: list[InDoubtRequest] = []
        self._changed: list[Target] = []

    # -- what there is

    @property
    def unread(self) -> int:
        """Targets whose stage is not known yet, or too old."""
        return len(self._unread)

    @property
    def queued(self) -> int:
        """Targets that are ready to be fired."""
        return len(self._queue)

    @property
    def accepted(self) -> list[EntityRef]:
        """Targets that the portal has accepted and that have not been seen to arrive."""
        return list(self._accepted)

    @property
    def in_doubt(self) -> Sequence[InDoubtRequest]:
        """Requests whose effect is unknown."""
        return tuple(self._in_doubt)

    @property
    def next_due(self) -> float | None:
        """When the next reading of targets in doubt is due."""
        return min((request.due for request in self._in_doubt), default=None)

    @property
    def remaining(self) -> int:
        """Targets that still have to be fired, or may have to be fired again."""
        return len(self._unread) + len(self._queue) + sum(len(request.targets) for request in self._in_doubt)

    @property
    def settled(self) -> int:
        """How many targets are decided."""
        return sum(target.outcome is not None for target in self.targets)

    def unread_refs(self) -> Iterable[EntityRef]:
        """The targets that have to be read, in order."""
        return (target.ref for target in self._unread)

    def drain_changes(self) -> list[Target]:
        """Targets that were accepted or settled since the last call."""
        changed, self._changed = self._changed, []
        return changed

    # -- before a fire

    def take_window(self, count: int) -> list[Target]:
        """Take the next targets that have to be read."""
        return [self._unread.popleft() for _ in range(count)]

    def return_window(self, window: Sequence[Target]) -> None:
        """They could not be read: they stay the next ones."""
        self._unread.extendleft(reversed(window))

    def record_before(self, window: Iterable[Target], readings: StageReadings, *, looked: bool) -> None:
        """Sort targets after a reading: at an expected stage, missing, or to be fired.

        A target that cannot be read, or was not ``looked`` at, is fired all the same, without a stage before.
        """
        for target in window:
            before = readings.found.get(target.ref)
            refusal = readings.error(target.ref)
            if before is not None:
                self._record_found(target, before)
            elif not looked or not target.ref.readable or isinstance(refusal, PermissionDeniedError):
                target.before = None
                self._queue.append(target)
            else:
                # Whether the reading ran does not matter, but whether this target was fired.
                executed: Executed = "unknown" if target.fires else "no"
                missing = TargetError("NOT_FOUND", MISSING, executed)
                error = missing if refusal is None else TargetError.from_error(refusal, executed)
                self._settle(target, "failed", error=error)

    def _record_found(self, target: Target, seen: Snapshot) -> None:
        if target.fires and target.before is not None and seen.shows_a_move_since(target.before):
            # It was fired before, without effect as it seemed, and has moved since: not to be fired again.
            self._accept(target, seen)
            self.record_after({target.ref: seen})
            return
        target.before = seen
        if self.job.expected is None or seen.stage not in self.job.expected:
            self._queue.append(target)
            return
        target.after = seen
        self._settle(target, "already")

    def expire_snapshots(self) -> None:
        """A long wait has passed: whatever is queued is read again before it is fired."""
        self._unread.extendleft(reversed(self._queue))
        self._queue.clear()

    def refuse_unfired(self, error: Bitrix24Error) -> None:
        """Fail all targets that would be fired next; requests in doubt go on being read.

        Those that were fired before are here because a reading showed that it had no effect.
        """
        for target in chain(self._queue, self._unread):
            self._settle(target, "failed", error=TargetError.from_error(error, "no"))
        self._queue.clear()
        self._unread.clear()

    # -- a fire

    def take_for_request(self, capacity: int, *, read_back: bool) -> list[Target]:
        """Take the targets of one request off the queue, which is not empty: at least one.

        :param capacity: commands that the request may hold.
        :param read_back: whether it ends with reading its entities; then each type among them costs a command.
        """
        taken: list[Target] = []
        types: set[int] = set()
        while self._queue:
            target = self._queue[0]
            wider = types | {target.ref.type_id} if read_back and target.before is not None else types
            if taken and len(taken) + 1 + len(wider) > capacity:
                break
            types = wider
            target.fires += 1
            taken.append(self._queue.popleft())
        return taken

    def return_unexecuted(self, targets: Sequence[Target]) -> None:
        """These were certainly not executed: they are the next to be fired."""
        for target in targets:
            target.fires -= 1
        self._queue.extendleft(reversed(targets))

    def record_accepted(self, target: Target) -> None:
        """The portal answered true. A target without a stage before cannot be verified."""
        self.fired = True
        if target.before is not None:
            self._accept(target)
            return
        allowed = NOT_ALLOWED if self.job.verify else NOT_ASKED
        self._settle(target, "unverified", reason=allowed if target.ref.readable else UNREADABLE)

    def record_refused(self, target: Target, error: Bitrix24Error) -> None:
        """The portal refused this target permanently."""
        self._settle(target, "failed", error=TargetError.from_error(error))

    def record_in_doubt(
        self,
        targets: Sequence[Target],
        error: Bitrix24Error,
        *,
        sent_at: float | None,
        now: float,
        over: bool,
        sent_by_portal: float | None = None,
    ) -> None:
        """A request was lost. Where nobody can look, its targets' fate stays unknown.

        :param sent_at: ``None`` where an earlier try sent it.
        :param over: whether the portal has certainly finished with it, since it answered in full.
        """
        self.fired = True
        readable = [target for target in targets if target.before is not None]
        for target in targets:
            if target.before is None:
                self._lose(target, error)
        if readable:
            self._in_doubt.append(InDoubtRequest(readable, error, sent_at, over, now, sent_by_portal))

    # -- after a fire

    def record_after(self, found: Mapping[EntityRef, Snapshot]) -> None:
        """Take a reading of accepted targets into account; those that arrived are settled."""
        for ref, after in found.items():
            target = self._accepted.get(ref)
            if target is None:
                continue
            target.after = after
            if target.before is not None and arrived(target.before, after, self.job.expected):
                del self._accepted[ref]
                self._settle(target, "moved")

    def take_due(self, now: float) -> list[InDoubtRequest]:
        """Take the requests in doubt whose reading is due."""
        due = [request for request in self._in_doubt if request.due <= now]
        self._in_doubt = [request for request in self._in_doubt if request.due > now]
        return due

    def return_due(self, requests: Sequence[InDoubtRequest]) -> None:
        """They could not be read."""
        self._in_doubt.extend(requests)

    def resolve(self, request: InDoubtRequest, readings: StageReadings, read_at: float, settle_after: float) -> None:
        """Decide about a request in doubt from a reading taken at ``read_at``; what stays open becomes due later.

        What became of a target that could not be read stays unknown.
        """
        found = readings.found
        moved, rest = request.divide(found)
        for target in moved:
            self._accept(target, found[target.ref])
        if not rest:
            return
        request.targets = rest
        if request.may_still_run(read_at, settle_after, moved=bool(moved)):
            self._in_doubt.append(request)
            return
        for target in reversed(rest):
            if target.ref not in found and readings.error(target.ref) is not None:
                self._lose(target, request.error)
            else:
                self._record_unexecuted(target, request.error, found.get(target.ref))

    def lose(self, request: InDoubtRequest) -> None:
        """Nobody can look any more: what became of these stays unknown."""
        for target in request.targets:
            self._lose(target, request.error)

    def _record_unexecuted(self, target: Target, error: Bitrix24Error, after: Snapshot | None) -> None:
        target.after = after
        if after is None:
            self._settle(target, "failed", error=TargetError("NOT_FOUND", MISSING, "unknown"))
        elif isinstance(error, ApiError) and not isinstance(error, ServerError):
            self.record_refused(target, error)  # a refusal, only that its code proved nothing
        elif target.fires >= MAX_FIRES:
            self._lose(target, error)
        elif self.job.expected is not None and after.stage in self.job.expected:
            self._settle(target, "already")
        else:
            target.before = after
            self._queue.appendleft(target)

    # -- the end

    def close(self) -> list[Target]:
        """Nothing more will be read: settle what was accepted; returns those that did not arrive."""
        late = []
        for target in self._accepted.values():
            if target.before is None or target.after is None:
                self._settle(target, "unverified", reason=NOT_READ_BACK)
                continue
            elsewhere = self.job.expected is not None and target.shows_a_move
            self._settle(target, "elsewhere" if elsewhere else "unmoved")
            late.append(target)
        self._accepted.clear()
        return late

    def give_up(self, error: Bitrix24Error) -> None:
        """Nothing more can be sent: the rest fails with what stopped it, and what is in doubt stays unknown."""
        self.refuse_unfired(error)
        for request in self._in_doubt:
            self.lose(request)
        self._in_doubt.clear()

    def record_sent(self) -> None:
        """Requests leave now: from here on the portal may have acted on their targets."""
        self.sent = True

    def interrupt(self, error: Bitrix24Error) -> None:
        """The try ends here, in the middle: settle every target by what is known of it."""
        self.close()
        for target in self.targets:
            if target.outcome is None:
                executed: Executed = "unknown" if target.fires and (self.sent or self.resumed) else "no"
                self._settle(target, "failed", error=TargetError.from_error(error, executed))
        for collection in (self._queue, self._unread, self._in_doubt):
            collection.clear()

    # -- what an earlier try left

    def restore_settled(
        self, target: Target, outcome: Outcome, before: Snapshot | None, after: Snapshot | None
    ) -> None:
        """An earlier try has settled it; it is left alone."""
        target.before, target.after = before, after
        self.resumed = self.resumed or outcome != "already"
        self._settle(target, outcome)

    def restore_accepted(self, target: Target, before: Snapshot | None, after: Snapshot | None) -> None:
        """An earlier try has fired it, and it is still awaited: it is read, and not fired again."""
        target.before, target.after, target.fires = before, after, 1
        self.resumed = True
        self._accept(target)

    def restore_lost(self, target: Target, error: TargetError) -> None:
        """An earlier try has fired it, and nobody can tell what became of it."""
        self.resumed = True
        self._settle(target, "failed", error=error)

    def restore_in_doubt(
        self,
        targets: Sequence[Target],
        snapshots: Mapping[EntityRef, Snapshot],
        error: Bitrix24Error,
        *,
        now: float,
        sent_by_portal: float | None,
    ) -> None:
        """An earlier try has sent them: they are read first, and fired again only as any request in doubt."""
        for target in targets:
            target.before, target.fires = snapshots.get(target.ref), 1
        self.resumed = True
        self.record_in_doubt(targets, error, sent_at=None, now=now, over=False, sent_by_portal=sent_by_portal)

    def finish_restoring(self) -> None:
        """Leave unread only what no earlier try has sent or settled."""
        self.fired = False
        self._unread = deque(target for target in self._unread if target.outcome is None and not target.fires)

    # -- inside

    def _accept(self, target: Target, after: Snapshot | None = None) -> None:
        target.after = after or target.after
        self._accepted[target.ref] = target
        self._changed.append(target)

    def _settle(
        self, target: Target, outcome: Outcome, *, error: TargetError | None = None, reason: str | None = None
    ) -> None:
        self._changed.append(target)
        target.settle(outcome, error=error, reason=reason)

    def _lose(self, target: Target, error: Bitrix24Error) -> None:
        self._settle(target, "failed", error=TargetError.from_error(error, "unknown"))
