"""Asks a store of tokens, and asks again where it cannot be used for a moment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.flows.effects import Consult, Sleep

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.client.flows.effects import Flow

T = TypeVar("T")
TRIES = 11
"""With pauses of 0.5, 1, 1.5 ... seconds, half a minute: a store may be busy while many processes start at once."""
_STEP = 0.5


def consult(function: Callable[[], T], clock: Clock) -> Flow[T]:
    """Call a function of a store, several times where it fails for a moment.

    :raises Exception: what the store has raised the last time.
    """
    attempt = 1
    while True:
        outcome: T | Exception = yield Consult(partial(_attempt, function))
        if not isinstance(outcome, Exception):
            return outcome
        if attempt == TRIES or (isinstance(outcome, Bitrix24Error) and outcome.permanent):
            raise outcome
        yield Sleep(clock.jitter(_STEP * attempt), "token")
        attempt += 1


def _attempt(function: Callable[[], T]) -> T | Exception:
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - a store may be anybody's; what it raises is raised in the end
        return error
