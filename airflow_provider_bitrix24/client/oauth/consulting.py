"""Asks a store of tokens, and asks again where it cannot be used for a moment.

The frames of a store hold tokens, so they are taken out of what it raises: tracebacks with local variables, which error
trackers collect, would show them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.flows.effects import Consult, Sleep
from airflow_provider_bitrix24.client.frames import without_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.client.flows.effects import Flow
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.pair import Pair

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


def mask(application: ApplicationPortal, pair: Pair) -> Flow[None]:
    """Hand the tokens of a pair to whatever keeps them out of logs."""
    outcome: Exception | None = yield Consult(partial(_attempt, partial(_mask, application, pair)))
    if outcome is not None:
        raise outcome


def _mask(application: ApplicationPortal, pair: Pair) -> None:
    application.mask((pair.access_token, pair.refresh_token))


def _attempt(function: Callable[[], T]) -> T | Exception:
    try:
        return function()
    except Exception as error:  # noqa: BLE001 - a store may be anybody's; what it raises is raised in the end
        return without_frames(error)
    except BaseException as interruption:  # noqa: BLE001 - raised again
        raise without_frames(interruption) from None
