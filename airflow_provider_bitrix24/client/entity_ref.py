"""One CRM entity, and the texts that name it: every spelling is read into one canonical form. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from airflow_provider_bitrix24.client.entity_types import is_readable, page_of, read_target, type_name
from airflow_provider_bitrix24.client.errors import ConfigurationError

HOW_TO_WRITE = "Write TYPE_ID, such as DEAL_57, LEAD_4, QUOTE_3, SMART_INVOICE_12 or DYNAMIC_177_5."
"""What to do about a text that is not a target."""
_NAMED = 10
"""How many entities one message names."""


@dataclass(frozen=True, slots=True, order=True)
class EntityRef:
    """One CRM entity: its type's number and its id.

    ``str(ref)`` is the canonical form: ``DEAL_57``.
    """

    type_id: int
    id: int

    @property
    def type_name(self) -> str:
        """Such as ``DEAL``, ``SMART_INVOICE`` or ``DYNAMIC_177``."""
        return type_name(self.type_id)

    @property
    def readable(self) -> bool:
        """Whether its stage can be read.

        For a contact or company the portal acts on *other* entities, and ``crm.item.*`` does not know orders.
        """
        return is_readable(self.type_id)

    @property
    def page(self) -> str:
        """Path of the entity's page on the portal."""
        return page_of(self.type_id, self.id)

    def __str__(self) -> str:
        return f"{self.type_name}_{self.id}"

    @classmethod
    def parse(cls, text: object) -> EntityRef:
        """Read one target; one that is parsed already is returned as it is.

        :raises ConfigurationError: it is not a target. The message says what to write instead.

        >>> str(EntityRef.parse(" deal_057"))
        'DEAL_57'
        """
        parsed = parse_text(text)
        if isinstance(parsed, EntityRef):
            return parsed
        from airflow_provider_bitrix24.client.malformed import shown_value

        raise ConfigurationError(f"{shown_value(text)} is not a target: {parsed}", hint=HOW_TO_WRITE)


def parse_text(value: object) -> EntityRef | str:
    """Return the entity that a target names, or what is wrong with it."""
    if isinstance(value, EntityRef):
        return value
    named = read_target(value) if isinstance(value, str) else None
    if named is not None:
        return EntityRef(*named)
    if _holds_a_target(value):
        return "it is a list in the list that holds something other than targets."
    from airflow_provider_bitrix24.client.malformed import problem_of

    return problem_of(value)


def _holds_a_target(value: object) -> bool:
    if not isinstance(value, Collection) or isinstance(value, str | bytes | bytearray | memoryview | Mapping):
        return False
    return len(value) > 1 and any(isinstance(each, EntityRef) or _is_target(each) for each in value)


def _is_target(value: object) -> bool:
    return isinstance(value, str) and read_target(value) is not None


def list_of_targets(value: object) -> list[EntityRef] | None:
    """The targets of a list in the list, as mapped tasks and sensors deliver them; ``None`` if it is another value.

    A mapping from targets to stages and a row of full targets count as such a list.
    """
    if not isinstance(value, list | tuple | Mapping) or not (value or isinstance(value, list)):
        return None
    if not all(isinstance(each, EntityRef) or _may_be_target(each) for each in value):
        return None
    parsed = [parse_text(each) for each in value]
    refs = [each for each in parsed if isinstance(each, EntityRef)]
    return refs if len(refs) == len(parsed) else None


def _may_be_target(value: object) -> bool:
    """Whether it is worth parsing: most rows hold ids, and there may be thousands."""
    return isinstance(value, str) and "_" in value and value.rstrip()[-1].isdigit()


def check_readable(refs: Iterable[EntityRef], *, so: str = "", instead: str = "leave them out") -> None:
    """Refuse entities whose stage cannot be read.

    :param so: the arguments that need it.
    :param instead: what to do about these entities.
    :raises ConfigurationError: the message names them.
    """
    names = [str(ref) for ref in refs if not ref.readable]
    if names:
        more = f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else ""
        shown = f"{', '.join(names[:_NAMED])}{more}"
        raise ConfigurationError(
            f"{shown} cannot be read, so {so} cannot work." if so else f"The stage of {shown} cannot be read.",
            hint=f"Contacts and companies have no stages, and Bitrix24 shows none of orders; {instead}.",
        )
