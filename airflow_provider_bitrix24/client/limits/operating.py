"""The working time that a portal allows: what it has reported and refused, and how much of it may still be used. Pure.

A portal adds up the time that it works for a credential, for each *account*: a method, a method inside batches
(:func:`in_batch`), and on newer portals the method ``batch``, which takes half of a batch's time. Above a limit it
refuses calls: an older portal (480 s in ten minutes) until the oldest minute leaves the sum, a newer one (420 s) for
a fixed ban of 300 s, after which the sum is zero. So a newer portal's limit must not be reached.

How processes with the same credential share what they know is in :mod:`.working_time`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_bitrix24.client.protocol.wire import Timing

BATCH = "batch"
BATCH_SHARE = 0.5
"""The part of a batch's time that a newer portal adds to the account of the method ``batch``."""
OPERATING_LIMIT = 480.0
"""Seconds of work that an older portal allows a method in ten minutes."""
NEWER_LIMIT = 420.0
BAN = 300.0
"""Seconds for which a newer portal refuses a method whose limit was exceeded."""
START_BELOW = 0.95
"""The part of a newer portal's limit from which on no request is begun."""
FILL_TO = 0.98
"""The part that requests under way may reach together."""
FRESH = 2.0
"""Seconds for which a reported working time, followed by a refusal, shows where the limit is."""
_SAME_MINUTE = 5.0
"""Seconds by which what two answers say of the same reset may differ, since answers travel for a while."""
_AHEAD_OF_RESET = 2.0
"""Seconds before a reset at which a sum that falls has not fallen by that reset."""
_NOTICEABLE = 0.5
"""Seconds of work in one batch after which a newer portal must have added some of them to the batch's account."""


