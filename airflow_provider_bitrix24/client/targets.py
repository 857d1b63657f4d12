"""Names of CRM entities as the automation trigger takes them: ``DEAL_57``, ``DYNAMIC_177_5``.

Reads every spelling into one canonical form, and knows each type's number and web page. It is stricter than the
portal, which reads ``DEAL_57abc`` as deal 57: here a typo is refused before anything is sent.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import may_be_url, may_show_url

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
_SHORT = {"L": "LEAD", "D": "DEAL", "C": "CONTACT", "CO": "COMPANY", "Q": "QUOTE", "O": "ORDER"} | {
    "SI": "SMART_INVOICE",
    "DO": "SMART_DOCUMENT",
    "SBD": "SMART_B2E_DOC",
}
_PAGES = {
    "LEAD": "/crm/lead/details/{id}/",
    "DEAL": "/crm/deal/details/{id}/",
    "CONTACT": "/crm/contact/details/{id}/",
    "COMPANY": "/crm/company/details/{id}/",
    "ORDER": "/shop/orders/details/{id}/",
}
MAX_ID = 9223372036854775807
"""The largest id that a portal can hold; it would take a larger number for this one, which is another entity."""
_SHOWN = 10
"""How many malformed targets one message lists."""
_LONGEST = 60
"""Characters of a malformed target that a message shows."""
_NEAR = 0.7
"""How like a type's name a word must be to be taken for a typo of it: LEED and DEALS are, FOO is not."""
_OLD_INVOICE = 5
_GAVE_NOTHING = "its template, or the task that it comes from, gave nothing."


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
        problem = parse_text(text)
        if isinstance(problem, EntityRef):
            return problem
        raise ConfigurationError(f"{shown_value(text)} is not a target: {problem}", hint=_FORM)


Rows = str | int | EntityRef | Iterable[object]
"""One target or several, or with an ``entity_type`` also bare ids, rows of a query, or a column of a data frame."""

_FORM = "Write TYPE_ID, such as DEAL_57, LEAD_4, QUOTE_3, SMART_INVOICE_12 or DYNAMIC_177_5."


_BARE_IDS = 'To pass ids or rows of a query, add entity_type="DEAL" (or another type).'


