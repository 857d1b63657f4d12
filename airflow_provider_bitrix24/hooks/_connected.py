"""What the parts of the hook need of it: a client for each kind of code."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client


class ConnectedMethods:
    """A base of the hook's mixins."""

    @abstractmethod
    def get_conn(self) -> Bitrix24Client:
        """Return the client."""

    @abstractmethod
    async def aget_conn(self) -> AsyncBitrix24Client:
        """Return the client for an event loop."""
