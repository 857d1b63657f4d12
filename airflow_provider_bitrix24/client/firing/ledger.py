"""Bookkeeping of a firing: who was fired, who is in doubt, who is settled. Pure; the talking is in :mod:`.automation`.

A target waits, is fired, and is then settled by looking. When a request is lost, its targets are in doubt
until a reading tells what the portal did with them: a batch runs its commands in order, so everything
before the last entity that moved was executed.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    Bitrix24Error,
    Executed,
    PermissionDeniedError,
    ServerError,
)
from airflow_provider_bitrix24.client.protocol.wire import METHOD, Call
from airflow_provider_bitrix24.client.report import MISSING, Outcome, TargetError, TargetResult
from airflow_provider_bitrix24.client.stages import Snapshot, arrived

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.flows.readings import StageReadings
    from airflow_provider_bitrix24.client.targets import EntityRef


MAX_FIRES = 3
"""How often one target is fired at the most, the repeats only after it was seen not to have moved."""
UNREADABLE = "Bitrix24 acts on other entities for a contact or company, and orders cannot be read."
NOT_ASKED = "Verification is off."
NOT_ALLOWED = "The webhook may not read entities."
NOT_READ_BACK = "It could not be read back."

_REFERENCE = re.compile(r"\$(result|total|next|time|error)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be fired. ``expected`` holds the stages of which any will do; ``verify`` allows reading."""

    code: str | None
    expected: frozenset[str] | None = None
    verify: bool = True

    def call(self, ref: EntityRef) -> Call:
        """The documented call for one target."""
        params = {"target": str(ref)}
        return Call(METHOD, params if self.code is None else {**params, "code": self.code})

    @property
    def batchable(self) -> bool:
        """A batch replaces ``$result[...]`` in its commands, even inside a code."""
        return self.code is None or not _REFERENCE.search(self.code)


@dataclass(slots=True, eq=False)
class Target:
    """One entity on its way. ``outcome`` is set once it is settled."""

    ref: EntityRef
    before: Snapshot | None = None
    after: Snapshot | None = None
    fires: int = 0
    outcome: Outcome | None = None
    error: TargetError | None = None
    reason: str | None = None

    def settle(self, outcome: Outcome, *, error: TargetError | None = None, reason: str | None = None) -> None:
        """Decide this target."""
        self.outcome, self.error, self.reason = outcome, error, reason

    def fail(self, error: Bitrix24Error) -> None:
        """Decide this target: it failed."""
        self.settle("failed", error=TargetError.from_error(error))

    def lose(self, error: Bitrix24Error) -> None:
        """Decide this target: nobody can tell what the portal did with it."""
        self.settle("failed", error=TargetError.from_error(error, "unknown"))

    def result(self) -> TargetResult:
        """What became of it."""
        return TargetResult(
            target=str(self.ref),
            outcome=self.outcome or "failed",
            stage_before=self.before.stage if self.before else None,
            stage_after=self.after.stage if self.after else None,
            error=self.error,
            reason=self.reason,
        )


@dataclass(slots=True, eq=False)
class InDoubtRequest:
    """A request whose effect is unknown: its targets in order, and when the next reading is due.

    ``over`` says that the portal has certainly finished with it, since it answered in full.
    """

    targets: list[Target]
    error: Bitrix24Error
    sent_at: float
    over: bool
    due: float


