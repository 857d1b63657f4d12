"""Answers that are valid and cannot be meant: deep, with numbers of thousands of digits, in another encoding."""

from __future__ import annotations

import asyncio
import json

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client, ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.clock import VirtualClock
from tests.support.drivers import KINDS
from tests.support.misbehaving_server import MisbehavingServer

DIGITS = b"9" * 5_000
ANSWERS = {
    "lists in lists": b'{"result":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "objects in objects": b'{"result":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}",
    "lists that never close": b'{"result":' + b"[" * 1_000_000,
    "an error that is deep": b'{"error":' + b"[" * 900 + b"]" * 900 + b"}",
    "a number of 5,000 digits": b'{"result":' + DIGITS + b"}",
    "a total of 5,000 digits": b'{"result":[],"total":' + DIGITS + b',"next":' + DIGITS + b"}",
    "times that are no numbers": b'{"result":[],"time":{"operating":NaN,"operating_reset_at":1e999,"finish":-1e999}}',
    "times of 5,000 digits": b'{"result":[],"time":{"operating":' + DIGITS + b',"start":' + DIGITS + b"}}",
    "a wait of 5,000 digits": b'{"error":"OPERATION_TIME_LIMIT","time":{"operating_reset_at":' + DIGITS + b"}}",
    "an exponent": b'{"result":[1e400,-1e400,1e-400]}',
    "a name twice": b'{"result":[],"result":{"a":1},"error":"","error":null}',
    "half a character": b'{"result":"\\ud800","error_description":"\\udfff"}',
    "bytes that are not UTF-8": b'{"result":"\xff\xfe\x80"}',
    "UTF-16": '{"result":["x"]}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"result":[]}',
    "zeros": b"\x00" * 1_000,
    "two answers": b'{"result":[]}{"result":[]}',
    "a text around it": b'"{\\"result\\":true}"',
    "nothing": b"",
}
REQUESTS = ("call", "batch", "list", "stages", "fire")


def request(client, name):
    """One of the things that a client does: nothing, one request, or several."""
    return {
        "call": lambda: client.call("profile"),
        "batch": lambda: client.batch({"a": ("profile", None), "b": ("scope", None)}),
        "list": lambda: client.list("crm.item.list", {"entityTypeId": 2}),
        "stages": lambda: client.get_stages(["DEAL_1", "DEAL_2"]),
        "fire": lambda: client.trigger_automation(["DEAL_1", "DEAL_2"], "c", verify=False),
    }[name]()


def perform(kind, url, name):
    """One request by either client, whose pauses between two tries take no time."""
    time = VirtualClock()

    async def asleep(seconds):
        time.sleep(seconds)

    options = {
        "portal": parse_webhook_url(url).portal,
        "settings": ClientSettings(plan="self-hosted", read_timeout=60),
        "store": ProcessStore(),
        "clock": Clock(monotonic=time, sleep=time.sleep, asleep=asleep, random=lambda: 0.5),
    }
    if kind == "sync":
        with Bitrix24Client(**options) as client:
            found = request(client, name)
            return list(found) if name == "list" else found

    async def performed():
        async with AsyncBitrix24Client(**options) as client:
            found = request(client, name)
            return [each async for each in found] if name == "list" else await found

    return asyncio.run(performed())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_every_answer_is_a_result_or_an_error_of_ours(kind, body):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)

    def behave(server, connection):
        while server.hear(connection):
            connection.sendall(head + body)

    with MisbehavingServer(behave) as server:
        for name in REQUESTS:
            fires = len(server.heard)
            try:
                found = perform(kind, f"http://127.0.0.1:{server.port}/rest/1/s3cr3t-0f-a-test/", name)
            except Bitrix24Error as error:
                found = error
            sent = [each for each in server.heard[fires:] if b"crm.automation.trigger" in each]
            if isinstance(found, Bitrix24Error):
                assert len(str(found)) < 2_000
                assert "s3cr3t" not in f"{found} {found!r}"
                assert found.executed != "no" or name != "fire" or found.limit == "operating"
            elif name == "fire":
                assert len(sent) == 1, "nothing is fired twice"
                assert [each.target for each in found.results] == ["DEAL_1", "DEAL_2"]
                assert json.dumps(found.as_dict(), allow_nan=False)
