"""What an earlier try kept of a firing, read from its :mod:`.parts`: checked, bounded, and of either form. Pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from itertools import accumulate, chain, groupby, pairwise
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client import values
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.expectation import Expectation
from airflow_provider_bitrix24.client.firing.parts import FORM, RECORD, STATES, TARGETS, after_part, snapshot_part
from airflow_provider_bitrix24.client.json_memory import memory_to_read
from airflow_provider_bitrix24.client.packing import MOST_BYTES, MOST_MEMORY, pack, unpack, unpack_json
from airflow_provider_bitrix24.client.protocol.wire import TRIGGER
from airflow_provider_bitrix24.client.stages import UNKNOWN_MOMENT, Snapshot
from airflow_provider_bitrix24.client.targets import MAX_ID, EntityRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

_DAMAGE = (LookupError, TypeError, ValueError, OverflowError, RecursionError)
"""What reading a damaged part raises."""

UNREADABLE = "The checkpoint of an earlier try cannot be read"
WHAT_TO_DO = (
    "An earlier try may have fired some of the targets. Look at them in Bitrix24; then remove the task's "
    "bitrix24_firing keys from its task state, or fire the rest in a new DAG run."
)


@dataclass(slots=True, kw_only=True)
class KeptFiring:
    """A checkpoint in plain values. Targets are numbered through all ``lists``, one after the other."""

    host: str
    code: str | None
    lists: list[list[EntityRef]]
    states: str
    """A letter for each target; targets that were added later have none yet."""
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    """Where targets stood before they were fired."""
    after: dict[int, Snapshot] = field(default_factory=dict)
    """Where targets stood when they were read last."""
    recent: dict[int, Snapshot] = field(default_factory=dict)
    """Those of ``after`` that are in no part of their own yet."""
    snapshot_parts: int = 0
    after_parts: int = 0
    open: list[tuple[list[int], float | None]] = field(default_factory=list)
    """Requests that had no answer yet: their targets, and when they were sent by the portal's clock."""
    last_sent: float | None = None
    """When the last fire left, by the portal's clock, in seconds since the epoch."""
    rewritten: bool = False
    """Whether it was of an older form, so that every part has to be written anew."""
    method: str = TRIGGER
    """The method that fired."""
    expected: Expectation | None = None
    """What it expected, where that was kept."""


def read_kept(
    load: Callable[[str], Any], *, host: str, code: str | None, refs: Iterable[EntityRef]
) -> KeptFiring | None:
    """Read what an earlier try kept, or ``None`` where none has sent anything.

    :param load: gives the value of a part, or ``None``.
    :param refs: this try's targets, by which a checkpoint of form 1 is read.
    :raises CheckpointError: it is of another portal, of an unknown form, or damaged.
    """
    record = load(RECORD)
    if record is None:
        return None
    try:
        kept = _read(record, load, host=host, code=code, refs=refs)
    except _DAMAGE as error:
        raise CheckpointError(f"{UNREADABLE} ({type(error).__name__}).", hint=WHAT_TO_DO) from None
    if kept.host != host:
        raise CheckpointError(
            f"The checkpoint of an earlier try is of the portal {kept.host}, and the connection leads to {host}.",
            hint=WHAT_TO_DO,
        )
    return kept


def _read(
    record: Any, load: Callable[[str], Any], *, host: str, code: str | None, refs: Iterable[EntityRef]
) -> KeptFiring:
    form = record["form"]
    if form == 1:
        from airflow_provider_bitrix24.client.firing.kept_form_1 import read_form_1

        return read_form_1(record, host=host, code=code, refs=refs)
    if form != FORM:
        raise CheckpointError(f"{UNREADABLE}: its form is {form!r:.20}.", hint=WHAT_TO_DO)
    lists = read_lists(load(TARGETS))
    kept = KeptFiring(
        host=_field(record["host"]),
        code=None if record["code"] is None else _text(record["code"]),
        lists=lists,
        states=unpack(record["states"], 1 + sum(map(len, lists))),
        snapshot_parts=_count(record["snapshot_parts"]),
        after_parts=_count(record["after_parts"]),
        open=read_open(record["open"]),
        last_sent=_maybe_moment(record["last_sent"]),
        method=_text(record.get("method", TRIGGER)),  # absent where an earlier version wrote it, as is what follows
        expected=Expectation.read(record["expected"]) if "expected" in record else None,
    )
    check(kept)
    for number in range(kept.snapshot_parts):
        kept.snapshots.update(_snapshots_of_targets(load(snapshot_part(number))["rows"], kept))
    for number in range(kept.after_parts):
        kept.after.update(_snapshots_of_targets(load(after_part(number))["rows"], kept))
    kept.recent = _snapshots_of_targets(record["after"], kept)
    kept.after.update(kept.recent)
    return kept


def read_record(record: Any, load: Callable[[str], Any]) -> tuple[str, dict[int, Snapshot], list[list[EntityRef]]]:
    """States, recent stages and targets of a record of today's form.

    :raises CheckpointError: a part is damaged.
    """
    try:
        kept = KeptFiring(host="", code=None, lists=read_lists(load(TARGETS)), states=unpack(record["states"]))
        check(kept)
        kept.after.update(_snapshots_of_targets(record["after"], kept))
    except _DAMAGE as error:
        raise CheckpointError(f"{UNREADABLE} ({type(error).__name__}).", hint=WHAT_TO_DO) from None
    return kept.states, kept.after, kept.lists


def check(kept: KeptFiring) -> None:
    """Refuse a checkpoint whose parts do not fit each other.

    :raises ValueError: they do not.
    """
    count = sum(map(len, kept.lists))
    sent = [number for each, _ in kept.open for number in each]
    # Lists that were added after the record was written have no states yet.
    if len(kept.states) not in accumulate(map(len, kept.lists)) or not set(kept.states) <= STATES:
        raise ValueError("parts do not fit")
    for numbers in (kept.snapshots, kept.after, sent):
        _check_numbers(numbers, kept)
    # A target that is listed twice would be fired twice.
    if len(set(chain.from_iterable(kept.lists))) < count or len(set(sent)) < len(sent):
        raise ValueError("a target is listed twice")


def _snapshots_of_targets(packed: str, kept: KeptFiring) -> dict[int, Snapshot]:
    """Read where targets stood; each part is checked, so that many cannot take more memory than the targets do."""
    snapshots = read_snapshots(packed)
    _check_numbers(snapshots, kept)
    return snapshots


def _check_numbers(numbers: Collection[int], kept: KeptFiring) -> None:
    if numbers and not 0 <= min(numbers) <= max(numbers) < sum(map(len, kept.lists)):
        raise ValueError("parts do not fit")


def read_texts(packed: object) -> list[str]:
    """Read a packed list of texts.

    :raises CheckpointError: it is damaged.
    """
    try:
        return [_text(each) for each in unpack_json(_text(packed))]
    except _DAMAGE as error:
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
    return [(list(accumulate(map(integer, listed(steps)))), _maybe_moment(sent)) for steps, sent in rows]


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


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def integer(value: object) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("not a whole number")
    return value


def _count(value: object) -> int:
    if integer(value) < 0:
        raise ValueError("less than none")
    return integer(value)


def _field(value: object) -> str:
    if values.text(_text(value)) is None:
        raise ValueError("not a field of a portal")
    return _text(value)


def _maybe_field(value: object) -> str | None:
    return None if value is None else _field(value)


def _maybe_category(value: object) -> int | None:
    if value is not None and values.whole(integer(value)) is None:
        raise ValueError("not a category")
    return None if value is None else integer(value)


def _maybe_moment(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError("not a moment")
    return float(value)
