"""Reads what a portal sends, whatever it sends: a value that cannot be read is ``None``, never an exception. Pure.

A portal's own code, a partner's application or a proxy can put anything into an answer, and it arrives after the
trigger was fired: one odd value must not cost the report of all the others.
"""

from __future__ import annotations

import re
import reprlib
from datetime import datetime
from math import isfinite
from typing import Final

WINDOW: Final = 600.0
"""Seconds over which a portal adds up a method's working time: no wait that it can ask for is longer."""
_LARGEST: Final = 2**63 - 1
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_LONGEST_NUMBER: Final = 40
_LONGEST_TEXT: Final = 255
_LONGEST_SHOWN: Final = 1000
_LONGEST_MESSAGE: Final = 4000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII)


def whole(value: object) -> int | None:
    """A whole number of 64 bits, also as a text: older portals send numbers so."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def number(value: object) -> float | None:
    """A finite number, also as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if isfinite(read) else None


def text(value: object) -> str | None:
    """A text that can be an id, a name or a date: printable, not empty, and not longer than a field of a portal."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = value if whole(value) is None else str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_TEXT:
        return None
    return value if value.isprintable() else None


def absent(value: object) -> bool:
    """Whether a value is missing, as PHP writes it."""
    return value is None or value == ""


def moment(value: object) -> datetime | None:
    """A date, with or without a time, in ISO 8601."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    import pendulum  # who fires without looking does without it

    try:
        read = pendulum.parse(value)
        if not isinstance(read, pendulum.DateTime):
            return None
        read.utcoffset()  # raises for one of a day or more, which pendulum takes
    except (ValueError, OverflowError):
        return None
    return read


def epoch_seconds(value: object) -> float | None:
    """Seconds since the epoch of a date with a time and an offset from UTC; without an offset nobody knows them."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        read = datetime.fromisoformat(value)
        return None if read.tzinfo is None else read.timestamp()
    except (ValueError, OverflowError):
        return None


class _Short(reprlib.Repr):
    """A short form of a value, however deep it is, whose texts are whole or cut between words."""

    def repr_str(self, x: str, level: int) -> str:  # noqa: ARG002 - of the base
        """Show a text. In the base's form of it, a part of a secret would be left that is not recognized as one."""
        return repr(x if len(x) <= _LONGEST_TEXT else f"{x[:_LONGEST_TEXT].rpartition(' ')[0]} ...".lstrip())


def shown(value: object) -> str:
    """A value as a message may show it: what cannot be printed is replaced, and what is long is cut between words."""
    if absent(value):
        return ""
    full = value if isinstance(value, str) else _Short().repr(value)
    printable = "".join(each if each.isprintable() else " " for each in full[:_LONGEST_SHOWN]).strip()
    if len(full) <= _LONGEST_SHOWN:
        return printable
    # Not within a word: half of a secret is not recognized as one.
    return f"{printable.rpartition(' ')[0]} ...".lstrip()


def message(kept: str) -> str:
    """A message of this package that was stored, as it may be shown although anybody may have changed it."""
    return kept if kept.isprintable() and len(kept) <= _LONGEST_MESSAGE else shown(kept)
