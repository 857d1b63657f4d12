"""The world of one history: time, hosts, the portal, and the process that is running just now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.histories.portal import Portal, Sender
from tests.histories.timeline import Host, Process, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.histories.plan import History


@dataclass(slots=True)
class World:
    """Everything that a history needs; one is live at a time (:data:`.seams.STAGE`)."""

    history: History
    timeline: Timeline
    portal: Portal
    hosts: tuple[Host, ...]
    process: Process
    sender: Sender = field(default_factory=lambda: Sender(0, -1))
    tell: Callable[[float, str], None] | None = None
    trigger_errors: list[Exception] = field(default_factory=list)
    """What Airflow triggers have raised, which they never should."""
    pacing: dict[str, ProcessStore] = field(default_factory=dict)

    @classmethod
    def of(cls, history: History, tell: Callable[[float, str], None] | None = None) -> World:
        """Make the world in which a history begins."""
        timeline = Timeline()
        hosts = tuple(Host(f"host {n}", offset, 10_000.0 * (n + 1)) for n, offset in enumerate(history.hosts))
        portal = Portal(history.portal, timeline)
        return cls(history, timeline, portal, hosts, Process(timeline, hosts[0]), tell=tell)

    def enter(self, process: Process, sender: Sender) -> Process:
        """Let a process run from now on."""
        self.process, self.sender = process, sender
        if self.tell is not None:
            process.notice = self.say
        return process

    def say(self, what: str) -> None:
        """Tell the story."""
        if self.tell is not None:
            self.tell(self.timeline.now, what)

    def log(self, level: str, message: str, args: tuple[Any, ...]) -> None:
        """Hear a line of the task's log: it is a point, too."""
        if self.tell is None:
            self.process.point("log")
        else:
            self.process.point(f"log {level}: {message % args if args else message}")

    def _monotonic(self) -> float:
        return self.process.monotonic()

    def pacing_store(self) -> ProcessStore:
        """Return where the processes of this host share the bucket."""
        host = self.process.host.name
        if host not in self.pacing:
            self.pacing[host] = ProcessStore(self._monotonic)
        return self.pacing[host]
