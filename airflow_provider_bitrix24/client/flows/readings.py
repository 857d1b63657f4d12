"""Reads the stages of entities: up to 2,500 of them, of any types, in one request."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.entity_types import TYPE_IDS
from airflow_provider_bitrix24.client.errors import Bitrix24Error, NotFoundError, ProtocolError
from airflow_provider_bitrix24.client.flows.batches import attempt_batch
from airflow_provider_bitrix24.client.flows.calls import Channel, call, sleep
from airflow_provider_bitrix24.client.flows.effects import Log
from airflow_provider_bitrix24.client.protocol.batch import MAX_COMMANDS, CommandReply
from airflow_provider_bitrix24.client.protocol.pagination import PAGE, rows
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.stages import Pipeline, Snapshot, Stage
from airflow_provider_bitrix24.client.values import shown, text, whole

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.flows.effects import Flow

_SELECT = {
    # Leads and quotes have no pipelines, and a quote has no movedTime.
    TYPE_IDS["LEAD"]: ("id", "stageId", "movedTime"),
    TYPE_IDS["QUOTE"]: ("id", "stageId"),
}
_SELECT_OTHER = ("id", "stageId", "categoryId", "movedTime")
_SHOWN = 10
TOO_OLD = "This portal is too old for crm.item.list, by which entities are read."
_WITHOUT_READING = "Update it; until then, fire with verify=False and without expected_stage."
_STAGES_OF = {"LEAD": "STATUS", "QUOTE": "QUOTE_STATUS"}


@dataclass(slots=True)
class StageReadings:
    """What was read. Entities of which it says nothing do not exist, or may not be read."""

    found: dict[EntityRef, Snapshot] = field(default_factory=dict)
    refused: dict[int, Bitrix24Error] = field(default_factory=dict)
    """Types (entityTypeId) of which nothing could be read, and why."""
    pipelines: dict[Pipeline, list[Stage]] = field(default_factory=dict)
    """Stages of the pipelines that were asked for and could be read."""
    unreadable: set[EntityRef] = field(default_factory=set)
    """Entities that the portal knows, or may know, but of which it sent something that cannot be read."""
    asked_at: float | None = None
    """When the first of the requests was sent that were answered, in seconds of the driver's clock."""
    answered_at: float | None = None
    """When the last answer came."""

    def date(self, asked_at: float, answered_at: float) -> None:
        """One of the requests was answered."""
        self.asked_at = asked_at if self.asked_at is None else min(self.asked_at, asked_at)
        self.answered_at = answered_at if self.answered_at is None else max(self.answered_at, answered_at)

    def add(self, part: StageReadings) -> None:
        """Add what was read of further entities."""
        self.found.update(part.found)
        self.refused.update(part.refused)
        self.unreadable.update(part.unreadable)
        self.pipelines.update(part.pipelines)
        if part.asked_at is not None and part.answered_at is not None:
            self.date(part.asked_at, part.answered_at)

    def error(self, ref: EntityRef) -> Bitrix24Error | None:
        """Why an entity was not read, where the portal did not simply leave it out."""
        if ref in self.unreadable:
            return ProtocolError(f"What the portal sent about {ref} cannot be read.", status=200)
        return self.refused.get(ref.type_id)


def chunks(refs: Iterable[EntityRef], *, room: int = MAX_COMMANDS) -> Iterator[list[EntityRef]]:
    """Cut a list into what one request can read: 50 commands with 50 ids each, all of one type.

    :param room: commands of a request that are free for entities.
    """
    chunk: list[EntityRef] = []
    counts: dict[int, int] = defaultdict(int)
    commands = 0
    for ref in refs:
        opens_command = counts[ref.type_id] % PAGE == 0
        if opens_command and commands == room:
            yield chunk
            chunk, counts, commands = [], defaultdict(int), 0
        commands += counts[ref.type_id] % PAGE == 0
        counts[ref.type_id] += 1
        chunk.append(ref)
    if chunk:
        yield chunk


def list_calls(refs: Iterable[EntityRef]) -> list[Call]:
    """The calls that read these entities, with 50 ids each at most, since that is one page."""
    by_type: dict[int, list[int]] = defaultdict(list)
    for ref in refs:
        by_type[ref.type_id].append(ref.id)
    return [
        Call("crm.item.list", _list_params(type_id, ids[start : start + PAGE]), idempotent=True)
        for type_id, ids in by_type.items()
        for start in range(0, len(ids), PAGE)
    ]


def _list_params(type_id: int, ids: Sequence[int]) -> dict[str, object]:
    return {
        "entityTypeId": type_id,
        "select": list(_SELECT.get(type_id, _SELECT_OTHER)),
        "filter": {"@id": list(ids)},
        "start": -1,
    }


def collect(calls: Sequence[Call], replies: Sequence[CommandReply], into: StageReadings) -> None:
    """Add the replies to the calls of :func:`list_calls` to a reading."""
    for each, reply in zip(calls, replies, strict=True):
        type_id, asked = each.params["entityTypeId"], each.params["filter"]["@id"]
        items = _items(reply)
        if isinstance(items, Bitrix24Error):
            into.refused[type_id] = items
            continue
        numbers = [whole(item.get("id")) if isinstance(item, Mapping) else None for item in items]
        for number, item in zip(numbers, items, strict=True):
            if number is None or number not in asked:
                continue
            ref, snapshot = EntityRef(type_id, number), Snapshot.from_item(item)
            if snapshot is None:
                into.unreadable.add(ref)
            else:
                into.found[ref] = snapshot
        if None in numbers:  # which may be any of those that are not there otherwise
            into.unreadable.update({EntityRef(type_id, number) for number in asked} - into.found.keys())


