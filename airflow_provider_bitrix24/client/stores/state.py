"""Turns a state, a dataclass of numbers, into a JSON value and back. Pure."""

from __future__ import annotations

from dataclasses import asdict, fields
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

S = TypeVar("S")


def dump_state(state: Any) -> dict[str, JsonValue]:
    """Return the fields of a dataclass by name."""
    return asdict(state)


def load_state(value: JsonValue, kind: type[S]) -> S | None:
    """Read a dataclass whose fields are all ``float``; ``None`` where there is none or it cannot be read.

    Another version of this package may know more fields, which are ignored, or fewer, which keep their defaults.
    """
    if not isinstance(value, dict):
        return None
    known = {field.name: finite(value[field.name]) for field in fields(cast("Any", kind)) if field.name in value}
    return kind(**known) if known and None not in known.values() else None


def finite(value: object) -> float | None:
    """Read a number. JSON can hold some that no ``float`` can."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None
