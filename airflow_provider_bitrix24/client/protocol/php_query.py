"""Parameters in the notation of a batch's commands: a query string that PHP reads back. Pure.

PHP's notation is poorer than JSON: it has no ``None``, no empty list, no names that hold brackets, and at most 1,000
values. What it cannot write must not be sent in a batch, where it would silently mean something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import PLAIN_VALUES, plain_params

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MAX_VALUES: Final = 1000
"""PHP's ``max_input_vars``: it drops what follows."""
_MAX_DEPTH: Final = 60
"""PHP drops arrays nested deeper than 64."""
_EMPTY_IS_ABSENT: Final = ("filter", "order")
"""Parameters of lists that mean nothing when they are empty."""
_EXACT_FLOAT: Final = 1e15
"""Below, PHP writes a whole float like an integer."""


class NotWritableError(ConfigurationError):
    """PHP's notation cannot carry a value; the call can be sent by itself.

    :param what: names the value without showing it.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"A batch cannot carry {what}.", hint="Send this call by itself.")


def php_query(params: Mapping[str, Any]) -> str:
    """Parameters as a query string that PHP reads back unchanged.

    Lists and maps become brackets (``filter[@id][0]=57``), booleans 1 and 0. A parameter that is ``None`` is left out:
    for PHP an absent parameter is null. So is an empty ``filter`` or ``order``, but not ``select``.

    :raises NotWritableError: PHP would read something else.
    :raises ConfigurationError: a value cannot be sent at all.

    >>> php_query({"filter": {">id": 5}, "select": ["id"]})
    'filter%5B%3Eid%5D=5&select%5B0%5D=id'
    """
    plain = plain_params(params)
    pairs: list[str] = []
    try:
        for name, value in plain.items():
            if value is None or (value in ([], {}) and name.lower() in _EMPTY_IS_ABSENT):
                continue
            if not _is_top_level_name(name):
                raise NotWritableError("the name of a parameter")
            _flatten(quote_plus(name), value, pairs, depth=0)
    except UnicodeEncodeError as error:
        reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(f"The parameters cannot be sent in a batch ({reason}).", hint=PLAIN_VALUES) from None
    if len(pairs) > _MAX_VALUES:
        raise NotWritableError(f"more than {_MAX_VALUES:,} values")
    return "&".join(pairs)


def _flatten(name: str, value: Any, pairs: list[str], *, depth: int) -> None:
    if not isinstance(value, dict | list):
        pairs.append(f"{name}={_scalar(value)}")
        return
    if not value:
        raise NotWritableError("an empty list or dict")
    if depth == _MAX_DEPTH:
        raise NotWritableError("deeply nested lists or dicts")
    for key, inner in _entries(value):
        _flatten(f"{name}%5B{key}%5D", inner, pairs, depth=depth + 1)


def _entries(value: dict[str, Any] | list[Any]) -> Iterable[tuple[str, Any]]:
    if isinstance(value, list):
        return ((str(index), each) for index, each in enumerate(value))
    if not all(map(_is_nested_name, value)):
        raise NotWritableError("a name inside a dict")
    return ((quote_plus(key), each) for key, each in value.items())


def _scalar(value: Any) -> str:
    if value is None:
        raise NotWritableError("None inside a list or dict")
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT_FLOAT:
        return str(int(value))
    return quote_plus(str(value))


def _is_top_level_name(name: str) -> bool:
    """Whether PHP keeps the name: it turns blanks and dots into underscores, and brackets open arrays."""
    return bool(name) and not any(mark in name for mark in " .[\0")


def _is_nested_name(name: str) -> bool:
    return bool(name) and not name[0].isspace() and "]" not in name and "\0" not in name
