"""The stream of moves."""

from __future__ import annotations

import json
import socket

import pytest


class Stream:
    """A reader of server-sent events."""

    def __init__(self, s1):
        self.socket = socket.create_connection(("127.0.0.1", s1.server.port), timeout=10)
        self.socket.sendall(b"GET /_simulator/events HTTP/1.1\r\nHost: x\r\n\r\n")
        self.file = self.socket.makefile("rb")
        while self.file.readline() not in (b"\r\n", b""):
            pass
        self.next()  # the reconnection time

    def next(self):
        """Return the lines of the next message."""
        size = int(self.file.readline(), 16)
        text = self.file.read(size).decode()
        self.file.readline()
        return text.splitlines()

    def moves(self, count):
        found = []
        while len(found) < count:
            for line in self.next():
                if line.startswith("data: ["):
                    found += json.loads(line.removeprefix("data: "))
        return found

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def stream(s1):
    reader = Stream(s1)
    yield reader
    reader.close()


def test_moves_are_streamed(s1, stream):
    s1.trigger("DEAL_57")
    move = stream.moves(1)[0]
    assert (move["target"], move["stage_from"], move["stage_to"], move["moved_by"]) == (
        "DEAL_57",
        "NEW",
        "PREPARATION",
        0,
    )
    s1.portal.move("DEAL_57", "WON")
    assert stream.moves(1)[0]["number"] == 2


def test_many_moves_come_in_order(s1, stream):
    for number in range(100, 300):
        s1.portal.add_deal(id=number)
        s1.portal.move(f"DEAL_{number}", "WON")
    assert [move["id"] for move in stream.moves(200)] == list(range(100, 300))


def test_a_slow_reader_is_told_what_it_missed(s1):
    from airflow_provider_bitrix24.simulator.control.stream import _Reader

    class Loop:
        def call_soon_threadsafe(self, callback):
            callback()

    import asyncio

    async def scenario():
        reader = _Reader(Loop())
        s1.portal.events.subscribe(reader.receive)
        s1.portal.add_deal(id=60)
        for number in range(2500):
            s1.portal.move("DEAL_60", "WON" if number % 2 else "LOSE")
        return await reader.next_message()

    text = asyncio.run(scenario())
    assert text.startswith("event: missed\ndata: 500\n\nevent: moves\n")


def test_readers_who_left_are_forgotten(s1):
    reader = Stream(s1)
    assert len(s1.portal.events._subscribers) == 1
    reader.close()
    s1.portal.add_deal(id=60)
    for number in range(200):
        s1.portal.move("DEAL_60", "WON" if number % 2 else "LOSE")
        if not s1.portal.events._subscribers:
            break
        s1.get("scope")
    assert len(s1.portal.events._subscribers) <= 1
