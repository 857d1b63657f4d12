"""Reads the stages of entities: up to 2,500 of them, of any types, in one request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.flows.batches import send_batch
from airflow_provider_bitrix24.client.flows.calls import Channel, call, sleep
from airflow_provider_bitrix24.client.protocol.batch import MAX_COMMANDS, CommandReply
from airflow_provider_bitrix24.client.protocol.pagination import PAGE, rows
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.stages import Pipeline, Snapshot, Stage
from airflow_provider_bitrix24.client.targets import TYPE_IDS, EntityRef

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.flows.effects import Flow

_SELECT = {
    # Leads and quotes have no pipelines, and a quote has no movedTime.
    TYPE_IDS["LEAD"]: ("id", "stageId", "movedTime"),
    TYPE_IDS["QUOTE"]: ("id", "stageId"),
}
_SELECT_OTHER = ("id", "stageId", "categoryId", "movedTime")
_STAGES_OF = {"LEAD": "STATUS", "QUOTE": "QUOTE_STATUS"}


@dataclass(slots=True)
class StageReadings:
    """What was read. Entities that are in neither dictionary do not exist, or may not be read."""

    found: dict[EntityRef, Snapshot] = field(default_factory=dict)
    refused: dict[int, Bitrix24Error] = field(default_factory=dict)
    """Types (entityTypeId) of which nothing could be read, and why."""
    pipelines: dict[Pipeline, list[Stage]] = field(default_factory=dict)
    """Stages of the pipelines that were asked for and could be read."""


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
        type_id = int(each.params["entityTypeId"])
        if reply.error is not None:
            into.refused[type_id] = reply.error
            continue
        for item in rows(reply.value) or ():
            if isinstance(item, Mapping) and str(item.get("id", "")).isdigit():
                into.found[EntityRef(type_id, int(item["id"]))] = Snapshot.from_item(item)


def read_window(channel: Channel, refs: Sequence[EntityRef], pipelines: Sequence[Pipeline] = ()) -> Flow[StageReadings]:
    """Read one chunk of entities in one request; commands that failed because of a limit or a fault are repeated.

    :param pipelines: whose stages are read along with it. One that cannot be read is absent from the result.
    :raises Bitrix24Error: the request as a whole was refused or failed.
    """
    calls, reading = list_calls(refs), StageReadings()
    dictionaries = [stages_call(pipeline) for pipeline in pipelines]
    backoff = channel.backoff(idempotent=True)
    while True:
        both = yield from send_batch(channel, [*calls, *dictionaries], idempotent=True)
        replies = both[: len(calls)]
        collect(calls, replies, reading)
        for pipeline, reply in zip(pipelines, both[len(calls) :], strict=True):
            if reply.error is None:
                reading.pipelines[pipeline] = read_pipeline(reply.value)
        pipelines, dictionaries = (), []
        errors = {index: reply.error for index, reply in enumerate(replies) if reply.error is not None}
        delays = backoff.after_each(errors)
        if not delays:
            return reading
        calls = [calls[index] for index in delays]
        for each in calls:
            reading.refused.pop(int(each.params["entityTypeId"]), None)
        yield from sleep(max(delays.values()), "retry", f"{len(calls)} of the commands that read were refused")


def read_stages(channel: Channel, refs: Iterable[EntityRef]) -> Flow[StageReadings]:
    """Read any number of entities, one request for each 2,500.

    :raises Bitrix24Error: a request as a whole was refused or failed.
    """
    whole = StageReadings()
    for chunk in chunks(refs):
        part = yield from read_window(channel, chunk)
        whole.found.update(part.found)
        whole.refused.update(part.refused)
    return whole


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
    """Read the answer to :func:`stages_call`."""
    entries = [row for row in rows(result) or () if isinstance(row, Mapping)]
    entries.sort(key=lambda row: int(row.get("SORT") or 0))
    return [Stage(str(row.get("STATUS_ID")), str(row.get("NAME")), row.get("SEMANTICS") or None) for row in entries]


def _dictionary(type_name: str, category_id: int | None) -> str:
    if type_name in _STAGES_OF:
        return _STAGES_OF[type_name]
    if type_name == "DEAL":
        return f"DEAL_STAGE_{category_id}" if category_id else "DEAL_STAGE"
    return f"{type_name}_STAGE_{category_id or 0}"
