"""Turns the shared state of a credential's working time into a JSON value and back. Pure.

What is read may have been written by anybody, so nothing in it can make a process wait for longer than the window.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.operating import Figure, Knowledge
from airflow_provider_bitrix24.client.limits.working_time import HOLDS, MAX_HOLDERS, Hold, WorkingTimeState
from airflow_provider_bitrix24.client.stores.record import MAX_SIZE
from airflow_provider_bitrix24.client.stores.state import dump_state, finite, load_state
from airflow_provider_bitrix24.client.values import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

MAX_ACCOUNTS = 50
_MOST_WORK = 1e5
"""Seconds of work; a portal cannot report more."""
_LONGEST_NAME = 300
"""Characters; the name of a method has 255 at most."""
_ROOM = MAX_SIZE - 300
"""Characters of JSON for accounts, which take half of it at most, and for what is held."""


def dump_working_time(state: WorkingTimeState, now: float) -> JsonValue:
    """Return the state as a JSON value that a store can keep: without what is over, and what is latest first."""
    known = state.known
    figures = sorted(known.figures.items(), key=lambda each: each[1].at, reverse=True)[:MAX_ACCOUNTS]
    held = sorted(state.held.items(), key=lambda each: each[1].until, reverse=True)
    accounts = _fitting(((name, dump_state(each)) for name, each in figures if not _is_over(each, now)), _ROOM // 2)
    left = _ROOM - len(json.dumps(accounts))
    return {
        "bills_batches": known.bills_batches,
        "limit": known.limit,
        "figures": accounts,
        "held": _fitting(((name, _dump_hold(each)) for name, each in held), left),
    }


def _fitting(items: Iterable[tuple[str, JsonValue]], room: int) -> dict[str, JsonValue]:
    """The items for which there is room."""
    kept: dict[str, JsonValue] = {}
    for name, each in items:
        size = len(json.dumps({name: each}))
        if size <= room:
            kept[name] = each
            room -= size
    return kept


def load_working_time(value: JsonValue, now: float) -> WorkingTimeState:
    """Read a state; what cannot be read is left out."""
    if not isinstance(value, dict):
        return WorkingTimeState()
    figures: dict[str, Figure] = {}
    for name, each in _items(value.get("figures"), MAX_ACCOUNTS):
        figure = load_state(each, Figure)
        if figure is not None and 0 <= figure.used <= _MOST_WORK and figure.at <= now and not _is_over(figure, now):
            reset_at, banned_until = min(figure.reset_at, now + WINDOW), min(figure.banned_until, now + WINDOW)
            figures[name] = Figure(figure.used, figure.at, reset_at, banned_until)
    held = {name: hold for name, each in _items(value.get("held"), MAX_HOLDERS) if (hold := _hold(each, now))}
    bills_batches, limit = value.get("bills_batches"), finite(value.get("limit"))
    return WorkingTimeState(
        Knowledge(
            figures,
            bills_batches if isinstance(bills_batches, bool) else None,
            limit if limit is not None and limit > 0 and figures else None,
        ),
        held,
    )


def _dump_hold(hold: Hold) -> JsonValue:
    return [hold.until, dict(hold.seconds), *([] if hold.ended_at is None else [hold.ended_at])]


def _hold(value: JsonValue, now: float) -> Hold | None:
    if not isinstance(value, list) or len(value) not in (2, 3):
        return None
    end, accounts, *ended = value
    until, ended_at = finite(end), finite(ended[0]) if ended else None
    seconds = {name: finite(each) for name, each in _items(accounts, MAX_ACCOUNTS)}
    if until is None or not now < until <= now + HOLDS:
        return None
    return Hold(
        until, {name: each for name, each in seconds.items() if each is not None and 0 < each <= WINDOW}, ended_at
    )


def _items(value: JsonValue, most: int) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, dict):
        yield from [item for item in value.items() if len(item[0]) <= _LONGEST_NAME][:most]


def _is_over(figure: Figure, now: float) -> bool:
    return figure.at + WINDOW <= now and figure.banned_until <= now
