"""The types of CRM entities that can have automation triggers, and how a target names one: ``DEAL_57``. Pure.

A target is read more strictly than the portal reads it, for which ``DEAL_57abc`` is deal 57: here a typo is refused
before anything is sent.
"""

from __future__ import annotations

import re

from airflow_provider_bitrix24.client.plain import trimmed

TYPE_IDS: dict[str, int] = {
    "LEAD": 1,
    "DEAL": 2,
    "CONTACT": 3,
    "COMPANY": 4,
    "QUOTE": 7,
    "ORDER": 14,
    "SMART_INVOICE": 31,
    "SMART_DOCUMENT": 36,
    "SMART_B2E_DOC": 39,
}
"""Type name -> entityTypeId, for the types that can have automation triggers."""
SHORT_FORMS = {"L": "LEAD", "D": "DEAL", "C": "CONTACT", "CO": "COMPANY", "Q": "QUOTE", "O": "ORDER"} | {
    "SI": "SMART_INVOICE",
    "DO": "SMART_DOCUMENT",
    "SBD": "SMART_B2E_DOC",
}
"""Short form, as other methods of the portal have it -> type name. The trigger does not take them."""
OLD_INVOICE = 5
"""The type of invoices that have no automation triggers."""
MAX_ID = 2**63 - 1
"""The largest id that a portal can hold; it would take a larger number for this one, which is another entity."""
_NAMES = {number: name for name, number in TYPE_IDS.items()}
_PAGES = {
    "LEAD": "/crm/lead/details/{id}/",
    "DEAL": "/crm/deal/details/{id}/",
    "CONTACT": "/crm/contact/details/{id}/",
    "COMPANY": "/crm/company/details/{id}/",
    "ORDER": "/shop/orders/details/{id}/",
}
_UNREADABLE = frozenset(("CONTACT", "COMPANY", "ORDER"))
"""Contacts and companies have no stages, and ``crm.item.*`` does not know orders."""


def type_name(type_id: int) -> str:
    """The name of a type, such as ``DEAL``, ``SMART_INVOICE`` or ``DYNAMIC_177``."""
    return _NAMES.get(type_id) or f"DYNAMIC_{type_id}"


def is_readable(type_id: int) -> bool:
    """Whether the stage of an entity of this type can be read."""
    return type_name(type_id) not in _UNREADABLE


def page_of(type_id: int, entity_id: int) -> str:
    """Path of an entity's page on the portal."""
    pattern = _PAGES.get(type_name(type_id), "/crm/type/{type_id}/details/{id}/")
    return pattern.format(type_id=type_id, id=entity_id)


def read_target(text: str) -> tuple[int, int] | None:
    """The entityTypeId and the id that a target names, in any spelling; ``None`` if it is not a target."""
    written = trimmed(text)
    # The capital of a dotless i is I: a text of other letters would turn into the name of a type.
    name, _, digits = (written.upper() if written.isascii() else written).rpartition("_")
    type_id = _type_id(name.strip())
    if type_id is not None and re.fullmatch(r"0{0,99}[0-9]{1,19}", digits) and 0 < int(digits) <= MAX_ID:
        return type_id, int(digits)
    return None


def _type_id(name: str) -> int | None:
    if name in TYPE_IDS:
        return TYPE_IDS[name]
    dynamic = re.fullmatch(r"DYNAMIC_([0-9]{1,9})", name)
    number = int(dynamic[1]) if dynamic else 0
    return None if number in (0, OLD_INVOICE) else number
