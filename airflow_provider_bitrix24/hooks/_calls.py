"""The hook's methods that call any REST method. Users call them on the hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.hooks._connected import ConnectedMethods

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping

    from airflow_provider_bitrix24.client import BatchReply


class CallHookMethods(ConnectedMethods):
    """A mixin of the hook."""

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Call a REST method and return its ``result``. A request whose outcome is unknown is never repeated.

        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self.get_conn().call(method, params)

    async def acall(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """Like :meth:`call`, in an event loop."""
        return await (await self.aget_conn()).call(method, params)

    def batch(self, commands: Mapping[str, tuple[str, Mapping[str, Any] | None]]) -> BatchReply:
        """Call many methods with few requests.

        :param commands: your key -> (method, parameters).
        :returns: ``results`` and ``errors`` by your keys; ``raise_for_errors()`` raises if there are errors.
        """
        return self.get_conn().batch(commands)

    async def abatch(self, commands: Mapping[str, tuple[str, Mapping[str, Any] | None]]) -> BatchReply:
        """Like :meth:`batch`, in an event loop."""
        return await (await self.aget_conn()).batch(commands)

    def list(self, method: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """Yield the items of a list method, page by page.

        >>> with Bitrix24Hook() as hook:  # doctest: +SKIP
        ...     won = {"entityTypeId": 2, "filter": {"stageId": "WON"}, "select": ["id"]}
        ...     ids = [deal["id"] for deal in hook.list("crm.item.list", won)]

        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self.get_conn().list(method, params)

    async def alist(self, method: str, params: Mapping[str, Any] | None = None) -> AsyncGenerator[Any, None]:
        """Like :meth:`list`, in an event loop."""
        async for item in (await self.aget_conn()).list(method, params):
            yield item
