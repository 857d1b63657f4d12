"""Turns what people pass into plain values: members of enumerations, numbers of NumPy, mappings. Pure and light.

A member of ``class Code(str, Enum)`` is a text, but formats as ``Code.EXEC``, which templates and f-strings would send.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import Enum
from math import isfinite
from typing import Any

from airflow_provider_bitrix24.client.errors import ConfigurationError

NO_TEMPLATE = "Pass task.output instead of a template, or set render_template_as_native_obj=True on the DAG."
"""What to do about a list or a dict that a template has turned into text."""
PLAIN_VALUES = "Pass texts, numbers, booleans, None, lists and dicts only."


def unwrapped(value: Any) -> Any:
    """The value with each member of an enumeration replaced by its value, also inside lists, tuples, sets and dicts.

    Everything else, such as a template or what Airflow fills in later, is returned as it is.

    >>> class Code(str, Enum):
    ...     EXEC = "exec"
    >>> unwrapped([Code.EXEC, "c5u4m"])
    ['exec', 'c5u4m']
    """
    if isinstance(value, Enum):
        return unwrapped(value.value)
    if type(value) in (list, tuple, set, frozenset):
        found = [unwrapped(each) for each in value]
        return value if all(map(operator.is_, found, value)) else type(value)(found)
    if type(value) is dict:
        return {unwrapped(key): unwrapped(each) for key, each in value.items()}
    return value


def several(values: str | Iterable[str]) -> list[str]:
    """The texts of an argument that may also be one text, which is an iterable of letters."""
    return [str(each) for each in unwrapped([values] if isinstance(values, str) else list(values))]


def plain_argument(value: Any) -> Any:
    """An argument without enumerations, and a ``timedelta`` as its seconds."""
    return in_seconds(unwrapped(value))


def in_seconds(value: Any) -> Any:
    """A ``timedelta`` as its seconds; everything else as it is."""
    return value.total_seconds() if isinstance(value, timedelta) else value


_LONGEST_QUOTED = 60
_BLANKS = (
    " \t\n\r\f\v\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
)
"""What is copied along from a page or a file, also what nobody sees, such as the mark at the beginning of a file."""


def trimmed(text: str) -> str:
    """A text without blanks around it, also those that nobody sees."""
    return text.strip(_BLANKS)


def a_kind_of(value: object) -> str:
    """A value by its type alone, such as ``an int``."""
    name = type(value).__name__
    if name == "bytes":
        return name
    return f"{'an' if name[0] in 'aeiouAEIO' else 'a'} {name}"


def is_missing(value: object) -> bool:
    """Whether it stands for no value, also in a data frame."""
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def scalar(value: Any) -> Any:
    """The value in an array without dimensions; everything else as it is."""
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


# A slash, what looks like one, and what forms, letters and programs make of one, also encoded several times.
_SLASH = r"(?i)[/\\\u2044\u2215\u2571\u29f8\uff0f\uff3c]|%(?:25)*(?:2f|5c)|=(?:2f|5c)|&#(?:0*47|0*92|x0*2f|x0*5c);"


def may_be_url(text: str) -> bool:
    """Whether a text may be a URL or a part of one, also encoded; a webhook's URL holds its secret."""
    return re.search(_SLASH, text) is not None  # not compiled at import, which every DAG file waits for


def may_show_url(shown: str) -> bool:
    """The same for what ``repr`` shows of a value, in which a backslash escapes a character."""
    return may_be_url(re.sub(r"\\(.)", lambda found: "/" if found[1] == "\\" else found[1], shown))


def quoted(value: object) -> str:
    """A wrong argument as a message may repeat it: cut, and without anything that may be a URL with a secret in it.

    >>> quoted("C5:WON"), quoted("https://example.bitrix24.com/rest/1/SECRET/")
    ("'C5:WON'", 'a URL')
    """
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, a list that holds itself many times
        shown = "/"
    if may_be_url(value) if isinstance(value, str) else may_show_url(shown):
        return "a URL" if isinstance(value, str) else a_kind_of(value)
    return shown if len(shown) <= _LONGEST_QUOTED else shown[: _LONGEST_QUOTED - 3] + "..."


_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


def parse_flag(name: str, value: object) -> bool:
    """Read a truth value that a template may have rendered: ``"False"`` as a text would count as true.

    :param name: of the argument, for the message.
    :raises ConfigurationError: it is neither a bool nor one of the texts true, false, 1, 0, yes, no and the empty one.
    """
    if isinstance(value, bool):
        return value
    read = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else None
    if read is None:
        raise ConfigurationError(f"{name} is {quoted(value)}.", hint="Use True or False; nothing was sent.")
    return read


def plain_params(params: Mapping[Any, Any]) -> dict[str, Any]:
    """Parameters of a REST method as the plain JSON that is sent, be it in a call or in a batch.

    :raises ConfigurationError: a value cannot be sent. The message says which, unless it may hold a secret.
    """
    try:
        return {_name(name): _plain(value) for name, value in params.items()}
    except RecursionError:
        raise ConfigurationError("A parameter that contains itself cannot be sent.", hint=PLAIN_VALUES) from None


def _plain(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ConfigurationError(f"The number {float(value)} cannot be sent.", hint=PLAIN_VALUES)
        return float(value)
    if isinstance(value, Mapping):
        return {_name(name): _plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_plain(each) for each in value]
    return _integer(value)


def _integer(value: Any) -> int:
    try:
        return int(operator.index(value))  # NumPy's integers, too
    except TypeError:
        raise _refused(value) from None


def _name(name: Any) -> str:
    name = unwrapped(name)
    if isinstance(name, str):
        return str.__str__(name)
    if isinstance(name, bool) or not isinstance(name, int):
        raise ConfigurationError(
            f"A parameter whose name is of type {type(name).__name__} cannot be sent.", hint="Names are texts."
        )
    return str(int(name))


def _refused(value: Any) -> ConfigurationError:
    return ConfigurationError(f"A parameter of type {type(value).__name__} cannot be sent.", hint=PLAIN_VALUES)
