"""The items of one entity type, indexed so that 100,000 of them answer at once.

Keeps ids sorted (for the ``>id`` cursor), and per stage (for the board and counts). It does not know what a
move means: history, events and robots are the business of others.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.portal.model import Item


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
        """Return an item, ``None`` if there is none of that id."""
        return self._items.get(item_id)

    def add(self, item: Item) -> None:
        """Keep a new item.

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
        """Forget an item and return it."""
        item = self._items.pop(item_id, None)
        if item is not None:
            self._ids.remove(item_id)
            self._by_stage[item.category_id, item.stage_id].pop(item_id, None)
        return item

    def place(self, item: Item, category_id: int, stage_id: str) -> None:
        """Put an item on another stage."""
        self._by_stage[item.category_id, item.stage_id].pop(item.id, None)
        item.category_id, item.stage_id = category_id, stage_id
        self._by_stage.setdefault((category_id, stage_id), {})[item.id] = None

    def next_id(self) -> int:
        """Return the id that the next new item gets."""
        return self._ids[-1] + 1 if self._ids else 1

    def after(self, item_id: int) -> Iterator[Item]:
        """Iterate in order of id over the items behind `item_id`."""
        for index in range(bisect_right(self._ids, item_id), len(self._ids)):
            yield self._items[self._ids[index]]

    def descending(self) -> Iterator[Item]:
        """Iterate over all items, the newest first."""
        for item_id in reversed(self._ids):
            yield self._items[item_id]

    def newest_at(self, category_id: int, stage_id: str, count: int) -> list[int]:
        """Return the ids of the `count` items that came to a stage last, the last first."""
        return list(islice(reversed(self._by_stage.get((category_id, stage_id), {})), count))

    def count_at(self, category_id: int, stage_id: str) -> int:
        """Return how many items stand at a stage."""
        return len(self._by_stage.get((category_id, stage_id), ()))
