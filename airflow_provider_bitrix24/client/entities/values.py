"""Values as queries give them, turned into what a portal takes: dates, decimals, the numbers of numpy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any

_DIGITS = 400
"""How many zeros are written in place of an exponent; a number of floating point has fewer."""


class NotWritableError(Exception):
    """A value that no field of a portal can hold; its text says why."""


def writable(value: Any) -> Any:
    """A value as plain JSON. Dates become texts in ISO 8601, decimals texts, sets and tuples lists.

    :raises NotWritableError: it cannot be sent, or is a missing number such as NaN.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return writable(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Mapping):
        return {str(name): writable(each) for name, each in value.items()}
    if hasattr(value, "isoformat"):
        return _date(value)
    return _number(value) if isinstance(value, int | float | Decimal) else _other(value)


def _date(value: Any) -> str:
    if value != value:  # noqa: PLR0124 - pandas.NaT, like NaN, is not equal to itself
        raise NotWritableError("a date is missing (NaT)")
    return str(value.isoformat())


def _number(value: float | Decimal) -> int | float | str:
    if isinstance(value, int):
        return int(value)
    if (isinstance(value, Decimal) and value.is_nan()) or not isfinite(value):
        raise NotWritableError(f"{value} is not a number")
    return _decimal(value) if isinstance(value, Decimal) else float(value)


def _decimal(value: Decimal) -> str:
    """A decimal as people write it: a sum of money that arithmetic has left as 1.2E+3 is 1200."""
    exponent = value.as_tuple().exponent
    return format(value, "f") if isinstance(exponent, int) and abs(exponent) <= _DIGITS else str(value)


def _other(value: Any) -> Any:
    if type(value).__name__ == "NAType":
        raise NotWritableError("a value is missing (NA)")
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return writable(_plain(value))
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray | memoryview):
        return [writable(each) for each in value]
    raise NotWritableError(f"{type(value).__name__} cannot be sent")


def _plain(value: Any) -> Any:
    """A value of numpy as one of Python."""
    plain = value.item()
    if getattr(getattr(value, "dtype", None), "kind", "") not in ("M", "m"):
        return plain
    if plain is None:
        raise NotWritableError("a date is missing (NaT)")
    if isinstance(plain, int):  # of nanoseconds, as columns of pandas hold, which Python's dates do not know
        plain = value.astype(f"{type(value).__name__}[us]").item()
    if isinstance(plain, int):
        raise NotWritableError("a date is out of range")
    return plain
