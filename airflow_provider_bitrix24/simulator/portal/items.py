"""The items of one entity type, indexed so that any of 100,000 is found fast.

Ids are kept sorted (for the ``>id`` cursor) and by stage (for the board and counts). History, events and robots of a
move are elsewhere.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_provider_bitrix24.simulator.portal.model import Item

MAX_ITEMS: Final = 1_000_000
"""So many items need about 1 GB of memory."""


class ItemStore:
    """All items of one entity type."""

    def __init__(self) -> None:
        self._items: dict[int, Item] = {}
        self._ids: list[int] = []
        self._by_stage: dict[tuple[int, str], dict[int, None]] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: int) -> bool:
        return item_id in self._items

    def get(self, item_id: int) -> Item | None:
        """The item of that id, ``None`` if there is none."""
        return self._items.get(item_id)

    def add(self, item: Item) -> None:
        """Add a new item.

        :raises ValueError: when its id is taken.
        """
        if item.id in self._items:
            raise ValueError(f"{item.reference} exists already")
        self._items[item.id] = item
        if not self._ids or item.id > self._ids[-1]:
            self._ids.append(item.id)
        else:
            insort(self._ids, item.id)
        self._by_stage.setdefault((item.category_id, item.stage_id), {})[item.id] = None

    def remove(self, item_id: int) -> Item | None:
        """Remove an item and return it."""
        item = self._items.pop(item_id, None)
        if item is not None:
            self._ids.remove(item_id)
            self._by_stage[item.category_id, item.stage_id].pop(item_id, None)
        return item

    def place(self, item: Item, category_id: int, stage_id: str) -> None:
        """Move an item to another stage."""
        self._by_stage[item.category_id, item.stage_id].pop(item.id, None)
        item.category_id, item.stage_id = category_id, stage_id
        self._by_stage.setdefault((category_id, stage_id), {})[item.id] = None

    def next_id(self) -> int:
        """The id that the next new item gets."""
        return self._ids[-1] + 1 if self._ids else 1

    def after(self, item_id: int) -> Iterator[Item]:
        """The items after `item_id`, in order of their ids."""
        for index in range(bisect_right(self._ids, item_id), len(self._ids)):
            yield self._items[self._ids[index]]

    def descending(self) -> Iterator[Item]:
        """All items, the newest first."""
        for item_id in reversed(self._ids):
            yield self._items[item_id]

    def newest_at(self, category_id: int, stage_id: str, count: int) -> list[int]:
        """The ids of the `count` items that reached a stage last, the last one first."""
        return list(islice(reversed(self._by_stage.get((category_id, stage_id), {})), count))

    def holds(self, category_id: int) -> bool:
        """Whether an item is in a pipeline, even at a stage that the pipeline no longer has."""
        return any(ids for (category, _), ids in self._by_stage.items() if category == category_id)

    def count_at(self, category_id: int, stage_id: str) -> int:
        """The number of items at a stage."""
        return len(self._by_stage.get((category_id, stage_id), ()))


def check_room(stores: Mapping[int, ItemStore], count: int) -> None:
    """Make sure that `count` more items fit into a portal.

    :raises ValueError: when they do not.
    """
    if sum(map(len, stores.values())) + count > MAX_ITEMS:
        raise ValueError(f"a portal holds at most {MAX_ITEMS:,} items")
