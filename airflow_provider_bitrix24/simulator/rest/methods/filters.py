"""Filters and orders of list methods: ``{"@id": [1, 2], ">id": 3, "!stageId": "WON"}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_bitrix24.simulator.clock import Clock

_KEY = re.compile(r"([!=<>@%?]*)(.*)", re.DOTALL)
_DATES = ("Time", "_TIME", "DATE_CREATE", "DATE_MODIFY")
_OPERATORS = {"", "=", "!", "!=", ">", ">=", "<", "<=", "@", "!@", "%", "=%", "%=", "!%", "!=%", "?"}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One entry of a filter: a field, an operator and its operand."""

    field: str
    operator: str
    operand: Any
    values: frozenset[str]
    """The operand as a set of texts, where the operator asks for one of several."""


def parse_filter(raw: dict[str, Any], known: Callable[[str], str | None], clock: Clock) -> list[Criterion]:
    """Return the tests of a filter.

    :param known: returns the canonical name of a field, ``None`` for one that may not be filtered by.
    :param clock: tells how the portal writes dates, so that dates of any offset can be compared.
    :raises RestError: ``INVALID_ARG_VALUE`` for an unknown field or operator.
    """
    tests = []
    for key, operand in raw.items():
        match = _KEY.match(key)
        operator, name = match.groups() if match else ("", key)
        if name.lower() == "logic" and not operator:
            continue
        field = known(name)
        if field is None or operator not in _OPERATORS:
            raise RestError("INVALID_ARG_VALUE", f"Invalid filter: field '{key}' is not allowed in filter")
        wanted = _as_written(operand, clock) if field.endswith(_DATES) else operand
        values = frozenset(php.to_str(each) for each in php.array_values(wanted))
        tests.append(Criterion(field, operator, wanted, values))
    return tests


def _as_written(operand: Any, clock: Clock) -> Any:
    """Return dates in the portal's own offset; what is no date stays as it is."""
    if isinstance(operand, (dict, list)):
        return [_as_written(each, clock) for each in php.array_values(operand)]
    try:
        return clock.iso(clock.parse(php.to_str(operand)))
    except (ValueError, OverflowError):
        return operand


def holds(test: Criterion, actual: Any) -> bool:
    """Tell whether a field's value passes a test."""
    operator = test.operator
    if operator in ("", "=", "@"):
        return _text(actual) in test.values
    if operator in ("!", "!=", "!@"):
        return _text(actual) not in test.values
    if "%" in operator or operator == "?":
        found = any(each.strip("%").lower() in _text(actual).lower() for each in test.values)
        return found is not operator.startswith("!")
    order = _compare(actual, test.operand)
    return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[operator]


def parse_order(raw: dict[str, Any], known: Callable[[str], str | None]) -> list[tuple[str, bool]]:
    """Return (field, descending) pairs.

    :raises RestError: ``INVALID_ARG_VALUE`` for an unknown field or direction.
    """
    order = []
    for name, direction in raw.items():
        field = known(name)
        upper = php.to_str(direction).upper()
        if field is None or upper not in ("ASC", "DESC"):
            raise RestError("INVALID_ARG_VALUE", f"Invalid order: '{name}' is not allowed in order")
        order.append((field, upper == "DESC"))
    return order


def sort_rows(rows: list[Any], order: list[tuple[str, bool]], value: Callable[[Any, str], Any]) -> list[Any]:
    """Return rows sorted by several fields."""
    for field, descending in reversed(order):
        rows.sort(key=lambda row, field=field: _sort_key(value(row, field)), reverse=descending)  # type: ignore[misc]
    return rows


def page(rows: Iterable[Any], start: int, size: int) -> list[Any]:
    """Return the rows of one page out of an iterable, reading no further."""
    taken: list[Any] = []
    for index, row in enumerate(rows):
        if index >= start:
            taken.append(row)
            if len(taken) == size:
                break
    return taken


def _text(value: Any) -> str:
    return value if isinstance(value, str) else php.to_str(value)


def _compare(left: Any, right: Any) -> int:
    if php.is_numeric(left) and php.is_numeric(right):
        a, b = float(left), float(right)
        return (a > b) - (a < b)
    x, y = _text(left), _text(right)
    return (x > y) - (x < y)


def _sort_key(value: Any) -> tuple[int, float, str]:
    return (0, float(value), "") if php.is_numeric(value) else (1, 0.0, _text(value))
