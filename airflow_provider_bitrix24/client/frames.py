"""Takes the frames out of an exception where their variables may hold a secret. Pure.

Tracebacks with local variables, which error trackers collect, would show the URL of a request or tokens.
"""

from __future__ import annotations

import traceback
from typing import TypeVar

from airflow_provider_bitrix24.client.errors import Bitrix24Error

E = TypeVar("E", bound=BaseException)


def without_frames(error: E) -> E:
    """Forget the frames of an exception, of those before it, and of those that it groups.

    A note keeps the places, without variables: otherwise nobody could find the cause of somebody else's error. Signals
    and time-outs may interrupt a request anywhere, so their places say nothing.
    """
    if isinstance(error, Exception) and not isinstance(error, Bitrix24Error) and error.__traceback__ is not None:
        error.add_note("".join(("Raised at:\n", *traceback.format_tb(error.__traceback__))))
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.with_traceback(None)
        left += (each.__cause__, each.__context__)
        if isinstance(each, BaseExceptionGroup):
            left += each.exceptions
    return error
