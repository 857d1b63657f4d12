"""Checks of values from JSON against type hints."""

from __future__ import annotations

import sys
from reprlib import Repr
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SHORT: Final = Repr()
"""Repeats a wrong value in few words, however large it is."""
_SHORT.maxstring = _SHORT.maxother = 200


def check(data: Any, hints: Mapping[str, Any]) -> None:
    """Make sure that `data` is an object, that its names are known and that its values fit their hints.

    :raises ValueError: names the first mistake and what is expected.
    """
    if not isinstance(data, dict):
        raise ValueError(f"an object with {', '.join(hints)} is needed, not {_shown(data)}")  # noqa: TRY004 - the mistake is in JSON, not in a program
    for name, value in data.items():
        if name not in hints:
            raise ValueError(f"unknown key {name!r}; there are {', '.join(hints)}")
        if not _fits(value, hints[name]):
            raise ValueError(f"{name!r} cannot be {_shown(value)}; it is {_described(hints[name])}")


def assign(target: object, data: Any, hints: Mapping[str, Any]) -> None:
    """Set attributes of `target`: all of them, or none when one does not fit.

    :raises ValueError: see :func:`check`.
    """
    check(data, hints)
    for name, value in data.items():
        setattr(target, name, value)


def check_header(name: str, value: str) -> None:
    """Make sure that a text can be sent in a header.

    :raises ValueError: it holds a control character or half a character.
    """
    if not value.isprintable():
        raise ValueError(f"{name!r} cannot be {_shown(value)}; no header can hold it")


def number(data: Mapping[str, Any], name: str, default: float | None = None) -> float:
    """The finite number `name` in `data`.

    :raises ValueError: when it is missing and has no `default`, or is not a number.
    """
    value = data.get(name, default)
    if value is None:
        raise ValueError(f"{name!r} is missing")
    if not _fits(value, float):
        raise ValueError(f"{name!r} cannot be {_shown(value)}; it is {_described(float)}")
    return float(value)


def _shown(value: Any) -> str:
    return _SHORT.repr(value)


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if isinstance(hint, UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    kind: type = get_origin(hint) or hint
    return isinstance(value, kind) and all(_fits(each, _hint_inside(hint)) for each in _inside(value))


def _inside(value: Any) -> Iterable[Any]:
    """The entries of a list, the values of an object."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _hint_inside(hint: Any) -> Any:
    """What the entries of a list must be, or the values of an object."""
    return next(reversed(get_args(hint)), Any)


def _described(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(each) for each in get_args(hint))
    if isinstance(hint, UnionType):
        return " or ".join(_described(each) for each in get_args(hint))
    if (inside := _hint_inside(hint)) is not Any:
        whole, entry = ("an object", "value") if get_origin(hint) is dict else ("a list", "entry")
        return f"{whole} whose every {entry} is {_described(inside)}"
    names: dict[Any, str] = {
        float: "a number from 0 on",
        int: "a whole number from 0 on",
        bool: "true or false",
        str: "a text",
        dict: "an object",
        list: "a list",
        type(None): "null",
    }
    return names.get(get_origin(hint) or hint, str(hint))
