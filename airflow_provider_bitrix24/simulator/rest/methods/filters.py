"""Filters and orders of list methods: ``{"@id": [1, 2], ">id": 3, "0": {"logic": "OR", "0": {...}, "1": {...}}}``.

Controller methods refuse what they do not know (:func:`parse_filter`); the old methods ignore it
(:func:`parse_old_filter`), so a filter that is misspelled selects everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal.field_names import upper_name
from airflow_provider_bitrix24.simulator.rest.methods.operands import Operand, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Operands = Callable[[str, Any], Operand]
    """Makes an operand of what a field is compared with."""

Row = TypeVar("Row")

_KEY = re.compile(r"([!=<>@%?]*)(.*)", re.DOTALL)
_OPERATORS: Final = frozenset({
    "", "=", "!", "!=", ">", ">=", "<", "<=", "@", "!@", "%", "=%", "%=", "!%", "!=%", "!%=",
})  # fmt: skip
_TAKE_LISTS: Final = frozenset({"", "=", "!=", "@", "!@"})
_MAX_DEPTH: Final = 64
_OLD_OPERATORS: Final = (">=", ">", "<=", "<", "@", "=%", "%=", "%", "?", "=")
"""In the order in which the old methods look for them at the start of a key."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition of a filter: a field, an operator and its operand."""

    field: str
    operator: str
    operand: Operand

    def holds(self, actual: Callable[[str], Any]) -> bool:
        """Whether an item meets the condition; `actual` returns the value of a field."""
        return self.operand.meets(self.operator, actual(self.field))


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of which all must hold or, with ``OR``, one."""

    any_of: bool
    conditions: tuple[Criterion | Group, ...]

    def holds(self, actual: Callable[[str], Any]) -> bool:
        """Whether an item meets the group; an empty group holds."""
        if not self.conditions:
            return True
        found = (each.holds(actual) for each in self.conditions)
        return any(found) if self.any_of else all(found)


Condition = Criterion | Group


def parse_filter(raw: dict[str, Any], known: Callable[[str], str | None], operands: Operands) -> list[Condition]:
    """The conditions of a filter, all of which must hold.

    :param known: returns the canonical name of a field, ``None`` for one that filters cannot use.
    :raises RestError: ``INVALID_ARG_VALUE`` for an unknown field, operator or form of a value.
    """
    group = _group(raw, known, operands, 0)
    return [group] if group.any_of else list(group.conditions)


def _group(raw: dict[str, Any], known: Callable[[str], str | None], operands: Operands, depth: int) -> Group:
    if depth > _MAX_DEPTH:
        raise _refused("it is nested too deep")
    conditions: list[Condition] = []
    any_of = False
    for key, value in raw.items():
        if key.lower() == "logic":
            any_of = php.to_str(value).upper() == "OR"
        elif key.isdigit() and isinstance(value, (dict, list)):
            conditions.append(_group(dict(php.array_items(value)), known, operands, depth + 1))
        else:
            conditions.append(_criterion(key, value, known, operands))
    return Group(any_of, tuple(conditions))


def _criterion(key: str, value: Any, known: Callable[[str], str | None], operands: Operands) -> Criterion:
    match = _KEY.match(key)
    operator, name = match.groups() if match else ("", key)
    field = known(name)
    if field is None or operator not in _OPERATORS:
        raise _refused(f"field '{upper_name(name) if operator in _OPERATORS else key}' is not allowed in filter")
    if isinstance(value, (dict, list)) and operator not in _TAKE_LISTS:
        raise _refused(f"field '{upper_name(name)}' has invalid value")
    return Criterion(field, operator, operands(field, value))


def _refused(reason: str) -> RestError:
    return RestError("INVALID_ARG_VALUE", f"Invalid filter: {reason}")


def parse_old_filter(raw: dict[str, Any], known: Callable[[str], str | None], operands: Operands) -> list[Condition]:
    """The conditions of a filter of an old method, which leaves out those that it does not understand."""
    conditions: list[Condition] = []
    for key, value in raw.items():
        negative, rest = ("!", key[1:]) if key.startswith("!") else ("", key)
        operator = next((each for each in _OLD_OPERATORS if rest.startswith(each)), "")
        field = known(rest.removeprefix(operator))
        if field is not None:
            comparable = "%" if operator == "?" else operator
            conditions.append(Criterion(field, negative + comparable, operands(field, value)))
    return conditions


def parse_order(raw: dict[str, Any], known: Callable[[str], str | None]) -> list[tuple[str, bool]]:
    """The fields to order by, each with whether it is descending.

    :raises RestError: ``INVALID_ARG_VALUE`` for an unknown field or direction.
    """
    order = []
    for name, direction in raw.items():
        field = known(name)
        upper = php.to_str(direction).upper()
        if field is None or upper not in ("ASC", "DESC"):
            raise RestError("INVALID_ARG_VALUE", f"Invalid order: '{upper_name(name)}' is not allowed in order")
        order.append((field, upper == "DESC"))
    return order


def parse_old_order(raw: dict[str, Any], known: Callable[[str], str | None]) -> list[tuple[str, bool]]:
    """The order of an old method: unknown fields are left out, and anything but ``ASC`` descends."""
    return [
        (field, php.to_str(direction).upper() != "ASC")
        for name, direction in raw.items()
        if (field := known(name)) is not None
    ]


def sort_rows(rows: list[Row], order: list[tuple[str, bool]], value: Callable[[Row, str], Any]) -> list[Row]:
    """Sort rows by several fields, in place, and return them."""
    for field, descending in reversed(order):
        rows.sort(key=_by(field, value), reverse=descending)
    return rows


def page(rows: Iterable[Row], start: int, size: int) -> list[Row]:
    """The rows of one page of an iterable, which is read no further."""
    taken: list[Row] = []
    for index, row in enumerate(rows):
        if index >= start:
            taken.append(row)
            if len(taken) == size:
                break
    return taken


def _by(field: str, value: Callable[[Row, str], Any]) -> Callable[[Row], tuple[int, float, str]]:
    return lambda row: _sort_key(value(row, field))


def _sort_key(value: Any) -> tuple[int, float, str]:
    return (0, float(value), "") if php.is_numeric(value) else (1, 0.0, text_of(value))
