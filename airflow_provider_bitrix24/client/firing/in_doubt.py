"""A request whose effect is unknown, and what a reading says about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.firing.job import Target
    from airflow_provider_bitrix24.client.stages import Snapshot
    from airflow_provider_bitrix24.client.targets import EntityRef

CLOCK_MARGIN = 3.0
"""Seconds by which a kept moment may be off: the portal counts whole seconds and has many servers, and writing takes
a moment."""


@dataclass(slots=True, eq=False)
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

    def date(self, now: float, portal_now: float | None) -> float:
        """Say when it was sent, from a reading taken at ``now``. Where nobody knows, it counts as sent just now.

        :param portal_now: the earliest that the portal's clock may read at that moment.
        """
        if self.sent_at is None:
            age = 0.0
            if portal_now is not None and self.sent_by_portal is not None:
                age = max(0.0, portal_now - self.sent_by_portal - CLOCK_MARGIN)
            self.sent_at = now - age
        return self.sent_at

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

    def may_still_run(self, read_at: float, settle_after: float, *, moved: bool) -> bool:
        """Whether the portal may still be executing it after this reading; then it is due again later.

        :param moved: whether this reading showed a move that the ones before it did not.
        """
        if self.over or self.sent_at is None:
            return False
        if moved and read_at < self.sent_at + 2 * settle_after:
            # The portal was working on it a moment ago, and may go on after a gateway cut it off: count from here.
            self.sent_by_portal = None if read_at > self.sent_at else self.sent_by_portal
            self.sent_at = max(self.sent_at, read_at)
        self.due = self.sent_at + settle_after
        return read_at < self.due


def take_moved(requests: list[InDoubtRequest], found: Mapping[EntityRef, Snapshot]) -> list[Target]:
    """Take out of the requests that are over what a reading, such as that of the same answer, shows to have moved."""
    taken: list[Target] = []
    for request in requests:
        if request.over:
            moved, request.targets = request.divide(found)
            taken += moved
    requests[:] = [request for request in requests if request.targets]
    return taken
