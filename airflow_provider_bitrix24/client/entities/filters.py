"""The filter of a search: read, checked, and merged with the cursor that follows the ids. Pure.

A portal may ignore a field that it does not know, and then returns everything. So a filter that could select everything
by mistake is refused before anything is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entities.values import NotWritableError, writable
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.malformed import shown_value
from airflow_provider_bitrix24.client.protocol.references import holds_lookalike

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.client.entities.fields import FieldList

EVERYTHING = "all"
"""In place of a filter, for every entity of a type."""
_KEY = re.compile(r"(?P<operator>[!=<>@%?*]*)(?P<name>.*)", re.DOTALL)
_EXAMPLE = 'Pass conditions such as {"stageId": "NEW", ">=opportunity": 1000}, or filter="all" for every entity.'
_IGNORED = "Bitrix24 may ignore an unknown field and return every entity, so nothing was read."


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter without its bounds of the id, which the search moves.

    :param conditions: what ``crm.item.list`` takes.
    :param after: ids are greater than this.
    :param until: ids are at most this, if there is a bound.
    """

    conditions: dict[str, Any] = field(default_factory=dict)
    after: int = 0
    until: int | None = None

    @property
    def names(self) -> Iterator[str]:
        """The fields in it, also those in groups."""
        return _names(self.conditions)

    def between(self, after: object, until: int | None) -> dict[str, Any]:
        """The conditions for ids in a range.

        :param after: an id, or a reference to one.
        """
        bounds = {">id": after} if until is None else {">id": after, "<=id": until}
        return self.conditions | bounds


def parse_filter(value: object) -> Filter:
    """Read a filter as ``crm.item.list`` takes it, or ``"all"``.

    :raises ConfigurationError: it is empty, or holds a condition without a value, which would be left out.
    """
    if isinstance(value, str):
        if value.strip().lower() == EVERYTHING:
            return Filter()
        value = _parsed(value)
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"filter is of type {type(value).__name__}.", hint=_EXAMPLE)
    try:
        conditions = writable(value)
    except NotWritableError as problem:
        raise ConfigurationError(f"filter holds a value that cannot be sent: {problem}.", hint=_EXAMPLE) from None
    if not any(True for _ in _names(conditions)):
        raise ConfigurationError("filter is empty, which selects every entity.", hint=_EXAMPLE)
    _check_values(conditions)
    return _without_bounds(_all_of(conditions))


def check_fields(parsed: Filter, fields: FieldList) -> Filter:
    """Check the names of a filter, and write truth values as the portal does.

    :raises ConfigurationError: a field does not exist. The message suggests the nearest one.
    """
    unknown = [name for name in parsed.names if not fields.knows(name)]
    if unknown:
        raise ConfigurationError(f"filter: {misspelt(unknown, fields)}", hint=_IGNORED)
    return replace(parsed, conditions=_with_flags(parsed.conditions, fields))


def misspelt(names: list[str], fields: FieldList) -> str:
    """A sentence for each name that is not a field."""
    sentences = []
    for name in dict.fromkeys(names):
        near = fields.nearest(name)
        guess = f" Did you mean {near!r}?" if near else ""
        sentences.append(f"{shown_value(name)} is not a field of {fields.type_name}.{guess}")
    return " ".join(sentences)


def _parsed(written: str) -> object:
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        raise ConfigurationError(
            "filter is a text that is not a JSON object.",
            hint="Pass a dict, whose values may be templates, or set render_template_as_native_obj=True on the DAG.",
        ) from None


def _names(conditions: Mapping[str, Any]) -> Iterator[str]:
    for key, value in conditions.items():
        if _is_group(key):
            yield from _names(_group(value))
        elif key.lower() != "logic":
            yield _split(key)[1]


def _split(key: str) -> tuple[str, str]:
    match = _KEY.fullmatch(key)
    return (match["operator"], match["name"]) if match else ("", key)


def _is_group(key: str) -> bool:
    return key.isdigit()


def _group(value: Any) -> Mapping[str, Any]:
    if isinstance(value, list):
        return {str(number): each for number, each in enumerate(value)}
    if isinstance(value, Mapping):
        return value
    raise ConfigurationError("filter: a group of conditions is not a dict.", hint=_EXAMPLE)


def _check_values(conditions: Mapping[str, Any]) -> None:
    for key, value in conditions.items():
        if _is_group(key):
            group = _group(value)
            if not any(True for _ in _names(group)):
                raise ConfigurationError("filter: a group of conditions is empty.", hint=_EXAMPLE)
            _check_values(group)
        elif key.lower() == "logic":
            if str(value).upper() not in ("AND", "OR"):
                raise ConfigurationError(f"filter: logic is {shown_value(value)}.", hint="Use AND or OR.")
        elif value in (None, [], {}) or (isinstance(value, list) and None in value):
            raise ConfigurationError(
                f"filter: {shown_value(key)} is {shown_value(value)}.",
                hint="A condition without a value is left out and would select every entity: correct its template or "
                "the task that it comes from.",
            )
        elif _names_no_id(key, value):
            raise ConfigurationError(
                f"filter: {shown_value(key)} is {shown_value(value)}.", hint="An id is a whole number: 57, not DEAL_57."
            )
        elif holds_lookalike({key: value}):
            raise ConfigurationError(
                f"filter: {shown_value(key)} holds a text that Bitrix24 replaces ($result and the like).",
                hint="Leave it out; a search is sent in batches.",
            )


def _names_no_id(key: str, value: Any) -> bool:
    """Whether a value stands for an id, but is none; a portal would read it as 0, and find nothing."""
    operator, name = _split(key)
    if name.lower() != "id" or operator not in ("", "=", "@", "!", "!=", "!@"):
        return False
    return not all(_is_id(each) for each in (value if isinstance(value, list) else [value]))


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\s*[0-9]{1,19}\s*", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)


def _all_of(conditions: dict[str, Any]) -> dict[str, Any]:
    """The same conditions, all of which must hold: beside an "or", a bound of the id would select everything."""
    logic = [key for key in conditions if key.lower() == "logic"]
    if any(str(conditions[key]).upper() == "OR" for key in logic):
        return {"0": conditions}
    return {key: value for key, value in conditions.items() if key not in logic}


def _without_bounds(conditions: dict[str, Any]) -> Filter:
    """Take the caller's own bounds of the id out of the conditions."""
    rest: dict[str, Any] = {}
    after, until = 0, None
    for key, value in conditions.items():
        operator, name = _split(key)
        if name.lower() != "id" or operator not in (">", ">=", "<", "<="):
            rest[key] = value
            continue
        number = _bound(key, value)
        if operator.startswith(">"):
            after = max(after, number - (operator == ">="))
        else:
            highest = number - (operator == "<")
            until = highest if until is None else min(until, highest)
    return Filter(rest, after, until)


def _bound(key: str, value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,19}\s*", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return value
    raise ConfigurationError(f"filter: {shown_value(key)} is {shown_value(value)}.", hint="Use a whole number.")


def _with_flags(conditions: Mapping[str, Any], fields: FieldList) -> dict[str, Any]:
    """The same, with ``True`` and ``False`` as the Y and N that fields of the type boolean hold."""
    written: dict[str, Any] = {}
    for key, value in conditions.items():
        if _is_group(key):
            written[key] = _with_flags(_group(value), fields)
            continue
        known = fields[_split(key)[1]]
        written[key] = _as_flag(value) if known is not None and known.is_flag else value
    return written


def _as_flag(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_flag(each) for each in value]
    return value if not isinstance(value, bool) else "Y" if value else "N"
