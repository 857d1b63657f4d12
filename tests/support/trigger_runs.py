"""Runs Airflow triggers to the end of their loops, in virtual time, and catches what they fire and log."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
from contextlib import aclosing, contextmanager

from airflow_provider_bitrix24.triggers.stage import StageChangeEventTrigger, StageTrigger

CONNECTION = "AIRFLOW_CONN_BITRIX24_DEFAULT"
DOWN = ["error:500"] * 5
"""As often as one request is tried."""
WRONG = "wr0ngsecret12345"


def waits(**arguments):
    defaults = {"targets": ["DEAL_57", "DEAL_58"], "expected_stage": ["PREPARATION"], "deadline": 1600}
    return StageTrigger(**defaults | arguments)


def watches(**arguments):
    return StageChangeEventTrigger(**{"entity_type": "DEAL", "poll_interval": 60} | arguments)


async def events(trigger, count=1):
    """Run a trigger until it has fired so many events."""
    payloads = []
    async with aclosing(trigger.run()) as stream:
        async for event in stream:
            payloads.append(event.payload)
            if len(payloads) == count:
                break
    return payloads


class EnoughError(Exception):
    """Ends a loop that would go on for ever."""


def moves_at_sleeps(portal, time, *moves):
    """Make the moves of one list at each sleep; when none is left, end."""
    left = list(moves)

    def later(seconds):
        if seconds <= 30:  # a pause between two tries of one request
            return
        if not left:
            raise EnoughError
        for move in left.pop(0):
            portal.portal.move(*move)

    time.on_sleep = later


async def all_events(trigger):
    """Run a trigger until the test's moves are used up."""
    payloads = []
    with contextlib.suppress(EnoughError):
        async for event in trigger.run():
            payloads.append(event.payload)  # noqa: PERF401 - a comprehension would lose them at the end
    return payloads


def silent_while_time_flies(seconds):
    """Return how a server behaves that does not answer, and lets the event loop's time jump when a request has come."""
    loop = asyncio.get_running_loop()
    real, jumps = loop.time, []
    loop.time = lambda: real() + sum(jumps)

    def behave(server, connection):
        server.hear(connection)
        loop.call_soon_threadsafe(jumps.append, seconds)
        server.over.wait()

    return behave


class Store:
    """Airflow's asset state store, as far as a trigger uses it."""

    def __init__(self):
        self.kept = {}
        self.log = []

    async def aget(self, key, default=None):
        self.log.append(("get", key))
        return self.kept.get(key, default)

    async def aset(self, key, value):
        self.log.append(("set", value["history_id"]))
        self.kept[key] = json.loads(json.dumps(value))


class StoreOfSeveralAssets:
    async def aget(self, *_):
        raise ValueError("Task has 2 concrete inlets and outlets")

    aset = aget


@contextmanager
def everything_logged():
    """Catch all that is logged, at every level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
