"""Virtual time: one true clock, hosts that show it differently, and processes that end at numbered points.

Whatever a process does that the world could notice passes :meth:`Process.point` first. A kill strikes there and
freezes the process: from then on each of its points raises, so that nothing which dying code still does (in a
``finally``, say) has an effect.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.histories.plan import Interruption

EPOCH = 1_790_000_000.0
"""Seconds since 1970 at which every history begins."""
LONGEST = 40 * 86_400.0
"""Seconds after which a history is taken to go on for ever."""
MOST_POINTS = 6_000
"""Points of one process after which it is taken to go on for ever."""


def date_of(seconds: float) -> Any:
    """Return the moment so many seconds after a history began, as Airflow has it."""
    import pendulum

    return pendulum.from_timestamp(EPOCH + seconds)


class Killed(BaseException):
    """The process is no more. Nothing in the package may catch it and go on."""


class EndlessError(BaseException):
    """Something goes on for ever."""


@dataclass(slots=True)
class Timeline:
    """True time in seconds, and what happens by itself as it passes."""

    now: float = 0.0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        self._count += 1
        heapq.heappush(self._events, (when, self._count, action))

    def advance_to(self, when: float) -> None:
        """Let time pass, and happen what falls into it."""
        events = self._events
        while events and events[0][0] <= when:
            moment, _, action = heapq.heappop(events)
            self.now = max(self.now, moment)
            action()
        self.now = max(self.now, when)
        if self.now > LONGEST:
            raise EndlessError("time")

    def drain(self) -> None:
        """Let everything happen that is to happen by itself."""
        while self._events:
            self.advance_to(self._events[0][0])


@dataclass(frozen=True, slots=True)
class Host:
    """A machine. ``offset`` is how far its calendar is ahead of true time, ``boot`` where its monotonic clock began."""

    name: str
    offset: float
    boot: float


@dataclass(slots=True)
class Process:
    """A process of a task on a host, from its first point to its end.

    :param interruptions: what strikes it, by the number of the point.
    :param strike: does what an interruption does; may raise.
    :param notice: told of every point, for the story.
    """

    timeline: Timeline
    host: Host
    interruptions: Iterable[Interruption] = ()
    strike: Callable[[Process, Interruption], None] | None = None
    notice: Callable[[str], None] | None = None
    points: int = 0
    last: str = ""
    """Name of the last point."""
    firing: bool = False
    """Whether requests that fire are on their way, so that it cannot know yet whether they have left."""
    dead: bool = False
    orphaned: bool = False
    """Whether its supervisor is gone, so that Airflow hears and answers nothing."""
    doomed_at: float | None = None
    """When it is killed at the latest, since Airflow has asked it to end."""
    _due: dict[int, Interruption] = field(default_factory=dict)
    _named: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._due = {each.point: each for each in self.interruptions if not each.at}
        self._named = {each.at: [each.point, each] for each in self.interruptions if each.at}

    def point(self, what: str) -> None:
        """Pass a numbered point, where an interruption may strike.

        :raises Killed: the process is dead.
        """
        if self.dead:
            raise Killed
        self.points += 1
        self.last = what
        if self.notice is not None:
            self.notice(what)
        if self.points > MOST_POINTS:
            raise EndlessError("points")
        if self.doomed_at is not None and self.timeline.now >= self.doomed_at:
            self.kill()
        due = self._due.pop(self.points, None) or (self._by_name(what) if self._named else None)
        if due is not None and self.strike is not None:
            self.strike(self, due)

    def _by_name(self, what: str) -> Interruption | None:
        """Return what strikes at a point because of its name."""
        for name, left in self._named.items():
            if what.startswith(name):
                left[0] -= 1
                if left[0] == 0:
                    due: Interruption = left[1]
                    return due
        return None

    def kill(self) -> None:
        """Freeze it.

        :raises Killed: always.
        """
        self.dead = True
        if self.notice is not None:
            self.notice("KILLED")
        raise Killed

    def monotonic(self) -> float:
        """Seconds of the host's monotonic clock."""
        return self.timeline.now + self.host.boot

    def wall(self) -> float:
        """Seconds since the epoch, as the host's calendar has it."""
        return EPOCH + self.timeline.now + self.host.offset

    def sleep(self, seconds: float) -> None:
        """Let time pass. An interruption strikes at its beginning or, being the next point, at its end."""
        self.point(f"sleep {seconds:.1f} s")
        self.wait_until(self.timeline.now + max(0.0, seconds))
        self.point("awake")

    def wait_until(self, when: float) -> None:
        """Wait without a point of its own, unless the process is killed meanwhile."""
        if self.doomed_at is not None and when >= self.doomed_at:
            self.timeline.advance_to(self.doomed_at)
            self.kill()
        self.timeline.advance_to(when)
