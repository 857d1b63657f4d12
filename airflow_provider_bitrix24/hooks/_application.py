"""The hook's methods that only a connection to an OAuth application can use. Users call them on the hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.hooks._connected import ConnectedMethods

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_bitrix24.client import TriggerReport
    from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore
    from airflow_provider_bitrix24.client.oauth.diagnosis import TokenInfo
    from airflow_provider_bitrix24.client.oauth.triggers import ApplicationTrigger
    from airflow_provider_bitrix24.client.targets import Rows


class ApplicationHookMethods(ConnectedMethods):
    """A mixin of the hook. A connection that holds a webhook is refused, with what to do instead."""

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

        Everything else is as in ``trigger_automation``: one entity or thousands, read before and after.

        :param code: the code under which the application has registered the trigger.
        :raises ConfigurationError: an argument is wrong, or the connection holds a webhook; nothing was sent.
        :raises Bitrix24Error: nothing was fired. Later errors are in the report.
        """
        return self.get_conn().execute_trigger(
            target,
            code,
            entity_type=entity_type,
            expected_stage=expected_stage,
            or_later=or_later,
            fail_on=fail_on,
            verify=verify,
            checkpoint_store=checkpoint_store,
            monitor=monitor,
        )

    async def aexecute_trigger(
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
        """Like :meth:`execute_trigger`, in an event loop."""
        return await (await self.aget_conn()).execute_trigger(
            target,
            code,
            entity_type=entity_type,
            expected_stage=expected_stage,
            or_later=or_later,
            fail_on=fail_on,
            verify=verify,
        )

    def add_trigger(self, code: str, name: str) -> None:
        """Register a trigger of the application, or rename it.

        It does nothing until an administrator places it on a stage of a pipeline, where it is listed under its name.

        :param code: letters, digits, ``.``, ``-`` and ``_``.
        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        self.get_conn().add_trigger(code, name)

    async def aadd_trigger(self, code: str, name: str) -> None:
        """Like :meth:`add_trigger`, in an event loop."""
        await (await self.aget_conn()).add_trigger(code, name)

    def list_triggers(self) -> Sequence[ApplicationTrigger]:
        """Return the triggers that the application has registered, each with ``code`` and ``name``.

        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self.get_conn().list_triggers()

    async def alist_triggers(self) -> Sequence[ApplicationTrigger]:
        """Like :meth:`list_triggers`, in an event loop."""
        return await (await self.aget_conn()).list_triggers()

    def delete_trigger(self, code: str) -> None:
        """Delete a trigger that the application has registered.

        :raises Bitrix24Error: the portal refused, for instance since there is none of this code, or gave no answer.
        """
        self.get_conn().delete_trigger(code)

    async def adelete_trigger(self, code: str) -> None:
        """Like :meth:`delete_trigger`, in an event loop."""
        await (await self.aget_conn()).delete_trigger(code)

    def token_info(self) -> TokenInfo:
        """Return what is known about the application's tokens, without the tokens. It refreshes nothing.

        :raises Bitrix24Error: nobody has authorized the application.
        """
        return self.get_conn().token_info()

    def refresh_tokens(self, *, older_than: float = 0) -> bool:
        """Refresh the application's tokens, so that they do not end unused; whether they are new.

        Only connections that are used less than once in four weeks need it.

        :param older_than: seconds since the last refresh; younger tokens are left alone.
        :raises Bitrix24Error: there is nothing to refresh, or it failed.
        """
        return self.get_conn().refresh_tokens(older_than=older_than)