def _items(reply: CommandReply) -> list[Any] | Bitrix24Error:
    if is_too_old(reply.error):
        reply.error.hint = f"{TOO_OLD} {_WITHOUT_READING}"
    if reply.error is not None:
        return reply.error
    items = rows(reply.value)
    return ProtocolError("crm.item.list: the answer does not contain a list.", status=200) if items is None else items


def is_too_old(error: object) -> TypeGuard[NotFoundError]:
    """Whether a reading failed because the portal does not know the method."""
    return isinstance(error, NotFoundError) and error.code == "ERROR_METHOD_NOT_FOUND"


def read_window(channel: Channel, refs: Sequence[EntityRef], pipelines: Sequence[Pipeline] = ()) -> Flow[StageReadings]:
    """Read one chunk of entities in one request; commands that failed because of a limit or a fault are repeated.

    :param pipelines: whose stages are read along with it. One that cannot be read is absent from the result.
    :raises Bitrix24Error: the request as a whole was refused or failed.
    """
    calls, reading = list_calls(refs), StageReadings()
    dictionaries = [stages_call(pipeline) for pipeline in pipelines]
    backoff = channel.backoff(idempotent=True)
    while True:
        both, answered = yield from attempt_batch(channel, [*calls, *dictionaries], idempotent=True)
        reading.date(answered.sent_at, answered.received_at)
        replies = both[: len(calls)]
        collect(calls, replies, reading)
        for pipeline, reply in zip(pipelines, both[len(calls) :], strict=True):
            if (stages := _whole_pipeline(reply)) is not None:
                reading.pipelines[pipeline] = stages
        pipelines, dictionaries = (), []
        results = enumerate(_items(reply) for reply in replies)
        delays = backoff.after_each({index: each for index, each in results if isinstance(each, Bitrix24Error)})
        if not delays:
            break
        calls = [calls[index] for index in delays]
        for each in calls:
            reading.refused.pop(each.params["entityTypeId"], None)
        yield from sleep(max(delays.values()), "retry", f"{len(calls)} of the commands that read were refused")
    if reading.unreadable:
        named = ", ".join(str(ref) for ref in sorted(reading.unreadable)[:_SHOWN])
        yield Log(
            f"What the portal sent about {len(reading.unreadable)} entities cannot be read: {named}.", logging.WARNING
        )
    return reading


def read_stages(
    channel: Channel, refs: Iterable[EntityRef], learn: ExpectedStages | None = None
) -> Flow[StageReadings]:
    """Read any number of entities, one request for each 2,500.

    :param learn: takes in the pipelines' stages, which are read along with the entities where there is room.
    :raises Bitrix24Error: a request as a whole was refused or failed.
    """
    reading = StageReadings()
    pipelines: Sequence[Pipeline] = ()
    parts = list(chunks(refs))
    if parts and learn is not None:
        room = MAX_COMMANDS - len(list_calls(parts[-1]))
        # A single check sends no request more for them, unless it cannot do without.
        pipelines = learn.to_read(learn.seen, room=None if learn.or_later or learn.seen else room)
        if len(pipelines) > room:
            parts = list(chunks(refs, room=MAX_COMMANDS - len(pipelines)))
    for part in parts:
        yield from _read_into(reading, channel, part, pipelines if part is parts[-1] else ())
    if learn is not None:
        learn.record(reading.pipelines)
        learn.seen, learn.unreadable = reading.found, reading.unreadable
    return reading


def _read_into(
    reading: StageReadings, channel: Channel, chunk: Sequence[EntityRef], pipelines: Sequence[Pipeline] = ()
) -> Flow[None]:
    reading.add((yield from read_window(channel, chunk, pipelines)))


def pipeline_stages(channel: Channel, type_id: int, category_id: int | None) -> Flow[list[Stage]]:
    """The stages of a pipeline in the order in which entities pass them (``crm.status.list``).

    :raises Bitrix24Error: the portal refused.
    """
    reply = yield from call(channel, stages_call(Pipeline(type_id, category_id)))
    return read_pipeline(reply.result)


def stages_call(pipeline: Pipeline) -> Call:
    """The call that reads a pipeline's stages."""
    name = EntityRef(pipeline.type_id, 1).type_name
    params = {"filter": {"ENTITY_ID": _dictionary(name, pipeline.category_id)}, "order": {"SORT": "ASC"}}
    return Call("crm.status.list", params, idempotent=True)


def read_pipeline(result: object) -> list[Stage]:
    """Read the answer to :func:`stages_call`; a stage whose id cannot be read is left out."""
    entries = [row for row in rows(result) or () if isinstance(row, Mapping)]
    entries.sort(key=lambda row: whole(row.get("SORT")) or 0)
    return [
        Stage(stage_id, shown(row.get("NAME")) or stage_id, text(row.get("SEMANTICS")))
        for row in entries
        if (stage_id := text(row.get("STATUS_ID"))) is not None
    ]


def _whole_pipeline(reply: CommandReply) -> list[Stage] | None:
    """The same, or ``None`` where a stage may be missing, so that nothing can be said to be no stage of it."""
    if reply.error is not None:
        return None
    stages = read_pipeline(reply.value)
    return stages if len(stages) == len(rows(reply.value) or ()) else None


def _dictionary(type_name: str, category_id: int | None) -> str:
    if type_name in _STAGES_OF:
        return _STAGES_OF[type_name]
    if type_name == "DEAL":
        return f"DEAL_STAGE_{category_id}" if category_id else "DEAL_STAGE"
    return f"{type_name}_STAGE_{category_id or 0}"
