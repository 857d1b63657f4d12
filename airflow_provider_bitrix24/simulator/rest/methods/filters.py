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
    """One condition of a filter: a field, an operator and its operand."""

    field: str
    operator: str
    operand: Any
    values: frozenset[str]
    """The operand as a set of texts, for operators that compare with several values."""


def parse_filter(raw: dict[str, Any], known: Callable[[str], str | None], clock: Clock) -> list[Criterion]:
    """The criteria of a filter.

    :param known: returns the canonical name of a field, ``None`` for one that filters cannot use.
    :param clock: writes dates as the portal does, so that dates with any offset can be compared.
    :raises RestError: ``INVALID_ARG_VALUE`` for an unknown field or operator.
    """
    criteria = []
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
        criteria.append(Criterion(field, operator, wanted, values))
    return criteria


def _as_written(operand: Any, clock: Clock) -> Any:
    """Dates with the portal's own offset; other values unchanged."""
    if isinstance(operand, (dict, list)):
        return [_as_written(each, clock) for each in php.array_values(operand)]
    try:
        return clock.iso(clock.parse(php.to_str(operand)))
    except (ValueError, OverflowError):
        return operand


def holds(criterion: Criterion, actual: Any) -> bool:
    """Whether a field's value meets a criterion."""
    operator = criterion.operator
    if operator in ("", "=", "@"):
        return _text(actual) in criterion.values
    if operator in ("!", "!=", "!@"):
        return _text(actual) not in criterion.values
    if "%" in operator or operator == "?":
        found = any(each.strip("%").lower() in _text(actual).lower() for each in criterion.values)
        return found is not operator.startswith("!")
    order = _compare(actual, criterion.operand)
    return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[operator]


def parse_order(raw: dict[str, Any], known: Callable[[str], str | None]) -> list[tuple[str, bool]]:
    """The fields to order by, each with whether it is descending.

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
    """Sort rows by several fields, in place, and return them."""
    for field, descending in reversed(order):
        rows.sort(key=lambda row, field=field: _sort_key(value(row, field)), reverse=descending)  # type: ignore[misc]
    return rows


def page(rows: Iterable[Any], start: int, size: int) -> list[Any]:
    """The rows of one page of an iterable, which is read no further."""
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
