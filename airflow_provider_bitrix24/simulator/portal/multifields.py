"""Phones, e-mail addresses, sites and messengers of a lead, contact or company: lists of typed values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KINDS: Final = ("PHONE", "EMAIL", "WEB", "IM", "LINK")
Entry = dict[str, Any]
"""``{"id": 101, "valueType": "WORK", "value": "+6111111111", "typeId": "PHONE"}``"""


def has_kind(entries: Iterable[Entry], kind: str) -> str:
    """``"Y"`` when there is a value of that kind, else ``"N"``."""
    return "Y" if any(each["typeId"] == kind for each in entries) else "N"


def merge(entries: list[Entry], changes: Any, next_id: Callable[[], int]) -> list[Entry]:
    """`entries` after an ``add`` or ``update``: keys that are ids change or delete, other keys add.

    :param changes: ``{"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+61"}, "101": {"DELETE": "Y"}}``; a
        list, also one that a form or a batch's command writes with numbers, adds all of its values.
    """
    if isinstance(changes, dict):
        changes = php.encode_array(changes)
    merged = {each["id"]: dict(each) for each in entries}
    before = frozenset(merged)
    for key, raw in php.array_items(changes):
        if not isinstance(raw, dict):
            continue
        change = {name.replace("_", "").lower(): value for name, value in raw.items()}
        entry_id = php.to_int(change.get("id", 0)) or (php.to_int(key) if isinstance(changes, dict) else 0)
        value = php.to_str(change.get("value"))
        if entry_id in before and (php.to_str(change.get("delete")) == "Y" or ("value" in change and not value)):
            merged.pop(entry_id, None)
        elif entry_id in before:
            merged.get(entry_id, {}).update({"value": value} if value else {})
        elif value:
            added = next_id()
            merged[added] = {
                "id": added,
                "valueType": php.to_str(change.get("valuetype")) or "WORK",
                "value": value,
                "typeId": php.to_str(change.get("typeid")).upper() or "PHONE",
            }
    return list(merged.values())


def of_kind(entries: Iterable[Entry], kind: str) -> list[dict[str, str]]:
    """The values of one kind as the old methods show them."""
    return [
        {"ID": str(each["id"]), "VALUE_TYPE": each["valueType"], "VALUE": each["value"], "TYPE_ID": kind}
        for each in entries
        if each["typeId"] == kind
    ]
