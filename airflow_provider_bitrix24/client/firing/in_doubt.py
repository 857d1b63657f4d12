"""A request whose effect is unknown, and what a reading says about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.firing.job import Target
    from airflow_provider_bitrix24.client.stages import Snapshot

CLOCK_MARGIN = 3.0
"""Seconds by which a kept moment may be off: the portal counts whole seconds and has many servers, and writing takes
a moment."""


@dataclass(frozen=True, slots=True)
class ReadingMoment:
    """When a reading was taken.

    :param at: by the driver's monotonic clock, in seconds.
    :param earliest_by_portal: the least that the portal's clock may have read then, in seconds since the epoch;
        ``None`` where it is unknown.
    :param latest_by_portal: the most that it may have read.
    """

    at: float
    earliest_by_portal: float | None = None
    latest_by_portal: float | None = None

    def since(self, by_portal: float | None) -> float:
        """The driver's moment, at the latest, at which the portal's clock showed this. Unknown counts as just now."""
        if self.earliest_by_portal is None or by_portal is None:
            return self.at
        return self.at - max(0.0, self.earliest_by_portal - by_portal - CLOCK_MARGIN)

    def by_portal(self, moment: float) -> float | None:
        """What the portal's clock showed, at the latest, at a moment of the driver's before this reading."""
        return None if self.latest_by_portal is None else self.latest_by_portal - (self.at - moment)


@dataclass(slots=True, eq=False, kw_only=True)
class InDoubtRequest:
    """Targets that were sent in one request, in order, and when the next reading is due.

    Times without another word are seconds of the driver's monotonic clock.
    """

    targets: list[Target]
    error: Bitrix24Error
    sent_at: float | None
    """The latest moment at which the portal is known to have begun or continued; ``None`` where an earlier try sent
    it, until the first reading of this try tells."""
    over: bool
    """Whether the portal has certainly finished with it, since it answered in full."""
    due: float
    sent_by_portal: float | None = None
    """The same moment by the portal's clock at the latest, in seconds since the epoch, for a later try."""
    by_earlier_try: bool = False
    """Whether an earlier try sent it, which may have had an answer."""
    accepted: bool = False
    """Whether that try had the answer, and saw none of its targets move."""

    def date(self, reading: ReadingMoment) -> float:
        """Say when it was sent, from a reading. Where nobody knows, it counts as sent just now.

        A later try then knows by the portal's clock at least what this reading shows of it.
        """
        if self.sent_at is None:
            self.sent_at = reading.since(self.sent_by_portal)
        if self.sent_by_portal is None:
            self.sent_by_portal = reading.by_portal(self.sent_at)
        return self.sent_at

    def split(self, reached: Collection[EntityRef]) -> tuple[InDoubtRequest, InDoubtRequest]:
        """Split it into the targets that a reading has reached, and the others."""
        parts: tuple[list[Target], list[Target]] = [], []
        for target in self.targets:
            parts[target.ref not in reached].append(target)
        return replace(self, targets=parts[0]), replace(self, targets=parts[1])

    def divide(self, found: Mapping[EntityRef, Snapshot]) -> tuple[list[Target], list[Target]]:
        """Divide its targets into those that a reading shows to have moved, and the others.

        Only a move is proof: a command before one that moved can have been refused one by one.
        """
        moved: list[Target] = []
        rest: list[Target] = []
        for target in self.targets:
            after = found.get(target.ref)
            has_moved = after is not None and target.before is not None and after.shows_a_move_since(target.before)
            (moved if has_moved else rest).append(target)
        return moved, rest

    def may_still_run(self, reading: ReadingMoment, settle_after: float, *, moves: Sequence[float | None]) -> bool:
        """Whether the portal may still be executing it after this reading; then it is due again later.

        :param moves: when the targets moved that the readings before this one did not show to have moved, by the
            portal's clock, in seconds since the epoch; ``None`` where that is unknown.
        """
        if self.over or self.sent_at is None:
            return False
        if moves and reading.at < self.sent_at + 2 * settle_after:
            # The portal was working on it then, and may continue after a gateway cut it off: count from there.
            last = reading.since(self._last_of(moves))
            if last > self.sent_at:
                self.sent_at, self.sent_by_portal = last, reading.by_portal(last)
        self.due = self.sent_at + settle_after
        return reading.at < self.due

    def _last_of(self, moves: Sequence[float | None]) -> float | None:
        """When the last of these moves happened; ``None`` where one is unknown, or cannot come of this request."""
        known = [moved for moved in moves if moved is not None]
        if self.sent_by_portal is None or len(known) < len(moves) or min(known) < self.sent_by_portal - CLOCK_MARGIN:
            return None
        return max(known)


def why_not_fired_yet(requests: Sequence[InDoubtRequest]) -> str:
    """Why a firing waits before it reads these and fires again what has not moved."""
    if any(not request.by_earlier_try for request in requests):
        return "a request got no answer and the portal may still be executing it"
    count = sum(len(request.targets) for request in requests)
    fired, on = ("1 target that has", "it") if count == 1 else (f"{count:,} targets that have", "them")
    return f"an earlier try fired {fired} not moved, and the portal may still act on {on}"


def take_moved(requests: list[InDoubtRequest], found: Mapping[EntityRef, Snapshot]) -> list[Target]:
    """Take out of the requests that are over what a reading, such as that of the same answer, shows to have moved."""
    taken: list[Target] = []
    for request in requests:
        if request.over:
            moved, request.targets = request.divide(found)
            taken += moved
    requests[:] = [request for request in requests if request.targets]
    return taken
