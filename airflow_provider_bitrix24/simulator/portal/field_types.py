"""What is known of one field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from airflow_provider_bitrix24.simulator.portal.field_names import upper_name

FieldType = Literal[
    "integer", "double", "string", "text", "boolean", "date", "datetime", "user", "location", "file",
    "crm_status", "crm_category", "crm_currency", "crm_company", "crm_contact", "crm_lead", "crm_deal", "crm_quote",
    "crm_multifield",
]  # fmt: skip
NUMBERS: Final = frozenset({
    "integer", "user", "crm_category", "crm_company", "crm_contact", "crm_lead", "crm_deal", "crm_quote",
})  # fmt: skip
"""Types whose values are whole numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a type.

    :param name: its name in ``crm.item.*``.
    :param is_modern: ``crm.item.*`` has it.
    :param is_disabled: items show it, always empty, and nothing else knows it.
    """

    name: str
    type: FieldType
    is_read_only: bool = False
    is_immutable: bool = False
    is_multiple: bool = False
    is_required: bool = False
    is_deprecated: bool = False
    is_modern: bool = True
    is_disabled: bool = False
    status_type: str = ""
    default: Any = None

    @property
    def title(self) -> str:
        """A label for people: ``Source description``."""
        return upper_name(self.name).replace("_", " ").capitalize().replace(" id", " ID")
