"""PHP, the portal's language: its casts, truthiness, arrays and bracket parameters.

No maintained Python library follows PHP's rules for query strings exactly (dots and spaces in names, ``a[``,
``a[][b]``, 1,000 variables), hence this module. Nothing in it is specific to Bitrix24.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

INT_MAX: Final = 9_223_372_036_854_775_807
MAX_INPUT_VARS: Final = 1000
MAX_NESTING: Final = 64
_SHORT: Final = 18
"""Numbers of up to this many digits always fit a PHP integer."""
_LONGEST: Final = 1000
"""Python refuses to read whole numbers of thousands of digits."""
_EXPONENT_FROM: Final = 1e15
"""PHP writes floats from here on with an exponent; Python's spelling stands in for that."""

_NUMBER = re.compile(r"[ \t\n\r\v\f]*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)", re.ASCII)
_NAME_BREAKERS = str.maketrans(" .", "__")
_NAME_BREAKERS_OPEN = str.maketrans(" .[", "___")


def to_int(value: Any) -> int:
    """What PHP's ``(int)`` makes of `value`.

    >>> [to_int(v) for v in ("57", " 57abc", "57.9", "1e3", "abc", "-5", None, True)]
    [57, 57, 57, 1000, 0, -5, 0, 1]
    """
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return int(value) if abs(value) < INT_MAX else 0
    if isinstance(value, str):
        return _string_to_int(value)
    return 1 if isinstance(value, (dict, list)) and value else 0


def _string_to_int(text: str) -> int:
    """The number that a text begins with, clamped to the range of PHP's integers."""
    match = _NUMBER.match(text)
    if match is None:
        return 0
    number = match[1]
    is_whole = len(number) <= _LONGEST and not any(mark in number for mark in ".eE")
    value = int(number) if is_whole else float(number)
    if value >= INT_MAX:
        return INT_MAX
    return int(value) if value > -INT_MAX - 1 else -INT_MAX - 1


def to_str(value: Any) -> str:
    """What PHP's ``(string)`` makes of `value`; an array becomes the word ``Array``."""
    if isinstance(value, str):
        return value
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXPONENT_FROM else repr(value)
    return str(value) if isinstance(value, int) else "Array"


def truthy(value: Any) -> bool:
    """Whether `value` is true in PHP: anything but ``""``, ``"0"``, ``0``, null and an empty array."""
    return value != "0" and bool(value)


def is_numeric(value: Any) -> bool:
    """The result of PHP's ``is_numeric``."""
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float)):
        return True
    if not isinstance(value, str):
        return False
    match = _NUMBER.match(value)
    return match is not None and not value[match.end() :].strip(" \t\n\r\v\f")


def array_items(value: Any) -> Iterable[tuple[str, Any]]:
    """The keys and values of a PHP array, which JSON and forms can send as a list or as a map."""
    if isinstance(value, dict):
        return [(str(key), each) for key, each in value.items()]
    if isinstance(value, list):
        return [(str(index), each) for index, each in enumerate(value)]
    return []


def array_values(value: Any) -> list[Any]:
    """The values of a PHP array; for anything else a list of just that value."""
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else [value]


def encode_array(entries: Mapping[str, Any]) -> list[Any] | dict[str, Any]:
    """What PHP's JSON makes of an array: a list when its keys are exactly 0..n-1, else a map.

    >>> encode_array({}), encode_array({"0": "x"}), encode_array({"1": "x"}), encode_array({"a": "x"})
    ([], ['x'], {'1': 'x'}, {'a': 'x'})
    """
    for index, key in enumerate(entries):
        if key != str(index):
            return dict(entries)
    return list(entries.values())


def urldecode(text: str) -> str:
    """Decode one name or value: ``+`` and ``%20`` are spaces; bytes that are not UTF-8 are replaced."""
    if "+" in text:
        text = text.replace("+", " ")
    return unquote_to_bytes(text).decode("utf-8", "replace") if "%" in text else text


def parse_query(text: str) -> dict[str, Any]:
    """The variables that PHP's ``parse_str`` finds in a query string; nested arrays as dicts.

    >>> parse_query("fields[TITLE]=a+b&id[]=1&id[]=2&a.b=3")
    {'fields': {'TITLE': 'a b'}, 'id': {'0': '1', '1': '2'}, 'a_b': '3'}
    """
    result: dict[str, Any] = {}
    if not text:
        return result
    variables = _Variables(result)
    for number, part in enumerate(text.split("&")):
        if number >= MAX_INPUT_VARS:
            break
        name, _, value = part.partition("=")
        if name:
            variables.set(urldecode(name), urldecode(value))
    return result


def register_variables(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The nested variables of (name, value) pairs that are already decoded, such as multipart fields."""
    result: dict[str, Any] = {}
    variables = _Variables(result)
    for name, value in pairs:
        variables.set(name, value)
    return result


class _Variables:
    """One request's variables, registered in nested arrays as PHP does."""

    __slots__ = ("_next_index", "_root")

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._next_index: dict[int, int] = {}

    def set(self, name: str, value: Any) -> None:
        """Register `value` under `name`, whose brackets open arrays."""
        if "[" not in name:
            if " " in name or "." in name or "\0" in name:
                name = name.split("\0", 1)[0].lstrip(" ").translate(_NAME_BREAKERS)
            if name:
                self._root[name] = value
            return
        name = name.split("\0", 1)[0].lstrip(" ")
        bracket = name.find("[")
        if bracket < 0:
            self.set(name, value)
        elif bracket > 0:
            self._set_nested(name, bracket, value)

    def _set_nested(self, name: str, bracket: int, value: Any) -> None:
        target, index = self._root, name[:bracket].translate(_NAME_BREAKERS)
        for depth in range(MAX_NESTING + 1):
            start = bracket + 1
            inner = start + 1 if name[start : start + 1].isspace() else start
            if name[inner : inner + 1] == "]":
                end, key = inner, ""
            else:
                end = name.find("]", inner)
                if end < 0:  # not an index: the rest belongs to the name
                    index = index + name[bracket:].translate(_NAME_BREAKERS_OPEN)
                    break
                key = name[start:end]
            if depth == MAX_NESTING:
                return
            target = self._open(target, index)
            index = key
            bracket = end + 1
            if name[bracket : bracket + 1] != "[":
                break
        target[self._key(target, index)] = value

    def _open(self, target: dict[str, Any], index: str) -> dict[str, Any]:
        key = self._key(target, index)
        existing = target.get(key)
        if isinstance(existing, dict):
            return existing
        opened: dict[str, Any] = {}
        target[key] = opened
        return opened

    def _key(self, target: dict[str, Any], index: str) -> str:
        """The key for `index`; an empty one takes the next free number, as ``a[]`` does."""
        upcoming = self._next_index.get(id(target), 0)
        if index == "" and target is not self._root:
            self._next_index[id(target)] = upcoming + 1
            return str(upcoming)
        if index.isdigit() and index.isascii() and len(index) <= _SHORT and str(int(index)) == index:
            self._next_index[id(target)] = max(upcoming, int(index) + 1)
        return index
