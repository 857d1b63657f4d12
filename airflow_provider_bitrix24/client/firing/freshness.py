"""How old a reading may be by which targets are fired. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

STALE_AFTER = 60.0
"""Seconds of waiting after which targets are read anew before they are fired: people move entities, too."""
FORGOTTEN_STALE_AFTER = 5.0
"""Seconds after which they are read anew where an earlier try may have fired of which nothing is kept: what that try
fired can arrive at any moment, and only a reading shows it."""
_FORGOTTEN_REFRESHES = 3


@dataclass(slots=True)
class Freshness:
    """The age of the readings by which the next targets are fired.

    :param known_at: when the portal last showed what they are fired by.
    :param stale_after: seconds after which that is too old.
    :param refreshes: how often at most targets are read anew before one fire, so that a busy portal ends it.
    :param answers_count: whether an answer to a fire keeps readings fresh, so that only waits make them old.
    """

    known_at: float
    stale_after: float = STALE_AFTER
    refreshes: int = 1
    answers_count: bool = True
    _refreshed: int = 0

    @classmethod
    def of(cls, now: float, *, forgotten: bool) -> Self:
        """Begin a firing.

        :param forgotten: whether an earlier try may have fired of which nothing is kept, and a reading would show it.
        """
        return cls(now, FORGOTTEN_STALE_AFTER, _FORGOTTEN_REFRESHES, answers_count=False) if forgotten else cls(now)

    def record_reading(self, asked_at: float | None) -> None:
        """All that is fired next was read; ``None`` where nobody could look."""
        if asked_at is not None:
            self.known_at = max(self.known_at, asked_at)

    def record_fire(self, answered_at: float) -> None:
        """A fire was answered."""
        self._refreshed = 0
        if self.answers_count:
            self.known_at = answered_at

    def expires(self, now: float) -> bool:
        """Whether targets have to be read anew before they are fired; then they count as read now."""
        if self._refreshed >= self.refreshes or now - self.known_at <= self.stale_after:
            return False
        self._refreshed += 1
        self.known_at = now
        return True
