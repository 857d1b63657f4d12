"""Pages of ids, 50 to a request, each continuing after the last id of the one before it. Pure.

A batch refers to the answer of an earlier command, so one request reads 2,500 ids. Where a page is short, the reference
after it leads nowhere; the portal then puts an array, a text or 0 in its place and may read everything anew. So what
follows the first page that is short or does not rise is discarded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error, ProtocolError
from airflow_provider_bitrix24.client.protocol.batch import MAX_COMMANDS, batch_call, command, sent_key
from airflow_provider_bitrix24.client.protocol.pagination import PAGE, rows
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.values import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.entities.filters import Filter
    from airflow_provider_bitrix24.client.protocol.batch import CommandReply

METHOD = "crm.item.list"
FULL_REQUEST = MAX_COMMANDS * PAGE
"""Ids that one request reads at most."""


@dataclass(slots=True)
class Span:
    """A range of ids on its way: those up to ``after`` are read.

    :param after: the last id that was read; the next pages hold greater ones.
    :param until: the greatest id that belongs to it; ``None`` where it is open.
    """

    after: int
    until: int | None
    ids: list[int] = field(default_factory=list)
    done: bool = False


def pages_call(conditions: Filter, type_id: int, span: Span, pages: int, *, newest: bool = False) -> Call:
    """The request that reads the next pages of a span.

    :param newest: whether its first command reads the newest ids instead, which shows how far the ids go.
    """
    commands = [_command(conditions.between(span.after, span.until), type_id, "DESC")] if newest else []
    first = len(commands)
    for number in range(first, first + pages):
        after = span.after if number == first else f"$result[{sent_key(number - 1)}][items][{PAGE - 1}][id]"
        commands.append(_command(conditions.between(after, span.until), type_id, "ASC"))
    return batch_call(commands, idempotent=True, halt=True)


def _command(conditions: Mapping[str, object], type_id: int, direction: str) -> str:
    params = {
        "entityTypeId": type_id,
        "select": ["id"],
        "filter": conditions,
        "order": {"id": direction},
        "start": -1,
    }
    return command(Call(METHOD, params), refers=True)


def take_pages(span: Span, replies: Sequence[CommandReply]) -> Bitrix24Error | None:
    """Add the pages of one request to a span. Returns why not even the first page could be taken."""
    for number, reply in enumerate(replies):
        page = _ids(reply)
        rising = not isinstance(page, Bitrix24Error) and _rises(page, span)
        if not rising and number > 0:
            return None
        if isinstance(page, Bitrix24Error):
            return page
        if not rising:
            return ProtocolError(
                f"{METHOD}: the portal does not keep to a filter or an order by id.", status=200, executed="no"
            )
        span.ids += page
        span.after = page[-1] if page else span.after
        if len(page) < PAGE or span.after == span.until:
            span.done = True
            return None
    return None


def newest_id(reply: CommandReply) -> int | None:
    """The greatest id, of the command that read the newest; ``None`` where there is none."""
    page = _ids(reply)
    return None if isinstance(page, Bitrix24Error) or not page else max(page)


def _ids(reply: CommandReply) -> list[int] | Bitrix24Error:
    if reply.error is not None:
        return reply.error
    items = rows(reply.value)
    ids = [whole(item.get("id")) if isinstance(item, Mapping) else None for item in items or ()]
    read = [each for each in ids if each is not None]
    if items is None or len(read) < len(ids):
        return ProtocolError(f"{METHOD}: the answer does not hold a list of entities with ids.", status=200)
    return read


def _rises(page: Sequence[int], span: Span) -> bool:
    last = span.after
    for number in page:
        if number <= last or (span.until is not None and number > span.until):
            return False
        last = number
    return len(page) <= PAGE
