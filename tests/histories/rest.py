"""The portal's REST methods: a command in, a value or an error out. Requests and their faults are in :mod:`.portal`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tests.histories.boards import FAILURE, SUCCESS, board, key_of
from tests.histories.timeline import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.histories.automation import Entity

TRIGGER = "crm.automation.trigger"
UPDATE = "crm.item.update"
FIELDS = "crm.item.fields"
HIDDEN_TIME = ("QUOTE",)
Error = tuple[str, str]
"""Code and text."""
DENIED: Error = ("ACCESS_DENIED", "Access denied! There is no permissions to update the entity.")
MISSING: Error = ("NOT_FOUND", "Element not found.")
LIMITED: Error = ("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
CORE: Error = ("ERROR_CORE", "SQL query error!")
EXOTIC: Error = ("BIZPROC_RUNTIME", "")
UNKNOWN_METHOD: Error = ("ERROR_METHOD_NOT_FOUND", "Method not found!")
READING_DENIED: Error = ("ACCESS_DENIED", "Access denied.")
_QUOTE = 7
_ORDER = 14


@dataclass(frozen=True, slots=True)
class Command:
    """One REST call, alone or in a batch. ``code`` of an update is the stage that it writes, if it writes one."""

    method: str
    key: tuple[int, int] | None = None
    code: str = ""
    type_id: int = 0
    ids: tuple[int, ...] = ()
    dictionaries: tuple[str, ...] = ()


@lru_cache(maxsize=50_000)
def from_query(text: str) -> Command:
    """Read a command of a batch."""
    method, _, query = text.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    if method == TRIGGER:
        fields = dict(pairs)
        return Command(method, key_of(fields["target"]), fields.get("code", ""))
    if method == UPDATE:
        fields = dict(pairs)
        return Command(method, (int(fields["entityTypeId"]), int(fields["id"])), fields.get("fields[stageId]", ""))
    return Command(
        method,
        type_id=int(dict(pairs).get("entityTypeId", 0)),
        ids=tuple(int(value) for name, value in pairs if name.startswith("filter[@id]")),
        dictionaries=tuple(value for name, value in pairs if "ENTITY_ID]" in name),
    )


def from_json(method: str, params: Mapping[str, Any]) -> Command:
    """Read a call by itself."""
    if method == TRIGGER:
        return Command(method, key_of(params["target"]), params.get("code", ""))
    if method == UPDATE:
        return Command(method, (params["entityTypeId"], params["id"]), params["fields"].get("stageId", ""))
    filters: Mapping[str, Any] = params.get("filter") or {}
    named = filters.get("ENTITY_ID", filters.get("@ENTITY_ID", ()))
    return Command(
        method,
        type_id=int(params.get("entityTypeId", 0)),
        ids=tuple(filters.get("@id", ())),
        dictionaries=(named,) if isinstance(named, str) else tuple(named),
    )


def item(entity: Entity) -> dict[str, Any]:
    """Return an entity as ``crm.item.list`` shows it."""
    shown: dict[str, Any] = {"id": entity.plan.id, "stageId": entity.board.stages[entity.stage]}
    if entity.board.category is not None:
        shown["categoryId"] = entity.board.category
    if entity.plan.type_id != _QUOTE:
        shown["movedTime"] = datetime.fromtimestamp(EPOCH + entity.moved_at, UTC).isoformat(timespec="seconds")
    match entity.plan.odd:
        case "category":
            shown["categoryId"] = "abc"
        case "huge":
            shown["categoryId"] = math.inf
        case "moved_number":
            shown["movedTime"] = 12345
        case "stage_list":
            shown["stageId"] = [shown["stageId"]]
        case "stage_null":
            shown["stageId"] = None
        case "id_text":
            shown["id"] = "²"
    return shown


def fields() -> dict[str, Any]:
    """Return what ``crm.item.fields`` lists."""
    return {
        "stageId": {"type": "crm_status", "isReadOnly": False, "upperName": "STAGE_ID"},
        "opportunity": {"type": "double", "isReadOnly": False, "upperName": "OPPORTUNITY"},
    }


def readable(type_id: int) -> bool:
    """Tell whether ``crm.item.list`` knows a type."""
    return type_id != _ORDER


def statuses(names: tuple[str, ...], entities: Mapping[tuple[int, int], Entity], *, odd: bool) -> list[dict[str, Any]]:
    """Return the entries of dictionaries; those that no entity's pipeline has do not exist."""
    known = {each.board.dictionary: each.board for each in entities.values()}
    known |= {each.dictionary: each for each in (board(2, 1), board(2, 1_000))}
    rows = []
    for name in names:
        for at, stage in enumerate(known[name].stages if name in known else ()):
            semantics = "S" if at == SUCCESS else "F" if at == FAILURE else None
            sort = "x" if odd and at == 1 else str(10 * (at + 1))
            rows.append(
                {"ENTITY_ID": name, "STATUS_ID": stage, "NAME": stage.title(), "SORT": sort, "SEMANTICS": semantics}
            )
    return rows
