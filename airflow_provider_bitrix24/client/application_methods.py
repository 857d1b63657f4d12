"""What only an OAuth application's client can do: its own triggers, and its tokens. Each method performs one flow."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.base import BaseClient
from airflow_provider_bitrix24.client.protocol.wire import EXECUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
    from airflow_provider_bitrix24.client.flows.diagnosis import Diagnosis
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore, Flow
    from airflow_provider_bitrix24.client.oauth.diagnosis import TokenInfo
    from airflow_provider_bitrix24.client.oauth.grants import AuthorizationCode
    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.source import TokenSource
    from airflow_provider_bitrix24.client.oauth.triggers import ApplicationTrigger
    from airflow_provider_bitrix24.client.report import TriggerReport
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.client.transports.aio import AsyncDriver
    from airflow_provider_bitrix24.client.transports.sync import SyncDriver


class ApplicationFlows(BaseClient):
    """Builds the flows."""

    def _diagnose(self) -> Flow[Diagnosis]:
        if self._channel.tokens is None:
            return super()._diagnose()
        from airflow_provider_bitrix24.client.oauth.diagnosis import diagnose_application

        return diagnose_application(self._channel, self._source("diagnose"))

    def _add_trigger(self, code: str, name: str) -> Flow[None]:
        from airflow_provider_bitrix24.client.oauth.triggers import add_trigger

        return add_trigger(self._channel, code, name)

    def _list_triggers(self) -> Flow[list[ApplicationTrigger]]:
        from airflow_provider_bitrix24.client.oauth.triggers import list_triggers

        return list_triggers(self._channel)

    def _delete_trigger(self, code: str) -> Flow[None]:
        from airflow_provider_bitrix24.client.oauth.triggers import delete_trigger

        return delete_trigger(self._channel, code)

    def _token_info(self) -> Flow[TokenInfo]:
        from airflow_provider_bitrix24.client.oauth.diagnosis import token_info

        return token_info(self._channel, self._source("token_info"))

    def _refresh_tokens(self, older_than: float) -> Flow[bool]:
        _, is_new = yield from self._source("refresh_tokens").refresh(older_than=older_than)
        return is_new

    def _authorize(self, code: AuthorizationCode) -> Flow[Pair]:
        from airflow_provider_bitrix24.client.oauth.authorization import Authorization

        source = self._source("authorize")
        return Authorization(source.application, source.clock).with_code(code)

    def _install(self, pasted: str) -> Flow[Pair]:
        from airflow_provider_bitrix24.client.oauth.authorization import Authorization
        from airflow_provider_bitrix24.client.oauth.pair import pair_from_install

        source = self._source("install")
        return Authorization(source.application, source.clock).with_pair(pair_from_install(pasted, source.clock.now()))

    def _source(self, method: str) -> TokenSource:
        """The application's tokens.

        :raises ConfigurationError: the client has a webhook.
        """
        from airflow_provider_bitrix24.client.oauth.source import TokenSource
        from airflow_provider_bitrix24.client.oauth.triggers import require_application

        require_application(self._channel, method)
        tokens = self._channel.tokens
        if not isinstance(tokens, TokenSource):
            raise TypeError(f"{method} needs the tokens of an application")
        return replace(tokens)


class ApplicationMethods(ApplicationFlows):
    """The methods of the blocking client."""

    _driver: SyncDriver

    def execute_trigger(
        self,
        target: Rows,
        code: str,
        *,
        entity_type: str | None = None,
        expected_stage: str | Iterable[str] | None = None,
        or_later: bool = False,
        fail_on: str | Iterable[str] = (),
        verify: bool = True,
        checkpoint_store: CheckpointStore | None = None,
        monitor: FiringMonitor | None = None,
    ) -> TriggerReport:
        """Fire a trigger that the application has registered (``crm.automation.trigger.execute``).

        Everything else is as in :meth:`~.client.Bitrix24Client.trigger_automation`.

        :raises ConfigurationError: an argument is wrong, or the client has a webhook; nothing was sent.
        :raises Bitrix24Error: nothing was fired. Once something was, later errors are in the report.
        """
        flow = self._trigger_automation(
            target,
            code,
            expected_stage,
            entity_type=entity_type,
            or_later=or_later,
            fail_on=fail_on,
            verify=verify,
            now=self._driver.now(),
            checkpoint_store=checkpoint_store,
            monitor=monitor,
            method=EXECUTE,
        )
        return self._driver.run(flow, checkpoint_store=checkpoint_store)

    def add_trigger(self, code: str, name: str) -> None:
        """Register a trigger, or rename it. It does nothing until an administrator places it on a stage.

        :param code: letters, digits, ``.``, ``-`` and ``_``.
        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        self._driver.run(self._add_trigger(code, name))

    def list_triggers(self) -> Sequence[ApplicationTrigger]:
        """The triggers that the application has registered.

        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self._driver.run(self._list_triggers())

    def delete_trigger(self, code: str) -> None:
        """Delete a registered trigger.

        :raises Bitrix24Error: the portal refused, for example because no trigger has this code, or gave no answer.
        """
        self._driver.run(self._delete_trigger(code))

    def token_info(self) -> TokenInfo:
        """What is known about the application's tokens. It refreshes nothing.

        :raises Bitrix24Error: nobody has authorized the application.
        """
        return self._driver.run(self._token_info())

    def refresh_tokens(self, *, older_than: float = 0) -> bool:
        """Refresh the application's tokens, so that they do not end unused. Returns whether they are new.

        Bitrix24 blocks applications that refresh without need: call it only for clients that are used less than once
        in four weeks.

        :param older_than: seconds since the last refresh; younger tokens are left alone.
        :raises Bitrix24Error: there is nothing to refresh, or it failed.
        """
        return self._driver.run(self._refresh_tokens(older_than))

    def authorize(self, code: AuthorizationCode) -> None:
        """Exchange a code that a browser has brought back, and store the tokens.

        :raises Bitrix24Error: the code is wrong, used or older than 30 s, or the tokens cannot be stored.
        """
        self._driver.run(self._authorize(code))

    def install(self, pasted: str) -> None:
        """Store the tokens that a local application's handler received at its installation.

        :param pasted: the body of that request.
        :raises ConfigurationError: it holds none, or they cannot be stored.
        """
        self._driver.run(self._install(pasted))


class AsyncApplicationMethods(ApplicationFlows):
    """The same methods, for an event loop."""

    _driver: AsyncDriver

    async def execute_trigger(
        self,
        target: Rows,
        code: str,
        *,
        entity_type: str | None = None,
        expected_stage: str | Iterable[str] | None = None,
        or_later: bool = False,
        fail_on: str | Iterable[str] = (),
        verify: bool = True,
    ) -> TriggerReport:
        """See :meth:`.Bitrix24Client.execute_trigger`."""
        flow = self._trigger_automation(
            target,
            code,
            expected_stage,
            entity_type=entity_type,
            or_later=or_later,
            fail_on=fail_on,
            verify=verify,
            now=self._driver.now(),
            method=EXECUTE,
        )
        return await self._driver.run(flow)

    async def add_trigger(self, code: str, name: str) -> None:
        """See :meth:`.Bitrix24Client.add_trigger`."""
        await self._driver.run(self._add_trigger(code, name))

    async def list_triggers(self) -> Sequence[ApplicationTrigger]:
        """See :meth:`.Bitrix24Client.list_triggers`."""
        return await self._driver.run(self._list_triggers())

    async def delete_trigger(self, code: str) -> None:
        """See :meth:`.Bitrix24Client.delete_trigger`."""
        await self._driver.run(self._delete_trigger(code))

    async def token_info(self) -> TokenInfo:
        """See :meth:`.Bitrix24Client.token_info`."""
        return await self._driver.run(self._token_info())

    async def refresh_tokens(self, *, older_than: float = 0) -> bool:
        """See :meth:`.Bitrix24Client.refresh_tokens`."""
        return await self._driver.run(self._refresh_tokens(older_than))
