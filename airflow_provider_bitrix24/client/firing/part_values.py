"""The values of a checkpoint's parts: written small, and checked where they are read. Pure."""

from __future__ import annotations

import json
import math
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client import values
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.entity_types import MAX_ID
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.parts import FORM
from airflow_provider_bitrix24.client.json_memory import memory_to_read
from airflow_provider_bitrix24.client.packing import MOST_BYTES, MOST_MEMORY, pack, unpack, unpack_json
from airflow_provider_bitrix24.client.stages import UNKNOWN_MOMENT, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DAMAGE = (LookupError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading a damaged part raises."""

UNREADABLE = "The checkpoint of an earlier try cannot be read"
WHAT_TO_DO = (
    "An earlier try may have fired some of the targets. Look at them in Bitrix24; then remove the task's "
    "bitrix24_firing keys from its task state, or fire the rest in a new DAG run."
)


def read_texts(packed: object) -> list[str]:
    """Read a packed list of texts.

    :raises CheckpointError: it is damaged.
    """
    try:
        return [text_value(each) for each in unpack_json(text_value(packed))]
    except DAMAGE as error:
        raise CheckpointError(f"{UNREADABLE} ({type(error).__name__}).", hint=WHAT_TO_DO) from None


def write_lists(lists: Sequence[Sequence[EntityRef]]) -> dict[str, Any]:
    """The part that holds the targets: exactly, with the distance from one id to the next."""
    return {"form": FORM, "lists": [pack(json.dumps(_distances(each), separators=(",", ":"))) for each in lists]}


def _distances(refs: Sequence[EntityRef]) -> list[list[int]]:
    by_type = groupby(refs, key=lambda ref: ref.type_id)
    return [[type_id, *_steps([ref.id for ref in group])] for type_id, group in by_type]


def read_lists(part: Mapping[str, Any]) -> list[list[EntityRef]]:
    """Read the part that :func:`write_lists` wrote."""
    lists, room, memory = [], MOST_BYTES, MOST_MEMORY
    for packed in part["lists"]:
        text = unpack(packed, max(1, room))
        room, memory = room - len(text), memory - memory_to_read(text.encode())
        if memory < 0:
            raise ValueError("more targets than anybody fires")
        lists.append([ref for type_id, *distances in json.loads(text) for ref in _refs(type_id, distances)])
    return lists


def _refs(type_id: object, distances: list[object]) -> list[EntityRef]:
    refs = [EntityRef(integer(type_id), number) for number in accumulate(map(integer, distances))]
    if not all(0 < ref.type_id <= MAX_ID and 0 < ref.id <= MAX_ID for ref in refs):
        raise ValueError("not an id")
    return refs


def write_open(requests: Iterable[tuple[Sequence[int], float | None]]) -> str:
    """Which targets are in requests that have no answer, and when those were sent, as a record holds it."""
    rows = [[_steps(numbers), sent] for numbers, sent in requests]
    return pack(json.dumps(rows, separators=(",", ":")))


def read_open(packed: str) -> list[tuple[list[int], float | None]]:
    """Undo :func:`write_open`."""
    rows = listed(unpack_json(packed))
    return [(list(accumulate(map(integer, listed(steps)))), moment_value(sent)) for steps, sent in rows]


def _steps(numbers: Sequence[int]) -> list[int]:
    """The first number, and the distance from each to the next, which are small."""
    return [*numbers[:1], *(after - before for before, after in pairwise(numbers))]


def write_snapshots(snapshots: Mapping[int, Snapshot]) -> str:
    """Where targets stood, by their numbers, as a part or a record holds it."""
    rows = [[number, each.stage, each.category_id, each.moved_time] for number, each in snapshots.items()]
    return pack(json.dumps(rows, separators=(",", ":")))


def read_snapshots(packed: str) -> dict[int, Snapshot]:
    """Undo :func:`write_snapshots`."""
    return {integer(number): snapshot(stage, category, moved) for number, stage, category, moved in unpack_json(packed)}


def snapshot(stage: object, category: object = None, moved: object = None) -> Snapshot:
    """Where a target stood, from the values that were kept: checked as those of a portal's answer are."""
    moment = moved if moved == UNKNOWN_MOMENT else _maybe_field(moved)
    return Snapshot(_maybe_field(stage), _maybe_category(category), moment)


def listed(value: object) -> list[Any]:
    """A list; anything else that is empty would say that there is nothing."""
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def text_value(value: object) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def integer(value: object) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def count_value(value: object) -> int:
    """A whole number that counts something."""
    if integer(value) < 0:
        raise ValueError("less than none")
    return integer(value)


def field_value(value: object) -> str:
    """A text that a portal can have sent."""
    if values.text(text_value(value)) is None:
        raise ValueError("not a field of a portal")
    return text_value(value)


def _maybe_field(value: object) -> str | None:
    return None if value is None else field_value(value)


def _maybe_category(value: object) -> int | None:
    if value is not None and values.whole(integer(value)) is None:
        raise ValueError("not a category")
    return None if value is None else integer(value)


def moment_value(value: object) -> float | None:
    """Seconds since the epoch, where they are known."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("not a moment")
    return float(value)
