"""The fields that items of a type have: their types, and who may write them.

:mod:`.field_lists` lists them, :mod:`.field_values` reads and writes their values, and :mod:`.field_names` knows their
two spellings.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from airflow_provider_bitrix24.simulator.portal.entity_types import COMPANY, LEAD, stage_dictionary
from airflow_provider_bitrix24.simulator.portal.field_lists import HEAD, OF_TYPE, SMART_PROCESS, TAIL
from airflow_provider_bitrix24.simulator.portal.field_names import camel_name, upper_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_bitrix24.simulator.portal.field_types import Field

_OLD_NAMES: Final = {
    "createdBy": "CREATED_BY_ID",
    "updatedBy": "MODIFY_BY_ID",
    "movedBy": "MOVED_BY_ID",
    "createdTime": "DATE_CREATE",
    "updatedTime": "DATE_MODIFY",
}
_NOT_IN_OLD: Final = frozenset({"webformId", "observers", "fm", "xmlId", "login"})


@cache
def fields_of(type_id: int) -> Mapping[str, Field]:
    """The fields of a type by their names in ``crm.item.*``, those of the old methods alone included."""
    return {each.name: each for each in (*HEAD, *OF_TYPE.get(type_id, SMART_PROCESS), *TAIL)}


@cache
def old_fields_of(type_id: int) -> Mapping[str, Field]:
    """The fields that the old methods have, by their names there."""
    return {
        _old_name(type_id, each.name): each
        for each in fields_of(type_id).values()
        if not each.is_disabled and each.name not in _NOT_IN_OLD
    }


@cache
def find_field(type_id: int, name: str) -> Field | None:
    """The field that a name means in ``crm.item.*``: both ``stageId`` and ``STAGE_ID`` are understood."""
    known = fields_of(type_id)
    found = known.get(name) or known.get(camel_name(name))
    return found if found is not None and found.is_modern and not found.is_disabled else None


def status_type(field: Field, type_id: int, category_id: int) -> str:
    """The dictionary of a field's values, as ``crm.status.list`` names it."""
    if field.name in ("stageId", "previousStageId"):
        return stage_dictionary(type_id, category_id)
    return field.status_type


def _old_name(type_id: int, name: str) -> str:
    if type_id == LEAD and name in ("stageId", "stageSemanticId"):
        return "STATUS_ID" if name == "stageId" else "STATUS_SEMANTIC_ID"
    if type_id == COMPANY and name in ("typeId", "contactIds"):
        return "COMPANY_TYPE" if name == "typeId" else "CONTACT_ID"
    return _OLD_NAMES.get(name) or upper_name(name)
