"""Names of CRM entities as the automation trigger takes them: ``DEAL_57``, ``DYNAMIC_177_5``.

Reads every spelling into one canonical form, and knows each type's number and web page. It is stricter than the
portal, which reads ``DEAL_57abc`` as deal 57: here a typo is refused before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import NO_TEMPLATE, a_kind_of, scalar, trimmed

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

_NAMES = {number: name for name, number in TYPE_IDS.items()}
_PAGES = {
    "LEAD": "/crm/lead/details/{id}/",
    "DEAL": "/crm/deal/details/{id}/",
    "CONTACT": "/crm/contact/details/{id}/",
    "COMPANY": "/crm/company/details/{id}/",
    "ORDER": "/shop/orders/details/{id}/",
}
MAX_ID = 2**63 - 1
"""The largest id that a portal can hold; it would take a larger number for this one, which is another entity."""
_NAMED = 10
"""How many entities one message names."""
OLD_INVOICE = 5
"""The type of invoices that have no automation triggers."""


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
        return _NAMES.get(self.type_id) or f"DYNAMIC_{self.type_id}"

    @property
    def readable(self) -> bool:
        """Whether its stage can be read.

        For a contact or company the portal acts on *other* entities, and ``crm.item.*`` does not know orders.
        """
        return self.type_name not in ("CONTACT", "COMPANY", "ORDER")

    @property
    def page(self) -> str:
        """Path of the entity's page on the portal."""
        pattern = _PAGES.get(self.type_name, "/crm/type/{type_id}/details/{id}/")
        return pattern.format(type_id=self.type_id, id=self.id)

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

        raise ConfigurationError(f"{shown_value(text)} is not a target: {parsed}", hint=_FORM)


Rows = str | int | EntityRef | Iterable[object]
"""One target or several, or with an ``entity_type`` also bare ids, rows of a query, or a column of a data frame."""

_FORM = "Write TYPE_ID, such as DEAL_57, LEAD_4, QUOTE_3, SMART_INVOICE_12 or DYNAMIC_177_5."


_BARE_IDS = 'To pass ids or rows of a query, add entity_type="DEAL" (or another type).'


def parse_targets(target: object, entity_type: str | None = None) -> list[EntityRef]:
    """Read one target or a list of them, in order; duplicates, also in other spellings, are kept once.

    :param target: ``"DEAL_57"`` or an iterable of such strings, of lists of them as mapped tasks deliver them, or of
        parsed targets, which are not parsed again; a mapping from targets to stages, as a sensor returns it. An empty
        list is fine and means that there is nothing to do.
    :param entity_type: type of the targets that are bare ids, such as ``"DEAL"``. With it, whole numbers, texts of
        digits, rows with one column, rows with a column ``id``, and columns of data frames are targets, too.
    :raises ConfigurationError: ``None``, a list inside a text, or a malformed target. The message names all bad ones.

    >>> [str(ref) for ref in parse_targets([(57,), (58,)], "DEAL")]
    ['DEAL_57', 'DEAL_58']
    """
    if target is None:
        raise ConfigurationError(
            "target is None.",
            hint="The task that should deliver it returned nothing or was skipped: "
            "return a list (an empty one is fine).",
        )
    if isinstance(target, str) and target.lstrip().startswith("["):
        raise ConfigurationError(
            "target is a text that begins with '[': a list that a template turned into text.",
            hint=NO_TEMPLATE,
        )
    target = _keys_of_targets(target)
    if entity_type is not None:
        from airflow_provider_bitrix24.client.bare_ids import parse_entity_type, parse_rows

        return parse_rows(target, parse_entity_type(entity_type))
    target = scalar(target)
    if isinstance(target, str | EntityRef):
        return _parse_all([target], named="target")
    return _parse_all(_iterable(target), named="target[{}]")


def _keys_of_targets(target: object) -> object:
    """The targets of a mapping from targets to stages, as a sensor returns it; everything else as it is."""
    if not isinstance(target, Mapping):
        return target
    if {"results", "portal"}.issubset(target):
        raise ConfigurationError(
            "target is the report of a task.",
            hint="Pass the list of targets that the task was given; with expected_stage, those that are there already "
            "are not fired for.",
        )
    return list(target) if all(isinstance(parse_text(key), EntityRef) for key in target) else target


def _iterable(target: object) -> Iterable[object]:
    if hasattr(target, "columns"):
        raise ConfigurationError(
            "target is a data frame.", hint=f'Pass a column of targets, such as frame["target"]. {_BARE_IDS}'
        )
    if isinstance(target, Mapping | bytes | bytearray | memoryview) or not isinstance(target, Iterable):
        from airflow_provider_bitrix24.client.malformed import shown_value

        name, shown = type(target).__name__, shown_value(target)
        value = "" if shown == a_kind_of(target) else f": {shown}"
        raise ConfigurationError(f"target is of type {name}{value}.", hint=f"{_BARE_IDS} {_FORM}")
    return target


def _parse_all(values: Iterable[object], *, named: str) -> list[EntityRef]:
    found: dict[EntityRef, None] = {}
    wrong: list[tuple[str, object, str]] = []
    for number, value in enumerate(values):
        parsed = parse_text(value)
        if isinstance(parsed, EntityRef):
            found[parsed] = None
        elif (listed := list_of_targets(value)) is not None:
            found.update(dict.fromkeys(listed))
        else:
            wrong.append((named.format(number), value, parsed))
    if wrong:
        raise _malformed(wrong)
    return list(found)


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


def _malformed(wrong: list[tuple[str, object, str]]) -> ConfigurationError:
    """The error that names targets: of each, what it is called, the value and what is wrong with it."""
    from airflow_provider_bitrix24.client.malformed import SHOWN, malformed, shown_value

    bare = any(says.endswith(" a type.") or (isinstance(it, str) and it.strip().isdigit()) for _, it, says in wrong)
    says_all = all(" write " in says or " pass " in says for _, _, says in wrong)
    hint = f"{_BARE_IDS} {_FORM}" if bare else "" if says_all else _FORM
    bad = [f"{name} is {shown_value(it)}: {says}" for name, it, says in wrong[:SHOWN]]
    return malformed([*bad, *("" for _ in wrong[SHOWN:])], hint=hint)


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


def parse_text(value: object) -> EntityRef | str:
    """Return the entity that a target names, or what is wrong with it."""
    if isinstance(value, EntityRef):
        return value
    if isinstance(value, str):
        written = trimmed(value)
        # The capital of a dotless i is I: a text of other letters would turn into the name of a type.
        name, _, digits = (written.upper() if written.isascii() else written).rpartition("_")
        type_id = _type_id(name.strip())
        if type_id is not None and re.fullmatch(r"0{0,99}[0-9]{1,19}", digits) and 0 < int(digits) <= MAX_ID:
            return EntityRef(type_id, int(digits))
    from airflow_provider_bitrix24.client.malformed import problem_of

    return problem_of(value)


def _type_id(name: str) -> int | None:
    if name in TYPE_IDS:
        return TYPE_IDS[name]
    dynamic = re.fullmatch(r"DYNAMIC_([0-9]{1,9})", name)
    number = int(dynamic[1]) if dynamic else 0
    return None if number in (0, OLD_INVOICE) else number
