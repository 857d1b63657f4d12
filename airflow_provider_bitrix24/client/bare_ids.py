"""Ids and rows as queries give them, turned into targets of one type. Pure.

A query gives ``(57,)`` where a target is ``DEAL_57``. The values of numpy, pandas and databases are recognized by what
they can do, so none of these libraries is imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from operator import index
from typing import Any, SupportsIndex, TypeGuard

from airflow_provider_bitrix24.client.entity_ref import EntityRef, list_of_targets, parse_text
from airflow_provider_bitrix24.client.entity_types import MAX_ID, TYPE_IDS
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.malformed import malformed, problem_of_text, shown_value
from airflow_provider_bitrix24.client.plain import a_kind_of, is_missing, scalar, trimmed

_HINT = (
    "With entity_type, pass ids, rows with one column, rows or dicts with a column named id, or full targets such as "
    "DEAL_57."
)
_LARGEST_EXACT_FLOAT = 2**53


class NotAnIdError(Exception):
    """A row that names no entity; its text says why."""


def parse_entity_type(value: object) -> int:
    """Read the type of bare ids, such as ``DEAL``, ``SMART_INVOICE`` or ``DYNAMIC_177``. Returns its entityTypeId.

    :raises ConfigurationError: it is not a type; the message says what to write.
    """
    parsed = parse_text(f"{trimmed(value)}_1") if isinstance(value, str) else None
    if isinstance(parsed, EntityRef):
        return parsed.type_id
    known = ", ".join(TYPE_IDS)
    raise ConfigurationError(
        f"entity_type is {shown_value(value)}.", hint=f"Use one of {known}, or DYNAMIC_177 for the smart process 177."
    )


def rows_of(value: object, *, name: str = "target") -> list[Any]:
    """The rows of a query's result: of a list, a generator, a column, or of the column ``id`` of a data frame.

    :param name: of the argument, for the message.
    :raises ConfigurationError: it is nothing that can hold ids.
    """
    value = scalar(value)
    if _is_frame(value):
        names = list(value.columns)
        try:
            return list(value[_id_among(names)])
        except NotAnIdError as problem:
            raise ConfigurationError(f"{name} is a data frame: {problem}", hint=_HINT) from None
    if isinstance(value, str | EntityRef | Mapping) or not isinstance(value, Iterable) or _is_number(value):
        return [value]
    if isinstance(value, bytes):
        raise ConfigurationError(f"{name} is of type bytes.", hint=_HINT)
    fields = getattr(value, "_fields", None)
    return [value] if isinstance(fields, tuple) else list(value)


def parse_rows(value: object, type_id: int) -> list[EntityRef]:
    """Read ids and rows of one type, in order; duplicates are kept once. Full targets keep their own type.

    :raises ConfigurationError: a row names no entity. The message names all of them by their numbers, from 0.
    """
    rows = rows_of(value)
    found: dict[EntityRef, None] = {}
    bad: list[str] = []
    for number, row in enumerate(rows):
        if (listed := list_of_targets(row)) is not None:
            found.update(dict.fromkeys(listed))
            continue
        try:
            found[ref_of(row, type_id)] = None
        except NotAnIdError as problem:
            bad.append(f"target[{number}] is {shown_value(row)}: {problem}")
    if bad:
        raise malformed(bad, hint=_HINT)
    return list(found)


def ref_of(row: object, type_id: int) -> EntityRef:
    """The entity that a row names.

    :raises NotAnIdError: it names none.
    """
    cell = _cell(row)
    if isinstance(cell, EntityRef):
        return cell
    if isinstance(cell, str):
        return _of_text(cell, type_id)
    number = _whole(cell)
    if number <= 0:
        raise NotAnIdError("an id is a positive whole number.")
    if number > MAX_ID:
        raise NotAnIdError(f"the id is too large; the largest is {MAX_ID}.")
    return EntityRef(type_id, number)


def _of_text(text: str, type_id: int) -> EntityRef:
    written = trimmed(text)
    parsed = parse_text(f"DYNAMIC_{type_id}_{written}" if re.fullmatch(r"[0-9]{1,99}", written) else written)
    if isinstance(parsed, EntityRef):
        return parsed
    raise NotAnIdError(problem_of_text(text, typed=True))


def _cell(row: object) -> object:
    """The cell of a row that holds the id; what is not a row is the id itself."""
    if is_missing(row):
        raise NotAnIdError("an id is missing.")
    fields = getattr(row, "_fields", None)
    if isinstance(fields, tuple) and isinstance(row, Iterable):
        row = dict(zip(fields, row, strict=True))
    if isinstance(row, Mapping):
        return _cell_value(row[_id_among(list(row))])
    if isinstance(row, str | EntityRef) or not isinstance(row, Iterable) or _is_number(row):
        return row
    if isinstance(row, bytes | set | frozenset) or not hasattr(row, "__len__"):
        raise NotAnIdError(f"{a_kind_of(row)} is not an id.")
    cells = list(row)
    if len(cells) != 1:
        raise NotAnIdError(f"it has {len(cells)} columns without names. Select only the id, or pass dicts with an id.")
    return _cell_value(cells[0])


def _cell_value(cell: object) -> object:
    if is_missing(cell):
        raise NotAnIdError("its id is missing.")
    return cell


def _id_among(names: list[Any]) -> Any:
    """The column that holds the id: the one called so, or the only one there is."""
    called = [name for name in names if isinstance(name, str) and name.lower() == "id"]
    if len(called) == 1:
        return called[0]
    if len(names) == 1:
        return names[0]
    raise NotAnIdError(f"{'several' if called else 'none'} of its {len(names)} columns are named id.")


def _whole(value: object) -> int:
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        raise NotAnIdError("a truth value is not an id.")
    if _is_number(value):
        return index(value)
    ratio = getattr(value, "as_integer_ratio", None)
    if ratio is None:
        raise NotAnIdError(f"{a_kind_of(value)} is not an id.")
    try:
        number, denominator = ratio()
    except (ValueError, OverflowError):
        raise NotAnIdError("it is not a number; a missing value makes a column of whole numbers a float.") from None
    if denominator != 1:
        raise NotAnIdError("an id has no fraction.")
    if isinstance(value, float) and number > _LARGEST_EXACT_FLOAT:
        raise NotAnIdError("so large a number is not exact as a float.")
    return int(number)


def _is_number(value: object) -> TypeGuard[SupportsIndex]:
    """Whether it is a whole number by Python's own protocol, as those of numpy and pandas are."""
    if not hasattr(value, "__index__"):
        return False
    try:
        index(value)
    except TypeError:  # an array of several numbers
        return False
    return True


def _is_frame(value: object) -> TypeGuard[Any]:
    return hasattr(value, "columns") and hasattr(value, "shape") and hasattr(value, "__getitem__")
