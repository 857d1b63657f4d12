"""The client for an event loop: the flows of :mod:`.base`, performed with httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.application_methods import AsyncApplicationMethods
from airflow_provider_bitrix24.client.base import LOG
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    import builtins
    import logging
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from typing import Self

    from airflow_provider_bitrix24.client.entities.find import OnExcess
    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport
    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.flows.diagnosis import Diagnosis
    from airflow_provider_bitrix24.client.portal import Portal
    from airflow_provider_bitrix24.client.protocol.batch import BatchReply
    from airflow_provider_bitrix24.client.protocol.pagination import Page
    from airflow_provider_bitrix24.client.protocol.wire import Params
    from airflow_provider_bitrix24.client.report import TriggerReport
    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.client.stages import Stage, StageInfo
    from airflow_provider_bitrix24.client.stores.protocol import SharedStore
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.client.transports.aio import AsyncDriver, InThread


class AsyncBitrix24Client(AsyncApplicationMethods):
    """:class:`.Bitrix24Client` for an event loop: the same names, arguments, results and errors.

    >>> async with AsyncBitrix24Client.from_webhook_url("https://example.bitrix24.com/rest/1/SECRET/") as client:
    ...     report = await client.trigger_automation("DEAL_57", "c5u4m")  # doctest: +SKIP

    By default it performs the flows with httpx.

    :param in_thread: calls a function that may block, such as one that reads a store of tokens; by default
        ``asyncio.to_thread``.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        settings: ClientSettings | None = None,
        reader: Portal | None = None,
        default_code: str | None = None,
        store: SharedStore | None = None,
        log: logging.Logger = LOG,
        clock: Clock = SYSTEM_CLOCK,
        driver: AsyncDriver | None = None,
        in_thread: InThread | None = None,
    ) -> None:
        from airflow_provider_bitrix24.client.transports.aio import AsyncDriver  # loads httpx

        super().__init__(portal, settings=settings, reader=reader, default_code=default_code, store=store, clock=clock)
        self._driver = driver or AsyncDriver(
            self.settings, pacer=self._pacer, log=log, clock=clock, in_thread=in_thread
        )

    async def call(self, method: str, params: Params | None = None) -> Any:
        """See :meth:`.Bitrix24Client.call`."""
        return await self._driver.run(self._call(method, params))

    async def batch(self, commands: Mapping[str, tuple[str, Params | None]]) -> BatchReply:
        """See :meth:`.Bitrix24Client.batch`."""
        return await self._driver.run(self._batch(commands))

    async def list(self, method: str, params: Params | None = None) -> AsyncIterator[Any]:
        """See :meth:`.Bitrix24Client.list`."""
        page: Page | None = None
        while page is None or page.following is not None:
            page = await self._driver.run(self._page(method, params, page))
            for item in page.items:
                yield item

    async def trigger_automation(
        self,
        target: Rows,
        code: str | None = None,
        *,
        entity_type: str | None = None,
        expected_stage: str | Iterable[str] | None = None,
        or_later: bool = False,
        fail_on: str | Iterable[str] = (),
        preview: bool | str = False,
        verify: bool = True,
    ) -> TriggerReport:
        """See :meth:`.Bitrix24Client.trigger_automation`."""
        flow = self._trigger_automation(
            target,
            code,
            expected_stage,
            entity_type=entity_type,
            or_later=or_later,
            fail_on=fail_on,
            preview=preview,
            verify=verify,
            now=self._driver.now(),
        )
        return await self._driver.run(flow)

    async def get_stages(
        self, targets: Rows, *, entity_type: str | None = None, learn: ExpectedStages | None = None
    ) -> dict[str, StageInfo]:
        """See :meth:`.Bitrix24Client.get_stages`."""
        return await self._driver.run(self._get_stages(targets, entity_type, learn))

    async def find_entities(
        self,
        entity_type: str,
        filter: Mapping[str, Any] | str,  # noqa: A002 - as the portal calls it
        *,
        limit: int = 1_000,
        on_excess: OnExcess = "fail",
    ) -> builtins.list[str]:
        """See :meth:`.Bitrix24Client.find_entities`."""
        return await self._driver.run(self._find_entities(entity_type, filter, limit=limit, on_excess=on_excess))

    async def update_entities(
        self, updates: Rows, *, entity_type: str | None = None, preview: bool | str = False
    ) -> UpdateReport:
        """See :meth:`.Bitrix24Client.update_entities`."""
        return await self._driver.run(self._update_entities(updates, entity_type=entity_type, preview=preview))

    async def pipeline_stages(self, type_id: int, category_id: int | None = None) -> Sequence[Stage]:
        """See :meth:`.Bitrix24Client.pipeline_stages`."""
        return await self._driver.run(self._pipeline_stages(type_id, category_id))

    async def diagnose(self) -> Diagnosis:
        """See :meth:`.Bitrix24Client.diagnose`."""
        return await self._driver.run(self._diagnose())

    async def aclose(self) -> None:
        """Close the connections."""
        await self._driver.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()
