"""The fields of a type of entity (``crm.item.fields``), and which of them a misspelt name may mean."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import Bitrix24Error, NotFoundError, PermissionDeniedError
from airflow_provider_bitrix24.client.flows.batches import send_batch
from airflow_provider_bitrix24.client.flows.effects import Flow, Log
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.values import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24.client.flows.calls import Channel

_USER_FIELD = re.compile(r"uf_?[a-z]*", re.IGNORECASE)

_FORMER_NAMES = {
    "amount": "opportunity",
    "createdbyid": "createdBy",
    "datecreate": "createdTime",
    "datemodify": "updatedTime",
    "modifybyid": "updatedBy",
    "movedbyid": "movedBy",
    "statusid": "stageId",
}
"""What ``crm.deal.*`` and ``crm.lead.*`` call fields, and people the amount -> their names in ``crm.item.*``."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field.

    :param name: as ``crm.item.*`` spells it, such as ``stageId``.
    :param original: its other spelling, such as ``STAGE_ID``.
    :param type: such as ``string``, ``boolean`` or ``crm_status``.
    :param is_read_only: whether only the portal writes it.
    """

    name: str
    original: str
    type: str
    is_read_only: bool

    @property
    def is_flag(self) -> bool:
        """Whether it holds Y or N. User fields of the type boolean hold 1 or 0: they are numbers in the database."""
        return self.type == "boolean" and not _is_user_field(self.name)


class FieldList:
    """All fields of one type."""

    def __init__(self, type_name: str, fields: Iterable[Field]) -> None:
        self.type_name = type_name
        self._fields = {field.name: field for field in fields}
        self._by_spelling = {_bare(field.name): field for field in self._fields.values()}
        self._has_user_fields = any(_is_user_field(name) for name in self._fields)

    def __getitem__(self, name: str) -> Field | None:
        """The field of this name, also of a user field's other spelling (``UF_CRM_1`` for ``ufCrm_1``)."""
        field = self._fields.get(name)
        if field is None and _is_user_field(name):
            field = self._by_spelling.get(_bare(name))
        return field

    def knows(self, name: str) -> bool:
        """Whether this is a field, as far as the list can tell: where it lists no user fields, it knows of none."""
        return self[name] is not None or (_is_user_field(name) and not self._has_user_fields)

    def nearest(self, name: str) -> str | None:
        """The field that a misspelt name may mean."""
        bare = _bare(name)
        same = self._by_spelling.get(bare) or self._fields.get(_FORMER_NAMES.get(bare, ""))
        if same is not None:
            return same.name
        close = get_close_matches(bare, self._by_spelling, n=1)
        return self._by_spelling[close[0]].name if close else None


def read_fields(channel: Channel, type_ids: Iterable[int]) -> Flow[dict[int, FieldList]]:
    """Read the fields of some types in one request. Types whose fields the portal does not tell are absent.

    :raises Bitrix24Error: the portal failed or gave no answer.
    """
    wanted = sorted(set(type_ids))
    calls = [Call("crm.item.fields", {"entityTypeId": type_id}, idempotent=True) for type_id in wanted]
    try:
        replies = yield from send_batch(channel, calls, idempotent=True)
    except PermissionDeniedError as error:
        yield _unchecked(error)
        return {}
    lists: dict[int, FieldList] = {}
    for type_id, reply in zip(wanted, replies, strict=True):
        read = _read(EntityRef(type_id, 1).type_name, reply.value)
        if read is not None:
            lists[type_id] = read
        elif reply.error is None or isinstance(reply.error, NotFoundError | PermissionDeniedError):
            yield _unchecked(reply.error)
        else:
            raise reply.error
    return lists


def _unchecked(error: Bitrix24Error | None) -> Log:
    why = f" ({error.message})" if error is not None else ""
    return Log(f"The portal does not list the fields{why}, so their names were not checked.", logging.WARNING)


def _read(type_name: str, value: Any) -> FieldList | None:
    listed = value.get("fields") if isinstance(value, Mapping) else None
    if not isinstance(listed, Mapping) or not listed:
        return None
    return FieldList(type_name, [_field(str(name), facts) for name, facts in listed.items()])


def _field(name: str, facts: Any) -> Field:
    facts = facts if isinstance(facts, Mapping) else {}
    read_only = facts.get("isReadOnly") is True or facts.get("isImmutable") is True
    return Field(name, text(facts.get("upperName")) or name, text(facts.get("type")) or "", read_only)


def _bare(name: str) -> str:
    """A name without what differs between spellings."""
    return name.replace("_", "").lower()


def _is_user_field(name: str) -> bool:
    return _USER_FIELD.match(name) is not None