@dataclass(slots=True)
class Ledger:
    """All targets of one firing by what is to be done with them next."""

    job: Job
    unread: deque[Target]
    """Their stage is not known yet, or too old."""
    queue: deque[Target] = field(default_factory=deque)
    """Ready to be fired."""
    accepted: dict[EntityRef, Target] = field(default_factory=dict)
    """The portal answered true; not yet seen to have moved."""
    in_doubt: list[InDoubtRequest] = field(default_factory=list)
    fired: bool = False
    """Whether the portal may have acted on anything."""
    resumed: bool = False
    """Whether an earlier try has fired something."""
    changed: list[Target] = field(default_factory=list)
    """Accepted or settled since somebody last looked here and emptied it."""

    def note_before(self, window: Iterable[Target], reading: StageReadings, *, looked: bool) -> None:
        """Sort targets after a reading: those that stand right already, those that are not there, those to fire.

        What cannot be read, or was not ``looked`` at, is fired all the same, without a stage before.
        """
        for target in window:
            before = reading.found.get(target.ref)
            refusal = reading.refused.get(target.ref.type_id)
            if before is not None:
                self._note_found(target, before)
            elif not looked or not target.ref.readable or isinstance(refusal, PermissionDeniedError):
                target.before = None
                self.queue.append(target)
            else:
                # Whether the reading ran does not matter, but whether this target was fired.
                executed: Executed = "unknown" if target.fires else "no"
                missing = TargetError("NOT_FOUND", MISSING, executed)
                self.changed.append(target)
                error = missing if refusal is None else TargetError.from_error(refusal, executed)
                target.settle("failed", error=error)

    def _note_found(self, target: Target, seen: Snapshot) -> None:
        if target.fires and target.before is not None and seen.shows_a_move_since(target.before):
            # It was fired before, in vain as it seemed, and has moved at last: not to be fired again.
            self._accept(target, seen)
            self.note_after({target.ref: seen})
            return
        target.before = seen
        if self.job.expected is None or seen.stage not in self.job.expected:
            self.queue.append(target)
            return
        target.after = seen
        self.changed.append(target)
        target.settle("already")

    def _accept(self, target: Target, after: Snapshot | None = None) -> None:
        target.after = after or target.after
        self.accepted[target.ref] = target
        self.changed.append(target)

    def fail(self, target: Target, error: Bitrix24Error) -> None:
        """The portal refused this one for good."""
        self.changed.append(target)
        target.fail(error)

    def _lose(self, target: Target, error: Bitrix24Error) -> None:
        self.changed.append(target)
        target.lose(error)

    def note_accepted(self, target: Target) -> None:
        """The portal answered true. A target without a stage before cannot be verified."""
        self.fired = True
        if target.before is not None:
            self._accept(target)
            return
        self.changed.append(target)
        allowed = NOT_ALLOWED if self.job.verify else NOT_ASKED
        target.settle("unverified", reason=allowed if target.ref.readable else UNREADABLE)

    def put_back(self, targets: Sequence[Target]) -> None:
        """These were certainly not executed: they are the next to be fired."""
        for target in targets:
            target.fires -= 1
        self.queue.extendleft(reversed(targets))

    def note_after(self, found: Mapping[EntityRef, Snapshot]) -> None:
        """Take a reading of accepted targets into account; those that arrived are settled."""
        for ref, after in found.items():
            target = self.accepted.get(ref)
            if target is None:
                continue
            target.after = after
            if target.before is not None and arrived(target.before, after, self.job.expected):
                del self.accepted[ref]
                self.changed.append(target)
                target.settle("moved")

    def note_in_doubt(
        self, targets: Sequence[Target], error: Bitrix24Error, sent_at: float, now: float, *, over: bool
    ) -> None:
        """A request was lost. Where nobody can look, its targets' fate stays unknown.

        :param over: whether the portal has certainly finished with it, since it answered in full.
        """
        self.fired = True
        in_doubt = []
        for target in targets:
            if target.before is not None:
                in_doubt.append(target)
            else:
                self._lose(target, error)
        if in_doubt:
            self.in_doubt.append(InDoubtRequest(in_doubt, error, sent_at, over, now))

    def resolve(
        self, doubt: InDoubtRequest, found: Mapping[EntityRef, Snapshot], read_at: float, settle_after: float
    ) -> None:
        """Decide about a doubt from a reading taken at ``read_at``; what stays open becomes due later."""
        moved = [self._moved(target, found.get(target.ref)) for target in doubt.targets]
        executed = len(moved) - moved[::-1].index(True) if True in moved else 0
        for target in doubt.targets[:executed]:
            self._accept(target, found.get(target.ref))
        rest = doubt.targets[executed:]
        if not rest:
            return
        if executed and read_at < doubt.sent_at + 2 * settle_after:
            # It was at work a moment ago, and what a gateway cut off may go on: count from here.
            doubt.sent_at = max(doubt.sent_at, read_at)
        if not doubt.over and read_at < doubt.sent_at + settle_after:
            doubt.targets, doubt.due = rest, doubt.sent_at + settle_after
            self.in_doubt.append(doubt)
            return
        for target in reversed(rest):
            self._not_executed(target, doubt.error, found.get(target.ref))

    def lose(self, doubt: InDoubtRequest) -> None:
        """Nobody can look any more: what became of these stays unknown."""
        for target in doubt.targets:
            self._lose(target, doubt.error)

    @staticmethod
    def _moved(target: Target, after: Snapshot | None) -> bool:
        return after is not None and target.before is not None and after.shows_a_move_since(target.before)

    def _not_executed(self, target: Target, error: Bitrix24Error, after: Snapshot | None) -> None:
        target.after = after
        if after is None:
            self.changed.append(target)
            target.settle("failed", error=TargetError("NOT_FOUND", MISSING, "unknown"))
        elif isinstance(error, ApiError) and not isinstance(error, ServerError):
            self.fail(target, error)  # a refusal, only that its code proved nothing
        elif target.fires >= MAX_FIRES:
            self._lose(target, error)
        else:
            target.before = after
            self.queue.appendleft(target)

    def close(self) -> list[Target]:
        """Nothing more will be read: settle what was accepted; returns those that did not move."""
        unmoved = []
        for target in self.accepted.values():
            self.changed.append(target)
            if target.before is None or target.after is None:
                target.settle("unverified", reason=NOT_READ_BACK)
            else:
                target.settle("unmoved")
                unmoved.append(target)
        self.accepted.clear()
        return unmoved

    def give_up(self, error: Bitrix24Error) -> None:
        """Nothing more can be sent: the rest fails with what stopped it, doubts stay unknown."""
        for target in (*self.queue, *self.unread):
            self.changed.append(target)
            target.settle("failed", error=TargetError.from_error(error, "unknown" if target.fires else "no"))
        for doubt in self.in_doubt:
            self.lose(doubt)
        self.queue.clear()
        self.unread.clear()
        self.in_doubt.clear()
