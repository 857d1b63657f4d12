"""The state of one firing, with every transition of its targets. Pure; sending and reading are done in :mod:`.run`.

A target is *unread*, then *queued*, then in a request. An answered one is *accepted* until a reading shows where it
stands. One whose request was lost is *in doubt*: it is read until a move shows what became of it, or until the portal
has certainly finished with it and it may be fired again. In the end every target is settled.

Nothing but the ledger changes a target or the collections of :mod:`.state`. Its part that takes over what an earlier
try left is in :mod:`.restored`. The rules by which targets are settled are in :mod:`.outcomes`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.firing import outcomes
from airflow_provider_bitrix24.client.firing.in_doubt import ReadingMoment, take_moved
from airflow_provider_bitrix24.client.firing.job import MAX_FIRES
from airflow_provider_bitrix24.client.firing.outcomes import Settlement
from airflow_provider_bitrix24.client.firing.restored import RestoredState
from airflow_provider_bitrix24.client.stages import Snapshot, arrived

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.firing.in_doubt import InDoubtRequest
    from airflow_provider_bitrix24.client.firing.job import Target
    from airflow_provider_bitrix24.client.flows.readings import StageReadings


class Ledger(RestoredState):
    """The state of one firing, and all that happens to it."""

    def drain_changes(self) -> list[Target]:
        """Targets that were accepted or settled since the last call."""
        changed, self._changed = self._changed, []
        return changed

    # -- before a fire

    def expect(self, stages: frozenset[str]) -> None:
        """These stages are accepted from now on, since the order of a pipeline has become known."""
        if self.job.expected is not None:
            self.job = replace(self.job, expected=stages)

    def take_window(self, count: int) -> list[Target]:
        """Take the next targets that have to be read."""
        return self._queue.take_unread(count)

    def return_window(self, window: Sequence[Target]) -> None:
        """They could not be read: they stay the next ones."""
        self._queue.return_unread(window)

    def record_before(self, window: Iterable[Target], readings: StageReadings, *, looked: bool) -> None:
        """Sort targets after a reading: at an expected stage, missing, or to be fired.

        A target that cannot be read, or was not ``looked`` at, is fired all the same, without a stage before.
        """
        self._unread_reason = self._unread_reason or outcomes.why_nobody_reads(readings)
        for target in window:
            seen = readings.found.get(target.ref)
            if seen is not None:
                self._record_found(target, seen)
                continue
            settlement = outcomes.without_reading(target, readings, looked=looked)
            if settlement is None:
                target.before, target.reason = None, self._unread_reason
                self._queue.add(target)
            else:
                self._settle(target, settlement)

    def _record_found(self, target: Target, seen: Snapshot) -> None:
        if target.fires and target.before is not None and seen.shows_a_move_since(target.before):
            # It was fired before, without effect as it seemed, and has moved since: not to be fired again.
            self._accept(target, seen)
            self.record_after({target.ref: seen})
            return
        target.before = seen
        settlement = outcomes.at_expected(self.job, seen)
        if settlement is None:
            self._queue.add(target)
            return
        target.after = seen
        self._settle(target, settlement)

    def expire_snapshots(self) -> None:
        """A long wait has passed: whatever is queued is read again before it is fired."""
        self._queue.expire()

    def settle_preview(self) -> None:
        """Nothing is fired: settle what would be."""
        for target in self._queue:
            self._settle(target, outcomes.would_fire(self.job, target))
        self._queue.clear()

    def refuse_unfired(self, error: Bitrix24Error) -> None:
        """Fail all targets that would be fired next; requests in doubt go on being read.

        Those that were fired before are here because a reading showed that it had no effect.
        """
        for target in self._queue:
            self._settle(target, outcomes.refused(error, "no"))
        self._queue.clear()

    # -- a fire

    def take_for_request(self, capacity: int, *, read_back: bool, most: int | None = None) -> list[Target]:
        """Take the targets of one request off the queue, which is not empty: at least one.

        :param capacity: commands that the request may hold.
        :param read_back: whether it ends with reading its entities; then each type among them costs a command.
        :param most: targets to take at most.
        """
        taken = self._queue.take_ready(capacity, read_back=read_back, most=most)
        for target in taken:
            target.fires += 1
        return taken

    def return_unexecuted(self, targets: Sequence[Target]) -> None:
        """These were certainly not executed: they are the next to be fired."""
        for target in targets:
            target.fires -= 1
        self._queue.return_ready(targets)

    def record_accepted(self, target: Target, answer: object = None) -> None:
        """The portal answered with success. A target without a stage before cannot be verified."""
        self.fired = True
        outcome = self.job.settled_by(target.ref, answer)
        if outcome is not None:
            self._settle(target, Settlement(outcome))
        elif target.before is not None:
            self._accept(target)
        else:
            self._settle(target, outcomes.unverified(self.job, target))

    def repeat(self, targets: Sequence[Target], error: Bitrix24Error) -> None:
        """A request was lost whose repetition is harmless: these go again, unless they have gone too often."""
        self.fired = True
        again = [target for target in targets if target.fires < MAX_FIRES]
        for target in targets:
            if target.fires >= MAX_FIRES:
                self._lose(target, error)
        self._queue.return_ready(again)

    def record_refused(self, target: Target, error: Bitrix24Error) -> None:
        """The portal refused this target permanently."""
        self._settle(target, outcomes.refused(error))

    # -- after a fire

    def record_after(self, found: Mapping[EntityRef, Snapshot]) -> None:
        """Take a reading of accepted targets into account, and of those in doubt that it shows to have moved."""
        for moved in take_moved(self._in_doubt, found):
            self._accept(moved)
        for ref, after in found.items():
            target = self._accepted.get(ref)
            if target is None:
                continue
            target.after = after
            if target.before is not None and arrived(target.before, after, self.job.expected):
                del self._accepted[ref]
                self._settle(target, Settlement("moved"))

    def take_due(self, now: float) -> list[InDoubtRequest]:
        """Take the requests in doubt whose reading is due."""
        due = [request for request in self._in_doubt if request.due <= now]
        self._in_doubt = [request for request in self._in_doubt if request.due > now]
        return due

    def return_unreached(
        self, requests: Iterable[InDoubtRequest], reached: Collection[EntityRef]
    ) -> list[InDoubtRequest]:
        """A reading broke off: its targets that were not reached stay in doubt. Returns the requests of the others."""
        divided = [request.split(reached) for request in requests]
        self._in_doubt.extend(rest for _, rest in divided if rest.targets)
        return [read for read, _ in divided if read.targets]

    def resolve(
        self, request: InDoubtRequest, readings: StageReadings, moment: ReadingMoment, settle_after: float
    ) -> None:
        """Decide about a request in doubt from a reading taken at ``moment``; what stays open becomes due later.

        What became of a target that could not be read stays unknown.
        """
        found = readings.found
        request.date(moment)
        moved, rest = request.divide(found)
        moves = [found[each.ref].moved_by(each.before) for each in moved if each.before is not None]
        for target in moved:
            self._accept(target, found[target.ref])
        if not rest:
            return
        request.targets = rest
        if request.may_still_run(moment, settle_after, moves=moves):
            self._in_doubt.append(request)
            if request.accepted:
                for target in rest:
                    target.after = found.get(target.ref, target.after)
            return
        for target in reversed(rest):
            if target.ref not in found and readings.error(target.ref) is not None:
                self._leave(target, request)
            else:
                self._record_unexecuted(target, request.error, found.get(target.ref))

    def lose(self, request: InDoubtRequest, *, permanently: bool = False) -> None:
        """Nobody can look any more: what became of these stays unknown, unless it has been seen.

        :param permanently: whether nobody will be able to later either.
        """
        for target in request.targets:
            self._leave(target, request, permanently=permanently)

    def _leave(self, target: Target, request: InDoubtRequest, *, permanently: bool = False) -> None:
        """It is neither read nor fired again. What was accepted and then seen where it stood has not moved."""
        if request.accepted and target.after is not None:
            self._settle(target, outcomes.not_arrived(self.job, target))
        else:
            self._lose(target, request.error, permanently=permanently)

    def _record_unexecuted(self, target: Target, error: Bitrix24Error, after: Snapshot | None) -> None:
        target.after = after
        settlement = outcomes.without_effect(self.job, target, error, after)
        if settlement is None:
            target.before = after
            self._queue.return_ready([target])
        else:
            self._settle(target, settlement)

    # -- the end

    def close(self) -> list[Target]:
        """Nothing more will be read: settle what was accepted; returns those that did not arrive."""
        late = []
        for target in self._accepted.values():
            settlement = outcomes.not_arrived(self.job, target)
            self._settle(target, settlement)
            if settlement.outcome != "unverified":
                late.append(target)
        self._accepted.clear()
        return late

    def locate(self, late: Iterable[Target], stages: ExpectedStages) -> None:
        """Note where targets stand that did not arrive.

        :param stages: what is known of their pipelines.
        """
        for target in late:
            if target.after is not None:
                target.place = stages.place(target.ref, target.after)

    def give_up(self, error: Bitrix24Error) -> None:
        """Nothing more can be sent: the rest fails with what stopped it, and what is in doubt stays unknown."""
        self.refuse_unfired(error)
        for request in self._in_doubt:
            self.lose(request, permanently=error.permanent)
        self._in_doubt.clear()

    def record_sent(self) -> None:
        """Requests leave now: from here on the portal may have acted on their targets."""
        self.sent = True

    def interrupt(self, error: Bitrix24Error) -> None:
        """The try ends here, in the middle: settle every target by what is known of it."""
        self.close()
        for request in self._in_doubt:
            if request.accepted:
                self.lose(request)
        for target in self.targets:
            if target.outcome is None:
                self._settle(target, outcomes.interrupted(target, error, sent=self.sent or self.resumed))
        self._queue.clear()
        self._in_doubt.clear()
