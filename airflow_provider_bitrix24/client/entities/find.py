"""Finding the entities that match a filter: the arguments are checked, then the ids are read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from airflow_provider_bitrix24.client.bare_ids import parse_entity_type
from airflow_provider_bitrix24.client.combinations import check_choice
from airflow_provider_bitrix24.client.entities.fields import read_fields
from airflow_provider_bitrix24.client.entities.filters import Filter, check_fields, parse_filter
from airflow_provider_bitrix24.client.entities.pages import Span, pages_call
from airflow_provider_bitrix24.client.entities.search import read_ids
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.entity_types import TYPE_IDS
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.flows.effects import Flow, Log
from airflow_provider_bitrix24.client.number_range import NumberRange
from airflow_provider_bitrix24.client.protocol.php_query import NotWritableError

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.flows.calls import Channel

OnExcess = Literal["fail", "truncate"]
"""What a search does that finds more entities than its limit."""
_CANNOT_CARRY = (
    "Split a long list into several searches. Entities whose ids are known need no search: pass the ids as target, "
    "with entity_type."
)
_LIMIT = NumberRange(minimum=1, whole=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is looked for. Made by :meth:`parse`."""

    type_id: int
    conditions: Filter
    limit: int
    on_excess: OnExcess

    @classmethod
    def parse(cls, entity_type: object, filter_: object, *, limit: object, on_excess: str) -> Search:
        """Read the arguments of a search.

        :raises ConfigurationError: the message names the argument.
        """
        type_id = parse_entity_type(entity_type)
        if type_id == TYPE_IDS["ORDER"]:
            raise ConfigurationError("Orders cannot be searched for.", hint="crm.item.list does not return them.")
        if isinstance(limit, str) and limit.strip().isdecimal():
            limit = int(limit)
        _LIMIT.check("limit", limit)
        check_choice("on_excess", on_excess, get_args(OnExcess))
        conditions = parse_filter(filter_)
        try:
            pages_call(conditions, type_id, Span(0, 1), 1)  # with both bounds, as later requests may have
        except NotWritableError as error:
            raise ConfigurationError(f"filter: a batch cannot carry {error.what}.", hint=_CANNOT_CARRY) from None
        return cls(type_id=type_id, conditions=conditions, limit=limit, on_excess=on_excess)  # type: ignore[arg-type]  # checked


def find_entities(channel: Channel, search: Search) -> Flow[list[str]]:
    """Find entities. Returns their targets in the order of their ids.

    :raises ConfigurationError: a field of the filter does not exist, or there are more entities than the limit.
    :raises Bitrix24Error: the portal refused, failed or gave no answer.
    """
    conditions = search.conditions
    if any(True for _ in conditions.names):
        fields = yield from read_fields(channel, [search.type_id])
        if search.type_id in fields:
            conditions = check_fields(conditions, fields[search.type_id])
    truncates = search.on_excess == "truncate"
    ids = yield from read_ids(channel, conditions, search.type_id, most=search.limit, in_order=truncates)
    name = EntityRef(search.type_id, 1).type_name
    if len(ids) > search.limit:
        limit = "1 entity" if search.limit == 1 else f"{search.limit:,} entities"
        if not truncates:
            raise ConfigurationError(
                f"The filter matches more than {limit} of the type {name}; none are returned.",
                hint="Narrow the filter, raise limit, or set on_excess='truncate' to take those with the lowest ids.",
            )
        yield Log(
            f"The filter matches more than {limit}; those with the lowest ids are taken.",
            logging.WARNING,
        )
    return [f"{name}_{number}" for number in ids[: search.limit]]
