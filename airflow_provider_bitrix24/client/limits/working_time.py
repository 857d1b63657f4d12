"""How processes with the same credential share its working time, so that together they stay below the limit. Pure.

Before a process sends requests that work for long, it holds the working time that they are expected to take; the next
time it asks, it reports what the portal has reported, and holds other requests or none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.operating import Figure, Knowledge
from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from collections.abc import Mapping

HOLDS = 120.0
"""Seconds after which time that is held is free again, because its process has died."""
MAX_HOLDERS = 200
HELD_STEP = 1.0
"""Seconds after which a process asks again where others hold all that is left."""
_SHOWN_LATE = 30.0
"""Seconds after which work that has ended is free again where no report came that is sure to show it."""
_AFTER_RESET = 1.0
"""A second more, as the portal counts in whole seconds."""
_MINUTE = 60.0
"""Seconds of work that leave the sum together."""
_LEAST = 1e-3
"""Seconds that a command takes at least, so that a number of commands stays a number."""


@dataclass(frozen=True, slots=True)
class WorkingTimeClaim:
    """Working time that a process wants to hold.

    :param holder: names the process; each claim replaces its last one.
    :param commands: how many commands it wants to send; zero gives back what it holds.
    :param seconds: what all of them are expected to take, by account.
    :param long: whether one of them takes so long that it cannot be sent to see what is left.
    :param shown: how long ago a request must have ended at least for this report to show its work. What is given back
        stays held until another process reports what shows it; ``None`` where nothing was worked.
    """

    holder: str
    commands: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    long: bool = False
    shown: float | None = None

    def for_commands(self, commands: int) -> dict[str, float]:
        """What so many of them take."""
        return {account: each * commands / self.commands for account, each in self.seconds.items()}


@dataclass(frozen=True, slots=True)
class WorkingTimeGrant:
    """``commands`` may be sent now, or none before ``wait`` seconds are over; and what all processes know."""

    commands: int
    wait: float = 0.0
    known: Knowledge = field(default_factory=Knowledge)


@dataclass(frozen=True, slots=True)
class WorkingTimeState:
    """What all processes with one credential know and hold. Times are seconds of the shared clock."""

    known: Knowledge = field(default_factory=Knowledge)
    held: Mapping[str, Hold] = field(default_factory=dict)
    """By holder."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Seconds that one process holds, by account, until it asks again or a moment has passed."""

    until: float
    seconds: Mapping[str, float]
    ended_at: float | None = None
    """When its requests ended, whose work not every report shows yet."""

    def ended(self, now: float) -> Hold:
        """The same after its requests have ended."""
        return replace(self, until=min(self.until, now + _SHOWN_LATE), ended_at=now)

    def is_shown(self, at: float) -> bool:
        """Whether a report of that moment shows this work."""
        return self.ended_at is not None and self.ended_at <= at


def share_working_time(
    state: WorkingTimeState, now: float, report: Knowledge, claim: WorkingTimeClaim
) -> tuple[WorkingTimeState, WorkingTimeGrant]:
    """Report what one process knows, and hold as much of its claim as there is room for."""
    known = state.known.merged(report)
    others = {name: each for name, each in state.held.items() if name != claim.holder and each.until > now}
    held: dict[str, float] = {}
    for hold in others.values():
        for account, seconds in hold.seconds.items():
            held[account] = held.get(account, 0.0) + seconds
    granted = _grant(known, claim, held, now) if claim.commands else WorkingTimeGrant(0, 0.0, known)
    if granted.commands:
        others[claim.holder] = Hold(now + HOLDS, claim.for_commands(granted.commands))
    elif claim.shown is not None:
        others = {name: each for name, each in others.items() if not each.is_shown(now - claim.shown)}
        if claim.holder in state.held:
            others[claim.holder] = state.held[claim.holder].ended(now)
    for name in sorted(others, key=lambda name: others[name].until)[:-MAX_HOLDERS]:
        del others[name]
    return WorkingTimeState(known, others), granted


def _grant(known: Knowledge, claim: WorkingTimeClaim, held: Mapping[str, float], now: float) -> WorkingTimeGrant:
    commands, wait = claim.commands, 0.0
    for account, least in claim.for_commands(1).items():
        room, pause = _room(known, account, max(least, _LEAST), held.get(account, 0.0), now, long=claim.long)
        commands, wait = min(commands, room), max(wait, pause)
    return WorkingTimeGrant(commands, min(WINDOW, wait), known)


def _room(known: Knowledge, account: str, least: float, held: float, now: float, *, long: bool) -> tuple[int, float]:
    """How many commands of ``least`` seconds an account has room for; with none, the seconds to wait."""
    figure = known.figures.get(account, Figure())
    start_below, fill_to = known.lines
    if figure.banned_until > now:
        return 0, figure.banned_until - now + _AFTER_RESET
    used = figure.used if now < figure.at + WINDOW else 0.0
    if used + held <= 0:
        return max(1, int(fill_to / least)), 0.0
    if used + held < start_below and used + held + least <= fill_to:
        return int((fill_to - used - held) / least), 0.0
    blocked_by_used = used >= start_below or used + least > fill_to
    if held > 0 and (now >= figure.reset_at or not blocked_by_used):
        return 0, HELD_STEP
    # Part of the sum is free after a reset, and one command shows how much. A long one waits for the next minute, too.
    free_at = figure.reset_at + (_MINUTE if long else 0.0)
    return (1, 0.0) if now >= free_at else (0, free_at - now + _AFTER_RESET)
