"""Takes the frames out of an exception where their variables may hold a secret. Pure.

Tracebacks with local variables, which error trackers collect, would show the URL of a request or tokens.
"""

from __future__ import annotations

import traceback
from typing import TypeVar

from airflow_provider_bitrix24.client.errors import Bitrix24Error

E = TypeVar("E", bound=BaseException)


def without_frames(error: E) -> E:
    """Forget the frames of an exception and of those before it.

    A note keeps the places, without variables: otherwise nobody could find the cause of somebody else's error. Signals
    and time-outs may interrupt a request anywhere, so their places say nothing.
    """
    if isinstance(error, Exception) and not isinstance(error, Bitrix24Error) and error.__traceback__ is not None:
        error.add_note("".join(("Raised at:\n", *traceback.format_tb(error.__traceback__))))
    each: BaseException | None = error
    seen: set[int] = set()
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        each.with_traceback(None)
        each = each.__cause__ or each.__context__
    return error
