"""b24api: ``batch_outcomes`` of commands that are declared unsafe to replay, an outcome for each."""

from __future__ import annotations

import asyncio

from b24api import Bitrix24, ReplaySafety, Request
from b24api.contracts import Command, CommandFailure, CommandNotExecuted, CommandSuccess


class Adapter:
    def __init__(self, webhook: str) -> None:
        self._webhook = webhook
        self._loop = asyncio.new_event_loop()
        self._client = None

    def fire(self, targets: list[str], code: str) -> dict:
        return self._loop.run_until_complete(self._fire(targets, code))

    async def _fire(self, targets: list[str], code: str) -> dict:
        said = {"done": 0, "failed": 0, "unknown": 0}
        commands = [Command(self._request(target, code), correlation=target) for target in targets]
        async with self._open().batch_outcomes(commands) as stream:
            async for outcome in stream:
                if isinstance(outcome, CommandSuccess):
                    said["done"] += 1
                elif isinstance(outcome, CommandFailure | CommandNotExecuted):
                    said["failed"] += 1
                else:
                    said["unknown"] += 1
        return said

    def calls(self, count: int, target: str, code: str) -> None:
        self._loop.run_until_complete(self._calls(count, target, code))

    async def _calls(self, count: int, target: str, code: str) -> None:
        client = self._open()
        for _ in range(count):
            await client.call(self._request(target, code))

    def _open(self) -> Bitrix24:
        if self._client is None:
            self._client = Bitrix24.from_webhook(self._webhook)
        return self._client

    @staticmethod
    def _request(target: str, code: str) -> Request:
        return Request.bare("crm.automation.trigger", {"target": target, "code": code}, ReplaySafety.UNSAFE)

    def close(self) -> None:
        if self._client is not None:
            self._loop.run_until_complete(self._client.aclose())
        self._loop.close()