def parse_targets(target: object, entity_type: str | None = None) -> list[EntityRef]:
    """Read one target or a list of them, in order; duplicates, also in other spellings, are kept once.

    :param target: ``"DEAL_57"`` or an iterable of such strings or of parsed targets, which are not parsed again;
        an empty list is fine and means that there is nothing to do.
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
            hint="Pass task.output instead of a template, or set render_template_as_native_obj=True on the DAG.",
        )
    if entity_type is not None:
        from airflow_provider_bitrix24.client.bare_ids import parse_entity_type, parse_rows

        return parse_rows(target, parse_entity_type(entity_type))
    return _parse_all([target] if isinstance(target, str | EntityRef) else _iterable(target))


def _iterable(target: object) -> Iterable[object]:
    if isinstance(target, dict | bytes) or not hasattr(target, "__iter__"):
        shown, name = shown_value(target), type(target).__name__
        value = "" if shown == f"A {name}" else f": {shown}"
        raise ConfigurationError(f"target is of type {name}{value}.", hint=f"{_BARE_IDS} {_FORM}")
    return target


def _parse_all(texts: Iterable[object]) -> list[EntityRef]:
    found: dict[EntityRef, None] = {}
    bad: list[str] = []
    seen: list[object] = []
    for text in texts:
        parsed = parse_text(text)
        if isinstance(parsed, EntityRef):
            found[parsed] = None
        else:
            seen.append(text)
            bad.append(f"{shown_value(text)}: {parsed}")
    if bad:
        more = f" (and {len(bad) - _SHOWN} more)" if len(bad) > _SHOWN else ""
        one = "target is malformed; nothing was sent."
        head = one if len(bad) == 1 else f"{len(bad):,} targets are malformed; nothing was sent."
        bare = any(not isinstance(text, str) or text.strip().isdigit() for text in seen)
        hint = f"{_BARE_IDS} {_FORM}" if bare else "" if all(" write " in each for each in bad) else _FORM
        raise ConfigurationError(f"{head} {' '.join(bad[:_SHOWN])}{more}", hint=hint)
    return list(found)


def shown_value(text: object) -> str:
    """A target as a message may show it."""
    # A pasted webhook URL holds the secret, so nothing is repeated that looks like a URL or may hold one.
    if isinstance(text, str) and may_be_url(text):
        return "A URL"
    if isinstance(text, tuple | list | dict) or hasattr(text, "__index__"):
        return _shown_row(text)
    if not isinstance(text, str | float | None):
        return f"A {type(text).__name__}"
    return _cut(text)


def _shown_row(row: object) -> str:
    try:
        shown = reprlib.repr(row)
    except ValueError:  # Python writes no number of thousands of digits
        shown = "/"
    return f"A {type(row).__name__}" if may_show_url(shown) or "\n" in shown else shown


def _cut(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."


def parse_text(text: object) -> EntityRef | str:
    """Return the entity that a target names, or what is wrong with it."""
    if isinstance(text, EntityRef):
        return text
    if not isinstance(text, str):
        return f"a target is a text, not {type(text).__name__}."
    cleaned = _upper(text.strip())
    if not cleaned:
        return "it is empty."
    if "{{" in cleaned or "{%" in cleaned:
        return "the template was not rendered; fill in the entity's id."
    if may_be_url(cleaned):
        return "pass only what follows target= in it."
    name, underscore, digits = cleaned.rpartition("_")
    if not underscore:
        return _GAVE_NOTHING if cleaned == "NONE" else "there is no underscore between type and id."
    if not re.fullmatch(r"0{0,99}[0-9]{1,19}", digits) or not 0 < int(digits) <= MAX_ID:
        return f"the id {_cut(digits)} is not a positive whole number."
    return _typed(name.strip(), int(digits))


def _upper(text: str) -> str:
    # The capital of a dotless i is I: a text of other letters would turn into the name of a type.
    return text.upper() if text.isascii() else text


def _typed(name: str, number: int) -> EntityRef | str:
    if name in TYPE_IDS:
        return EntityRef(TYPE_IDS[name], number)
    dynamic = re.fullmatch(r"DYNAMIC_([0-9]{1,9})", name)
    if dynamic:
        return _dynamic(int(dynamic[1]), number)
    if name in _SHORT:
        return f"short forms are not accepted; write {_SHORT[name]}_{number}."
    smart = re.fullmatch(r"T([0-9A-F]{1,8})", name)
    if smart:
        return f"short forms are not accepted; write DYNAMIC_{int(smart[1], 16)}_{number}."
    if name == "DYNAMIC":
        return "the type's number is missing; write DYNAMIC_TYPE_ID, such as DYNAMIC_177_5."
    if name == "INVOICE":
        return f"old invoices have no automation triggers; for the new ones write SMART_INVOICE_{number}."
    return _unknown_type(name, number)


def _unknown_type(name: str, number: int) -> str:
    from difflib import get_close_matches  # not at import, which every DAG file waits for

    near = get_close_matches(name, TYPE_IDS, n=1, cutoff=_NEAR) if len(name) < _LONGEST else []
    meant = f" Did you mean {near[0]}_{number}?" if near else ""
    return f"the type {_cut(name)} is not known.{meant}"


def _dynamic(type_id: int, number: int) -> EntityRef | str:
    if type_id == _OLD_INVOICE:
        return f"old invoices have no automation triggers; for the new ones write SMART_INVOICE_{number}."
    if type_id == 0:
        return f"the type DYNAMIC_{type_id} is not known."
    return EntityRef(type_id, number)
