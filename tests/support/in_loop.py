"""The simulator inside a test's own event loop, where tests decide when it continues."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.rest import RestRequest
from tests.support.portal_client import PATIENCE_SECONDS, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until `condition` holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110  # what is waited for sets no event
            await asyncio.sleep(0)


def webhook_request(method: str, query: str = "") -> RestRequest:
    """Return a GET of a REST method by the webhook of :func:`~tests.support.portal_client.add_sales_content`."""
    return RestRequest(
        http_method="GET",
        path=f"1/{SECRET}/{method}",
        query=query,
        body=b"",
        content_type="",
        source="127.0.0.1",
    )


def batch_of_fires(*deals: int) -> RestRequest:
    """Return a batch that fires for each deal."""
    commands = (f"cmd[]=crm.automation.trigger%3Ftarget%3DDEAL_{number}%26code%3Dc5u4m" for number in deals)
    return webhook_request("batch", "&".join(commands))