def in_batch(method: str) -> str:
    """The account of a method's calls inside batches, which a newer portal may add up apart from direct calls."""
    return f"{BATCH}/{method}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One account as the portal reported it last. Times are seconds of one clock."""

    used: float = 0.0
    """Seconds of work in the last ten minutes."""
    at: float = -WINDOW
    """When this was reported."""
    reset_at: float = -WINDOW
    """When the oldest minute leaves the sum."""
    banned_until: float = -WINDOW

    def shifted(self, seconds: float) -> Figure:
        """The same on a clock that is so many seconds ahead."""
        return Figure(self.used, self.at + seconds, self.reset_at + seconds, self.banned_until + seconds)

    def merged(self, other: Figure) -> Figure:
        """The later report, and the longer ban. Until the oldest minute leaves it, a sum only grows."""
        later, earlier = (self, other) if self.at >= other.at else (other, self)
        same_minute = abs(later.reset_at - earlier.reset_at) <= _SAME_MINUTE
        used = max(self.used, other.used) if same_minute else later.used
        return replace(later, used=used, banned_until=max(self.banned_until, other.banned_until))


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known about the working time of one credential."""

    figures: Mapping[str, Figure] = field(default_factory=dict)
    """By account."""
    bills_batches: bool | None = None
    """Whether batches are an account, which is the mark of a newer portal; ``None`` where that is not known."""
    limit: float | None = None
    """Seconds at which the portal has refused calls, where that was below what is documented."""

    @property
    def bans(self) -> bool:
        """Whether the portal may ban. One of which nothing is known may."""
        return self.bills_batches is not False

    @property
    def lines(self) -> tuple[float, float]:
        """Seconds of work from which on no request is begun, and those that requests under way may reach."""
        documented = NEWER_LIMIT if self.bans else OPERATING_LIMIT
        limit = documented if self.limit is None else min(documented, self.limit)
        return (START_BELOW * limit, FILL_TO * limit) if self.bans else (limit, limit)

    def shifted(self, seconds: float) -> Knowledge:
        """The same on a clock that is so many seconds ahead."""
        return replace(self, figures={name: each.shifted(seconds) for name, each in self.figures.items()})

    def merged(self, other: Knowledge) -> Knowledge:
        """What both know together."""
        figures = {
            name: self.figures.get(name, Figure()).merged(other.figures.get(name, Figure()))
            for name in (*self.figures, *other.figures)
        }
        known = [each for each in (self.bills_batches, other.bills_batches) if each is not None]
        limits = [each for each in (self.limit, other.limit) if each is not None]
        return Knowledge(figures, any(known) if known else None, min(limits, default=None))


@dataclass(slots=True)
class OperatingBudget:
    """What one client has learned about the working time of its credential."""

    known: Knowledge = field(default_factory=Knowledge)
    reported: bool | None = None
    """Whether the portal reports working time at all; ``None`` before its first answer."""
    learned_at: float | None = None
    """When this client last heard what others know."""
    _highest: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Account -> the highest report of the last moments, and when it arrived."""

    def note(self, account: str, timing: Timing, now: float, *, unseen: float = 0.0) -> None:
        """Record what an answer that arrived at ``now`` reports about an account.

        :param unseen: seconds of work of the same request that its report does not show yet.
        """
        self.reported = self.reported or timing.operating is not None
        if timing.operating is None or timing.reset_in is None:
            return
        before, used = self.known.figures.get(account, Figure()), timing.operating
        highest, seen_at = self._highest.get(account, (0.0, now))
        if used >= highest or now - seen_at > FRESH:
            self._highest[account] = used, now
        if self.known.limit is not None and used > self.known.limit:
            self.known = replace(self.known, limit=used)  # some of these calls were accepted above it
        figure = Figure(used + unseen, now, now + timing.reset_in)
        if self._was_cleared(before, figure):
            figure = replace(figure, banned_until=now + min(BAN, timing.reset_in))
        self._keep(account, figure.merged(before))

    def note_unanswered(self, account: str, seconds: float, now: float) -> None:
        """Record work that no answer reports, as the request got none; the account's next report replaces this."""
        figure = self.known.figures.get(account, Figure(0.0, now, now + WINDOW))
        self._keep(account, replace(figure, used=figure.used + seconds))

    def note_batch(self, operating: float | None, work: float) -> None:
        """Learn from a batch's envelope whether batches are an account.

        :param operating: the working time of ``batch`` that the envelope reports.
        :param work: seconds of work by which the reports of its commands rose.
        """
        if operating:
            self.known = replace(self.known, bills_batches=True)
        elif work >= _NOTICEABLE and self.known.bills_batches is None:
            self.known = replace(self.known, bills_batches=False)

    def note_refusal(self, account: str, now: float) -> float | None:
        """Record a refusal. Returns the seconds until calls are accepted, or ``None`` where that is not known."""
        figure = self.known.figures.get(account, Figure())
        if figure.banned_until > now:
            return figure.banned_until - now
        highest, seen_at = self._highest.pop(account, (0.0, now))
        highest = max(highest, figure.used) if highest else 0.0
        if 0 < highest < self.known.lines[1] and now - seen_at <= FRESH:
            self.known = replace(self.known, limit=highest)
        if self.known.bills_batches:
            # The sum was cleared when the ban began, at this refusal or at an earlier one of somebody else.
            self._keep(account, Figure(0.0, now, now + BAN, now + BAN))
            return BAN
        if account not in self.known.figures:
            return None
        longest = BAN if self.known.bans else WINDOW
        reset_at = min(figure.reset_at, now + longest)
        self._keep(account, replace(figure, reset_at=reset_at))
        return max(0.0, reset_at - now)

    def learn(self, known: Knowledge, now: float) -> None:
        """Take over what other processes with this credential know, too."""
        self.known, self.learned_at = self.known.merged(known), now

    def _was_cleared(self, before: Figure, after: Figure) -> bool:
        """Whether a sum fell before any minute could leave it: the portal has banned the method."""
        fell = after.used < before.used / 2 and before.used >= self.known.lines[0] / 2
        early = before.at <= after.at < before.reset_at - _AHEAD_OF_RESET
        return self.known.bans and fell and early and abs(after.reset_at - before.reset_at) > _SAME_MINUTE

    def _keep(self, account: str, figure: Figure) -> None:
        self.known = replace(self.known, figures={**self.known.figures, account: figure})
