"""What happened to items: counts of their moves, and the events that outgoing webhooks would receive."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal.model import Item


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event that a portal would post to its outgoing webhooks; the simulator only records it."""

    name: str
    type_id: int
    id: int
    time: float


def update_event_name(type_id: int) -> str:
    """The name of the event that an update of an item causes."""
    names = {LEAD: "ONCRMLEADUPDATE", DEAL: "ONCRMDEALUPDATE", QUOTE: "ONCRMQUOTEUPDATE"}
    return names.get(type_id, "ONCRMDYNAMICITEMUPDATE")


class EventLog:
    """Counts of moves, and the last outgoing events."""

    def __init__(self, keep: int = 100_000) -> None:
        self.outgoing: deque[OutgoingEvent] = deque(maxlen=keep)
        self.move_count: Counter[str] = Counter()
        self.total_moves = 0

    def moved(self, item: Item) -> None:
        """Count a move of `item` to another stage."""
        self.total_moves += 1
        self.move_count[item.reference] += 1

    def updated(self, item: Item, now: float) -> None:
        """Record the event that an update of `item` causes."""
        self.outgoing.append(OutgoingEvent(update_event_name(item.type_id), item.type_id, item.id, now))

    def clear(self) -> None:
        """Forget all events."""
        self.outgoing.clear()
        self.move_count.clear()
        self.total_moves = 0
