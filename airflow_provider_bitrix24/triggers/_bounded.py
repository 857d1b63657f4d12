"""A step of a trigger that ends in time: whatever hangs in it, the wait or the watching continues."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_bitrix24.client.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")


async def bounded(step: Awaitable[T], *, seconds: float) -> T:
    """Await a step for so many seconds at most.

    :raises TransportError: it took longer and was cancelled.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            return await step
    except TimeoutError:
        if not limit.expired():
            raise
    raise TransportError(f"No result within {seconds:.0f} s.")
