"""Entity types of the CRM: their names and ids, and the spelling of their stages.

A trigger's target can have every name that the portal's ``CCrmOwnerType::ResolveID`` knows; :mod:`.automation` decides
which of them it acts on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_bitrix24.simulator.php import to_int

LEAD: Final = 1
DEAL: Final = 2
CONTACT: Final = 3
COMPANY: Final = 4
OLD_INVOICE: Final = 5
QUOTE: Final = 7
ORDER: Final = 14
SMART_INVOICE: Final = 31
SMART_DOCUMENT: Final = 36
SMART_B2E_DOC: Final = 39

FIRST_DYNAMIC: Final = 128
LAST_OLD_DYNAMIC: Final = 191
FIRST_NEW_DYNAMIC: Final = 1030

_LONG_NAMES: Final[dict[str, int]] = {
    "LEAD": LEAD,
    "DEAL": DEAL,
    "CONTACT": CONTACT,
    "COMPANY": COMPANY,
    "INVOICE": OLD_INVOICE,
    "ACTIVITY": 6,
    "QUOTE": QUOTE,
    "REQUISITE": 8,
    "DEAL_CATEGORY": 9,
    "CUSTOM_ACTIVITY_TYPE": 10,
    "CALL_LIST": 12,
    "DEAL_RECURRING": 13,
    "ORDER": ORDER,
    "ORDER_SHIPMENT": 16,
    "ORDER_PAYMENT": 17,
    "SUS_LEAD": 18,
    "SUS_DEAL": 19,
    "SUS_CONTACT": 20,
    "SUS_COMPANY": 21,
    "SUS_QUOTE": 22,
    "SUS_INVOICE": 23,
    "SUS_ORDER": 24,
    "SUS_ACTIVITY": 25,
    "SUS_REQUISITE": 26,
    "INVOICE_RECURRING": 27,
    "SCORING": 28,
    "SMART_INVOICE": SMART_INVOICE,
    "SUS_SMART_INVOICE": 32,
    "STORE_DOCUMENT": 33,
    "SHIPMENT_DOCUMENT": 34,
    "BANK_DETAIL": 35,
    "SMART_DOCUMENT": SMART_DOCUMENT,
    "SUS_SMART_DOCUMENT": 37,
    "AGENT_CONTRACT": 38,
    "SMART_B2E_DOC": SMART_B2E_DOC,
    "SUS_SMART_B2E_DOC": 40,
    "SYSTEM": 1024,
}
_SHORT_NAMES: Final[dict[str, int]] = {
    "L": LEAD,
    "D": DEAL,
    "C": CONTACT,
    "CO": COMPANY,
    "I": OLD_INVOICE,
    "Q": QUOTE,
    "RQ": 8,
    "DC": 9,
    "CAT": 10,
    "O": ORDER,
    "OS": 16,
    "OP": 17,
    "SL": 18,
    "SD": 19,
    "SI": SMART_INVOICE,
    "SSI": 32,
    "BD": 35,
    "DO": SMART_DOCUMENT,
    "SSD": 37,
    "SBD": SMART_B2E_DOC,
    "SSB": 40,
    "SYS": 1024,
}
_NAME_OF: Final[dict[int, str]] = {type_id: name for name, type_id in _LONG_NAMES.items()}
_SHORT_OF: Final[dict[int, str]] = {type_id: name for name, type_id in _SHORT_NAMES.items()}


@dataclass(frozen=True, slots=True)
class TypeTraits:
    """How one entity type looks in REST responses."""

    has_pipelines: bool
    has_previous_stage: bool
    has_moved_time: bool
    """Quotes have neither `movedTime` nor a stage history."""
    has_stages: bool = True


_PLAIN = TypeTraits(has_pipelines=False, has_previous_stage=False, has_moved_time=True)
_CLIENT = TypeTraits(has_pipelines=False, has_previous_stage=False, has_moved_time=False, has_stages=False)
_TRAITS: Final[dict[int, TypeTraits]] = {
    LEAD: _PLAIN,
    DEAL: TypeTraits(has_pipelines=True, has_previous_stage=False, has_moved_time=True),
    QUOTE: TypeTraits(has_pipelines=False, has_previous_stage=False, has_moved_time=False),
    CONTACT: _CLIENT,
    COMPANY: _CLIENT,
}
_SMART = TypeTraits(has_pipelines=True, has_previous_stage=True, has_moved_time=True)


def traits(type_id: int) -> TypeTraits:
    """The traits of a type; smart invoices and smart processes share theirs."""
    return _TRAITS.get(type_id, _SMART)


def resolve_type(name: str) -> int:
    """The id of the type that a trigger's target names; 0 when the portal knows no such name.

    The digits after ``DYNAMIC_`` are the id even if no such type exists, so ``DYNAMIC_2`` is a deal. Hexadecimal short
    names of smart processes (``T80``) are not resolved.
    """
    name = name.strip(" \t\n\r\0\v").upper()
    type_id = _LONG_NAMES.get(name) or _SHORT_NAMES.get(name)
    if type_id:
        return type_id
    if name.startswith("SUS_DYNAMIC_") and name[12:].isdigit():
        return to_int(name[12:]) + 1 if to_int(name[12:]) else 0
    if name.startswith("DYNAMIC_") and name[8:].isdigit():
        return to_int(name[8:])
    return 0


def type_name(type_id: int) -> str:
    """The name of a type in targets and on the board: ``DEAL``, ``DYNAMIC_177``."""
    return _NAME_OF.get(type_id) or f"DYNAMIC_{type_id}"


def short_name(type_id: int) -> str:
    """The short name: ``D``, or ``Tb1`` (hexadecimal) for smart process 177."""
    return _SHORT_OF.get(type_id) or f"T{type_id:x}"


def is_dynamic(type_id: int) -> bool:
    """Whether an id is that of a smart process: 128 to 191, and even numbers from 1030 on.

    The ids from 192 on belong to the recycle bin's twins of smart processes. Automation never acts on those.
    """
    return FIRST_DYNAMIC <= type_id <= LAST_OLD_DYNAMIC or (type_id >= FIRST_NEW_DYNAMIC and type_id % 2 == 0)


def stage_dictionary(type_id: int, category_id: int) -> str:
    """The ``ENTITY_ID`` of a pipeline's stages in ``crm.status.list``."""
    if type_id == LEAD:
        return "STATUS"
    if type_id == QUOTE:
        return "QUOTE_STATUS"
    if type_id == DEAL:
        return f"DEAL_STAGE_{category_id}" if category_id else "DEAL_STAGE"
    return f"{type_name(type_id)}_STAGE_{category_id}"


def full_stage_id(type_id: int, category_id: int, stage: str) -> str:
    """A stage's full id in its pipeline: ``NEW``, ``C5:NEW``, ``DT31_2:N``."""
    if ":" in stage or type_id in (LEAD, QUOTE):
        return stage
    if type_id == DEAL:
        return f"C{category_id}:{stage}" if category_id else stage
    return f"DT{type_id}_{category_id}:{stage}"


def split_target(target: str) -> tuple[int, int]:
    """Type id and entity id of a well-formed ``"DEAL_57"``, for the simulator's own interfaces.

    :raises ValueError: when the type is unknown or the id is not positive.
    """
    name, _, number = target.rpartition("_")
    type_id, entity_id = resolve_type(name), to_int(number)
    if not type_id or entity_id <= 0:
        raise ValueError(f"{target!r} names no entity; write TYPE_ID, for example DEAL_57 or DYNAMIC_177_5")
    return type_id, entity_id


def reference(type_id: int, entity_id: int) -> str:
    """``"DEAL_57"`` for (2, 57)."""
    return f"{type_name(type_id)}_{entity_id}"
