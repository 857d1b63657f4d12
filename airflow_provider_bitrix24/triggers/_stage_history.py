"""The portal's stage history: how to query it, what a row means, and which row to continue after (the cursor). Pure.

The portal adds a numbered row whenever an entity enters a stage. :class:`.stage.StageChangeEventTrigger` reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.entity_types import TYPE_IDS
from airflow_provider_bitrix24.client.errors import ConfigurationError, ProtocolError
from airflow_provider_bitrix24.client.plain import quoted, unwrapped
from airflow_provider_bitrix24.client.protocol.pagination import PAGE
from airflow_provider_bitrix24.client.stages import parse_stages
from airflow_provider_bitrix24.client.values import absent, text, whole

METHOD = "crm.stagehistory.list"
_LEAD = "LEAD"
_WITHOUT_HISTORY = ("QUOTE", "CONTACT", "COMPANY", "ORDER")
_TYPES = (
    f"Write {', '.join(name for name in TYPE_IDS if name not in _WITHOUT_HISTORY)} or DYNAMIC_ID, such as DYNAMIC_177."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageHistoryQuery:
    """Which moves to read.

    :param type_id: entityTypeId, such as 2 for deals.
    :param type_name: ``DEAL``, ``DYNAMIC_177`` ...
    :param stages: ids of the stages that entities enter, sorted; empty for any.
    :param category_id: number of the pipeline; ``None`` for any.
    """

    type_id: int
    type_name: str
    stages: tuple[str, ...] = ()
    category_id: int | None = None

    @classmethod
    def parse(cls, entity_type: object, stage: object, category_id: object) -> StageHistoryQuery:
        """Read a trigger's arguments.

        :raises ConfigurationError: the message names the argument.
        """
        type_id, type_name = _parse_type(unwrapped(entity_type))
        category_id = unwrapped(category_id)
        if category_id is not None and (
            not isinstance(category_id, int) or isinstance(category_id, bool) or category_id < 0
        ):
            raise ConfigurationError(
                f"category_id is {quoted(category_id)}.", hint="Write the pipeline's number; 0 is the deals' first."
            )
        if category_id is not None and type_name == _LEAD:
            raise ConfigurationError("category_id is given, but leads have no pipelines.", hint="Leave it out.")
        stages = tuple(sorted(parse_stages("stage", stage) or ()))
        return cls(type_id=type_id, type_name=type_name, stages=stages, category_id=category_id)

    def newest(self) -> dict[str, Any]:
        """Return the parameters for the newest row of this type of entity, whatever its stage."""
        return {"entityTypeId": self.type_id, "order": {"ID": "DESC"}, "select": ["ID"], "start": -1}

    def after(self, history_id: int) -> dict[str, Any]:
        """Return the parameters for the next matching rows, at most 50, after this one."""
        conditions: dict[str, Any] = {">ID": history_id}
        if self.stages:
            # Without the prefix @, which older documentation does not list.
            conditions[self._stage_field] = list(self.stages)
        if self.category_id is not None:
            conditions["CATEGORY_ID"] = self.category_id
        return {"entityTypeId": self.type_id, "order": {"ID": "ASC"}, "filter": conditions, "start": -1}

    def read(self, rows: Sequence[Any], *, cursor: int) -> HistoryPage:
        """Read the rows that :meth:`after` has asked for.

        A row that cannot be read is left out, so that it does not keep back the moves of other entities.

        :raises ProtocolError: no row has a number, so there is nothing to continue after.
        """
        numbers = [_number(row) for row in rows]
        read = [self._read(row) for row, number in zip(rows, numbers, strict=True) if number is None or number > cursor]
        last = max((number for number in numbers if number is not None), default=None)
        if rows and last is None:
            raise _malformed()
        return HistoryPage(
            moves=tuple(move for move in read if move is not None and self._asked_for(move)),
            unreadable=sum(move is None for move in read),
            cursor=max(cursor, last or 0),
            more=len(rows) >= PAGE and last is not None and last > cursor,
        )

    def key(self, conn_id: str) -> str:
        """Return the key under which the cursor is stored. Another query has another cursor."""
        query = json.dumps([conn_id, self.type_name, self.stages, self.category_id])
        return f"bitrix24_{self.type_name}_{hashlib.sha256(query.encode()).hexdigest()[:12]}"

    def _asked_for(self, move: Move) -> bool:
        """Whether a row is what was asked for: a portal may pass over a condition that it does not know."""
        in_pipeline = self.category_id is None or move.category_id in (None, self.category_id)
        return in_pipeline and (not self.stages or move.stage in self.stages)

    @property
    def _stage_field(self) -> str:
        return "STATUS_ID" if self.type_name == _LEAD else "STAGE_ID"

    def _read(self, row: object) -> Move | None:
        if not isinstance(row, Mapping):
            return None
        history_id, owner, category = whole(row.get("ID")), whole(row.get("OWNER_ID")), whole(row.get("CATEGORY_ID"))
        stage, moved_time = text(row.get(self._stage_field)), text(row.get("CREATED_TIME"))
        if history_id is None or owner is None or owner <= 0 or stage is None or moved_time is None:
            return None
        if category is None and not absent(row.get("CATEGORY_ID")):
            return None
        return Move(
            history_id=history_id,
            target=str(EntityRef(self.type_id, owner)),
            stage=stage,
            category_id=category,
            moved_time=moved_time,
        )

    def __str__(self) -> str:
        where = f" entering {' or '.join(self.stages)}" if self.stages else ""
        pipeline = "" if self.category_id is None else f" in pipeline {self.category_id}"
        return f"{self.type_name}{where}{pipeline}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An entity entered a stage.

    :param history_id: the row's number, unique for a type of entity.
    :param target: ``DEAL_57``.
    :param moved_time: the portal's text, in ISO 8601.
    """

    history_id: int
    target: str
    stage: str
    category_id: int | None
    moved_time: str

    def as_payload(self, portal: str) -> dict[str, Any]:
        """Return the move as JSON.

        :param portal: the portal's address without a credential.
        """
        return {
            "history_id": self.history_id,
            "target": self.target,
            "stage": self.stage,
            "category_id": self.category_id,
            "moved_time": self.moved_time,
            "portal": portal,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """What some rows say.

    :param moves: in the rows' order.
    :param unreadable: how many rows could not be read.
    :param cursor: the number of the last row.
    :param more: whether more rows follow at the moment.
    """

    moves: tuple[Move, ...]
    unreadable: int
    cursor: int
    more: bool


def newest_id(rows: Sequence[Any]) -> int:
    """Return the number of the first row, or 0 if there are none.

    :raises ProtocolError: the row has no number.
    """
    if not rows:
        return 0
    number = _number(rows[0])
    if number is None:
        raise _malformed()
    return number


def _number(row: object) -> int | None:
    return whole(row.get("ID")) if isinstance(row, Mapping) else None


def _malformed() -> ProtocolError:
    return ProtocolError(f"{METHOD}: the rows have no number that can be read.", status=200)


def load_cursor(stored: object, portal: str) -> int | None:
    """Read a cursor that :func:`dump_cursor` wrote; ``None`` if it belongs to another portal."""
    if isinstance(stored, Mapping) and stored.get("portal") == portal and isinstance(stored.get("history_id"), int):
        return int(stored["history_id"])
    return None


def dump_cursor(history_id: int, portal: str) -> dict[str, Any]:
    """Return the number of the last row that was read as JSON."""
    return {"portal": portal, "history_id": history_id}


def _parse_type(entity_type: object) -> tuple[int, str]:
    try:
        ref = EntityRef.parse(f"{entity_type}_1" if isinstance(entity_type, str) else entity_type)
    except ConfigurationError:
        raise ConfigurationError(f"entity_type is {quoted(entity_type)}.", hint=_TYPES) from None
    if ref.type_name == "QUOTE":
        raise ConfigurationError(
            "Bitrix24 keeps no stage history of quotes, so their moves cannot be watched.",
            hint="Wait for known quotes with StageSensor.",
        )
    if ref.type_name in _WITHOUT_HISTORY:
        raise ConfigurationError(f"Bitrix24 keeps no stage history of {ref.type_name}.", hint=_TYPES)
    return ref.type_id, ref.type_name
