"""What entities show before they are updated: the fields that are going to change, read 2,500 entities a request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import Bitrix24Error, PermissionDeniedError
from airflow_provider_bitrix24.client.flows.batches import send_batch
from airflow_provider_bitrix24.client.flows.calls import sleep
from airflow_provider_bitrix24.client.protocol.batch import MAX_COMMANDS
from airflow_provider_bitrix24.client.protocol.pagination import PAGE, rows
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.values import text, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24.client.entities.fields import FieldList
    from airflow_provider_bitrix24.client.entities.updates import Update
    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.flows.effects import Flow


@dataclass(slots=True)
class Before:
    """What entities showed. Those of which it says nothing do not exist, unless their type could not be read."""

    shown: dict[EntityRef, Mapping[str, Any]] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)
    """Types (entityTypeId) that this credential may not read."""
    unclear: set[EntityRef] = field(default_factory=set)
    """Entities that are not there, unless they are what the portal sent in a row whose id cannot be read."""

    def is_missing(self, ref: EntityRef) -> bool:
        """Whether an entity does not exist, or may not be read."""
        return not (ref in self.shown or ref.type_id in self.unreadable or ref in self.unclear)

    def stage(self, ref: EntityRef) -> str | None:
        """The stage of an entity that is going to be moved; ``None`` where it was not shown."""
        return text(self.shown.get(ref, {}).get("stageId"))


def read_before(channel: Channel, updates: Sequence[Update], lists: Mapping[int, FieldList]) -> Flow[Before]:
    """Read the fields that are going to change.

    :param lists: entityTypeId -> the fields of the type, for the types whose fields are known.
    :raises Bitrix24Error: the portal failed or gave no answer.
    """
    before, calls = Before(), list(_calls(updates, lists))
    for start in range(0, len(calls), MAX_COMMANDS):
        yield from _read(channel, calls[start : start + MAX_COMMANDS], before)
    return before


def _read(channel: Channel, calls: Sequence[Call], into: Before) -> Flow[None]:
    backoff = channel.backoff(idempotent=True)
    while calls:
        try:
            replies = yield from send_batch(channel, calls, idempotent=True)
        except PermissionDeniedError:
            into.unreadable.update(each.params["entityTypeId"] for each in calls)
            return
        problems: dict[int, Bitrix24Error] = {}
        for number, (each, reply) in enumerate(zip(calls, replies, strict=True)):
            if isinstance(reply.error, PermissionDeniedError):
                into.unreadable.add(each.params["entityTypeId"])
            elif reply.error is not None:
                problems[number] = reply.error
            else:
                _collect(each, reply.value, into)
        delays = backoff.after_each(problems)
        if hopeless := problems.keys() - delays.keys():
            raise problems[min(hopeless)]
        if not delays:
            return
        calls = [calls[number] for number in delays]
        yield from sleep(max(delays.values()), "retry", f"{len(calls)} of the commands that read were refused")


def _calls(updates: Sequence[Update], lists: Mapping[int, FieldList]) -> Iterator[Call]:
    by_type: dict[int, list[Update]] = defaultdict(list)
    for update in updates:
        by_type[update.ref.type_id].append(update)
    for type_id, group in by_type.items():
        for start in range(0, len(group), PAGE):
            page = group[start : start + PAGE]
            names = {shown_name(name, lists.get(type_id)): None for each in page for name in each.fields}
            params = {
                "entityTypeId": type_id,
                "select": ["id", *names],
                "filter": {"@id": [each.ref.id for each in page]},
                "start": -1,
            }
            yield Call("crm.item.list", params, idempotent=True)


def shown_name(name: str, fields: FieldList | None) -> str:
    """A field's name as answers spell it."""
    known = None if fields is None else fields[name]
    return name if known is None else known.name


def _collect(asked: Call, value: Any, into: Before) -> None:
    type_id = asked.params["entityTypeId"]
    for item in rows(value) or ():
        number = whole(item.get("id")) if isinstance(item, Mapping) else None
        if number is None:
            into.unclear.update(EntityRef(type_id, each) for each in asked.params["filter"]["@id"])
        else:
            into.shown[EntityRef(type_id, number)] = item
