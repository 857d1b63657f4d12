"""What a portal tells others: moves of items (board, tests) and the events of outgoing webhooks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.simulator.portal.model import Item, MoveEvent


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event that a portal would post to its outgoing webhooks; the simulator only notes it."""

    name: str
    type_id: int
    id: int
    time: float


def update_event_name(type_id: int) -> str:
    """Return the name of the event that an update of an item causes."""
    names = {LEAD: "ONCRMLEADUPDATE", DEAL: "ONCRMDEALUPDATE", QUOTE: "ONCRMQUOTEUPDATE"}
    return names.get(type_id, "ONCRMDYNAMICITEMUPDATE")


class EventLog:
    """Moves and outgoing events, with subscribers to the moves."""

    def __init__(self, keep: int = 100_000) -> None:
        self.moves: deque[MoveEvent] = deque(maxlen=keep)
        self.outgoing: deque[OutgoingEvent] = deque(maxlen=keep)
        self.move_count: Counter[str] = Counter()
        self.total_moves = 0
        self._subscribers: list[Callable[[MoveEvent], None]] = []

    def subscribe(self, receiver: Callable[[MoveEvent], None]) -> Callable[[], None]:
        """Call `receiver` on every move; the returned function ends that."""
        self._subscribers.append(receiver)
        return lambda: self._subscribers.remove(receiver)

    def moved(self, event: MoveEvent) -> None:
        """Note a move and tell the subscribers."""
        self.moves.append(event)
        self.total_moves = event.number
        self.move_count[event.target] += 1
        for receiver in tuple(self._subscribers):
            receiver(event)

    def updated(self, item: Item, now: float) -> None:
        """Note the event that an update of `item` sends out."""
        self.outgoing.append(OutgoingEvent(update_event_name(item.type_id), item.type_id, item.id, now))

    def clear(self) -> None:
        """Forget everything but the subscribers."""
        self.moves.clear()
        self.outgoing.clear()
        self.move_count.clear()
        self.total_moves = 0
