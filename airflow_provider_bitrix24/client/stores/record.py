"""How a value is kept as text, beside the time of its last change. Pure.

Every store keeps its values in this form. What it reads may have been written by anybody: another version of this
package, or a person.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.stores.state import finite

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

T = TypeVar("T")
MAX_SIZE = 32_768
"""Bytes that a value's text has at most."""
MOST_ENTRIES = 1000
"""Values that a store shows at most."""
STEP_BACK = 2.0
"""Seconds by which a store's clock may go back while its time only stands still."""
_FORM = 1
_LONGEST_AHEAD = 10 * 365 * 86400.0
_SEPARATORS = (",", ":")


@dataclass(frozen=True, slots=True)
class Record:
    """A value, and when it was changed."""

    value: JsonValue = None
    at: float = 0.0
    """The store's time of the last change, in seconds."""
    ahead: float = 0.0
    """Seconds that the store's time is ahead of its clock, which has been set back."""

    def time(self, clock: float) -> tuple[float, float]:
        """Return the store's time and how far it is ahead of the clock. Neither stops nor goes back for long."""
        now = clock + self.ahead
        if now >= self.at:
            return now, self.ahead
        if now >= self.at - STEP_BACK:
            return self.at, self.ahead
        return self.at, self.at - clock


def apply(
    kept: str | bytes | None, clock: float, change: Callable[[JsonValue, float], tuple[JsonValue, T]]
) -> tuple[str, T]:
    """Change a value that is kept as text.

    :param kept: the text; ``None`` where nothing is kept.
    :param clock: seconds of the store's clock.
    :returns: the text to keep, and the answer of ``change``.
    :raises SharedStoreError: a newer version of this package has written the text.
    :raises ValueError: the new value is not JSON, or too long.
    """
    record = decode(kept, clock)
    now, ahead = record.time(clock)
    value, answer = change(record.value, now)
    text = _written({"form": _FORM, "at": now, "ahead": ahead, "value": value})
    if len(text) > MAX_SIZE:
        raise ValueError(f"A shared value has {len(text)} bytes as JSON; at most {MAX_SIZE} are kept.")
    return text, answer


def decode(kept: str | bytes | None, clock: float) -> Record:
    """Read a record. What cannot be read counts as empty.

    :raises SharedStoreError: a newer version of this package has written the text.
    """
    fields = _parse(kept)
    if not isinstance(fields, dict):
        return Record()
    form, at, ahead = fields.get("form"), finite(fields.get("at")), finite(fields.get("ahead"))
    if isinstance(form, int) and form > _FORM:
        raise SharedStoreError(
            "A newer version of airflow-provider-bitrix24 uses the same store and keeps its values in another form.",
            hint="Install the same version on every host.",
        )
    if form != _FORM or at is None or ahead is None:
        return Record()
    if not (0 <= ahead <= _LONGEST_AHEAD and at - clock <= _LONGEST_AHEAD):
        return Record()
    return Record(fields.get("value"), at, ahead)


def peek(kept: str | bytes | None) -> JsonValue:
    """Read a value alone, for people; ``None`` where there is none or it cannot be read."""
    fields = _parse(kept)
    return fields.get("value") if isinstance(fields, dict) else None


def _parse(kept: str | bytes | None) -> JsonValue:
    if kept is None or len(kept) > MAX_SIZE:
        return None
    try:
        parsed: JsonValue = json.loads(kept, parse_constant=_refuse)
        # A value that could not be written back, such as one with 1e999, was not written by this package.
        writable = len(_written(parsed)) <= MAX_SIZE
    except (ValueError, RecursionError):
        return None
    return parsed if writable else None


def _written(value: JsonValue) -> str:
    return json.dumps(value, separators=_SEPARATORS, allow_nan=False)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
