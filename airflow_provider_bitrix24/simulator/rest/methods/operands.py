"""What a filter compares a field with, converted to the field's type as the portal's database does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.portal.field_types import NUMBERS, Field
from airflow_provider_bitrix24.simulator.portal.field_values import day

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal


@dataclass(frozen=True, slots=True)
class Operand:
    """One value or several."""

    first: Any
    values: frozenset[str]
    """All values as texts."""

    def meets(self, operator: str, actual: Any) -> bool:
        """Whether a field's value stands to the operand as the operator says."""
        negative, positive = operator.startswith("!"), operator.removeprefix("!")
        if isinstance(actual, list):
            found = any(self._meets(positive, each) for each in actual) if actual else self._meets(positive, None)
        else:
            found = self._meets(positive, actual)
        return found is not negative

    def _meets(self, operator: str, actual: Any) -> bool:
        if operator in ("", "=", "@"):
            return text_of(actual) in self.values
        if "%" in operator:
            text = text_of(actual)
            anchored = "=" in operator
            return any(_like(each if anchored else f"%{each}%").fullmatch(text) is not None for each in self.values)
        if actual is None:
            return False
        order = _compare(actual, self.first)
        return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[operator]


def operand_for(portal: Portal, field: Field | None, value: Any) -> Operand:
    """The operand that the portal makes of a value for a field.

    :param field: ``None`` for a user field, whose values are compared as they are.
    """
    converted = [_converted(portal, field, each) for each in php.array_values(value)]
    return Operand(converted[0] if converted else None, frozenset(text_of(each) for each in converted))


def _converted(portal: Portal, field: Field | None, value: Any) -> Any:
    if field is None or value is None or value == "":
        return value
    if field.type in NUMBERS:
        return php.to_int(value)
    if field.type == "double":
        return float(value) if php.is_numeric(value) else 0.0
    if field.type == "boolean":
        return {"1": "Y", "true": "Y", "0": "N", "false": "N"}.get(_flag_text(value), value)
    try:
        if field.type == "date":
            return day(portal, php.to_str(value))
        if field.type == "datetime":
            return portal.clock.iso(portal.clock.parse(php.to_str(value)))
    except (ValueError, OverflowError):
        return value
    return value


def _flag_text(value: Any) -> str:
    return "0" if value is False else php.to_str(value)


def text_of(value: Any) -> str:
    """A value as the database compares it; no value is the empty text."""
    return value if isinstance(value, str) else php.to_str(value)


@lru_cache(maxsize=256)
def _like(pattern: str) -> re.Pattern[str]:
    """SQL's LIKE, which ignores case: ``%`` stands for any text, ``_`` for any character.

    Each part is matched once, where it first fits (as in :func:`fnmatch.translate`), so that no pattern is slow.
    """
    first, *others = ("".join("." if each == "_" else re.escape(each) for each in part) for part in pattern.split("%"))
    middle = "".join(f"(?>.*?{part})" for part in others[:-1] if part)
    last = f".*{others[-1]}" if others else ""
    return re.compile(first + middle + last, re.IGNORECASE | re.DOTALL)


def _compare(left: Any, right: Any) -> int:
    if php.is_numeric(left) and php.is_numeric(right):
        a, b = float(left), float(right)
        return (a > b) - (a < b)
    x, y = text_of(left), text_of(right)
    return (x > y) - (x < y)
