"""What is wrong with a value that names no entity, and the error that names all such values of an argument. Pure.

Loaded only where something is wrong.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_bitrix24.client.entity_types import MAX_ID, OLD_INVOICE, SHORT_FORMS, TYPE_IDS
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import a_kind_of, is_missing, may_be_url, may_show_url, trimmed

SHOWN = 10
"""How many malformed values one message lists."""
_LONGEST = 60
"""Characters of a malformed value that a message shows."""
_NEAR = 0.7
"""How like a type's name a word must be to be taken for a typo of it: LEED and DEALS are, FOO is not."""
_NOTHING = ("NONE", "NULL", "NAN", "NAT", "<NA>", "UNDEFINED")
"""What templates, queries and data frames write where there is no value."""
_GAVE_NOTHING = "its template, or the task that it comes from, gave nothing."
_NO_ID = "its id is missing: the template, or the task that it comes from, gave nothing."
_NO_LIST = (
    "it is a list, a row or an object that a template turned into text; pass task.output, or set "
    "render_template_as_native_obj=True on the DAG."
)


class _Shown(reprlib.Repr):
    """A short form of a value in which whatever is cut shows that it was a URL: what is left may be its secret."""

    def repr_str(self, x: str, level: int) -> str:
        """Show a text, unless it may be part of a URL."""
        return "/" if may_be_url(x) else super().repr_str(x, level)

    def repr_instance(self, x: Any, level: int) -> str:
        """Show any other value, such as bytes."""
        shown = super().repr_instance(x, level)
        return "/" if "..." in shown and may_show_url(repr(x)) else shown


def malformed(bad: list[str], *, hint: str, what: str = "target") -> ConfigurationError:
    """The error that names malformed values.

    :param bad: of each, where it stands, the value and what is wrong with it.
    """
    more = f" (and {len(bad) - SHOWN:,} more)" if len(bad) > SHOWN else ""
    count = f"One {what} is" if len(bad) == 1 else f"{len(bad):,} {what}s are"
    return ConfigurationError(f"{count} malformed; nothing was sent. " + " ".join(bad[:SHOWN]) + more, hint=hint)


def shown_value(value: object) -> str:
    """A value as a message may show it: short, and nothing of what may be a URL, which may hold a secret."""
    if isinstance(value, str):
        return "a URL" if may_be_url(value) else _cut(value)
    try:
        shown = _Shown().repr(value)
    except ValueError:  # Python writes no number of thousands of digits
        return a_kind_of(value)
    says_nothing = "\n" in shown or (shown.startswith("<") and not is_missing(value))
    return a_kind_of(value) if says_nothing or may_show_url(shown) else shown


def _cut(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."


def problem_of(value: object) -> str:
    """What is wrong with a value that is not a target."""
    return problem_of_text(value) if isinstance(value, str) else _problem_of_object(value)


def problem_of_text(text: str, *, typed: bool = False) -> str:
    """What is wrong with a text that is not a target.

    :param typed: whether a bare id would be one, too.
    """
    written = trimmed(text)
    if problem := _problem_of_the_whole(written):
        return problem
    name, underscore, digits = written.rpartition("_")
    if not underscore:
        return _untyped(written) if typed else "there is no underscore between type and id."
    name = name.strip()
    return _problem_of_id(digits, f"{name}_") or _problem_of_type(name.upper() if name.isascii() else name, int(digits))


def _problem_of_the_whole(written: str) -> str | None:
    """What a text is that was never meant as one target."""
    if not written:
        return "it is empty."
    if "{{" in written or "{%" in written:
        return "the template was not rendered; fill in the entity's id."
    if may_be_url(written):
        return "pass only what follows target= in it."
    if written.upper() in _NOTHING:
        return _GAVE_NOTHING
    if re.match(r"[\[({<]|Lazy\w+\(", written):  # the last as Airflow 2.11 writes the output of a mapped task
        return _NO_LIST
    several = _first_of_several(written)
    return f"it names several entities; pass a list, such as {several}." if several else None


def _first_of_several(text: str) -> str | None:
    """The beginning of the list that a text should have been."""
    parts = re.split(r"[\s,;|]+", text[:200])[:2]
    for form in (r"\w+_[0-9]{1,19}", r"[0-9]{1,19}"):
        if len(parts) > 1 and all(re.fullmatch(form, part) for part in parts):
            return _cut(parts)
    return None


def _untyped(text: str) -> str:
    is_number = re.fullmatch(r"[-+0-9.]+", text)
    return (_problem_of_id(text, "") if is_number else None) or "it is neither an id nor a target."


def _problem_of_id(digits: str, before: str) -> str | None:
    """What is wrong with an id, ``None`` if nothing is.

    :param before: what stands before it, if it is shown with what to write instead.
    """
    if digits.upper() in ("", *_NOTHING):
        return _NO_ID
    if whole := re.fullmatch(r"([0-9]{1,19})\.0{1,9}", digits):
        return f"the id {_cut(digits)} is not a whole number; write {_cut(before + whole[1])[1:-1]}."
    if not re.fullmatch(r"0{0,99}[1-9][0-9]*", digits):
        return f"the id {_cut(digits)} is not a positive whole number."
    if len(digits.lstrip("0")) > len(str(MAX_ID)) or int(digits) > MAX_ID:
        return f"the id {_cut(digits)} is too large; the largest is {MAX_ID}."
    return None


def _problem_of_type(name: str, number: int) -> str:
    if name in SHORT_FORMS:
        return f"short forms are not accepted; write {SHORT_FORMS[name]}_{number}."
    if smart := re.fullmatch(r"T([0-9A-F]{1,8})", name):
        return f"short forms are not accepted; write DYNAMIC_{int(smart[1], 16)}_{number}."
    if name == "DYNAMIC":
        return "the type's number is missing; write DYNAMIC_TYPE_ID, such as DYNAMIC_177_5."
    if name in ("INVOICE", f"DYNAMIC_{OLD_INVOICE}"):
        return f"old invoices have no automation triggers; for the new ones write SMART_INVOICE_{number}."
    from difflib import get_close_matches

    near = get_close_matches(name, TYPE_IDS, n=1, cutoff=_NEAR) if len(name) < _LONGEST else []
    meant = f" Did you mean {near[0]}_{number}?" if near else ""
    return f"the type {_cut(name)} is not known.{meant}"


def _problem_of_object(value: object) -> str:
    if is_missing(value):
        return "a target is missing."
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return "a truth value is not a target."
    if isinstance(value, Mapping) and {"results", "portal"}.issubset(value):
        return "it is the report of a task; pass the targets that the task was given."
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray | memoryview):
        return "it is a row without a type."
    if hasattr(value, "__index__") or hasattr(value, "as_integer_ratio"):
        return "a target is missing." if _is_nan(value) else "it is an id without a type."
    return f"{a_kind_of(value)} is not a target."


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value  # noqa: PLR0124 - only NaN is not equal to itself
