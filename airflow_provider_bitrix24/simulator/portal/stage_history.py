"""The stage history: rows in order of their ids, of a type or of one item."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.portal.model import HistoryRow, HistoryType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.simulator.portal.model import Item, Stage


class StageHistory:
    """The rows that ``crm.stagehistory.list`` reads. Each entity type has ids of its own, as in the portal's tables."""

    def __init__(self) -> None:
        self._rows: dict[int, list[HistoryRow]] = {}
        self._by_owner: dict[tuple[int, int], list[HistoryRow]] = {}
        self._last_id: dict[int, int] = {}

    def record(self, kind: HistoryType, item: Item, stage: Stage, now: float) -> HistoryRow | None:
        """Record that `item` is at `stage`, unless its newest row already says so."""
        of_owner = self._by_owner.setdefault((item.type_id, item.id), [])
        if of_owner:
            newest = of_owner[-1]
            if newest.stage_id == stage.id and newest.category_id == item.category_id:
                return None
        rows = self._rows.setdefault(item.type_id, [])
        row_id = self._last_id[item.type_id] = self._last_id.get(item.type_id, 0) + 1
        row = HistoryRow(row_id, kind, item.type_id, item.id, now, item.category_id, stage.id, stage.semantics or "P")
        rows.append(row)
        of_owner.append(row)
        return row

    def of_type(self, type_id: int) -> Sequence[HistoryRow]:
        """All rows of one entity type in order of their ids."""
        return self._rows.get(type_id, ())

    def of_owner(self, type_id: int, owner_id: int) -> Sequence[HistoryRow]:
        """One entity's rows in order of their ids."""
        return self._by_owner.get((type_id, owner_id), ())

    def forget(self, type_id: int, owner_id: int) -> None:
        """Delete the rows of a deleted item; their ids are not given again."""
        gone = self._by_owner.pop((type_id, owner_id), None)
        if gone:
            self._rows[type_id] = [row for row in self._rows[type_id] if row.owner_id != owner_id]

    @staticmethod
    def after(rows: Sequence[HistoryRow], row_id: int) -> Sequence[HistoryRow]:
        """Those of `rows`, sorted by id, whose id is greater than `row_id`."""
        return rows[bisect_right(rows, row_id, key=lambda row: row.id) :]
