"""The hook: turns an Airflow connection into a Bitrix24 client, which does the work.

:mod:`..connection_form` declares the fields of a connection, and :mod:`..connection` reads them.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitrix24 import connection_form
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.frames import without_frames
from airflow_provider_bitrix24.client.plain import quoted, unwrapped
from airflow_provider_bitrix24.client.portal import check_no_url
from airflow_provider_bitrix24.client.secret_text import Unshown
from airflow_provider_bitrix24.compat import BaseHook, aget_connection, amask_secrets, in_thread, mask_secrets
from airflow_provider_bitrix24.connection import read_connection, secrets_of
from airflow_provider_bitrix24.hooks._application import ApplicationHookMethods
from airflow_provider_bitrix24.hooks._calls import CallHookMethods
from airflow_provider_bitrix24.hooks._entities import EntityHookMethods
from airflow_provider_bitrix24.shared_store import afind_shared_store, find_shared_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client, TriggerReport
    from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore
    from airflow_provider_bitrix24.client.stores.protocol import SharedStore
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.compat import Connection
    from airflow_provider_bitrix24.connection import Bitrix24Connection

__all__ = ["Bitrix24Hook"]

_CONN_ID_HINT = "Pass the id of a connection, such as bitrix24_default; a webhook's URL goes into its password."


class Bitrix24Hook(CallHookMethods, ApplicationHookMethods, EntityHookMethods, BaseHook):
    """Calls the portal of an Airflow connection of type ``bitrix24``.

    Use it in a ``with`` statement, or call :meth:`close` when done; in an event loop, use ``async with`` or
    :meth:`aclose`. Creating a hook neither reads the connection nor opens one to the portal.

    >>> with Bitrix24Hook() as hook:  # doctest: +SKIP
    ...     deal = hook.call("crm.item.get", {"entityTypeId": 2, "id": 57})["item"]
    ...     report = hook.trigger_automation("DEAL_57", "c5u4m")

    :param bitrix24_conn_id: id of the connection.
    :param verify_conn_id: id of a second connection to the same portal. Its webhook reads the entities if the first
        one is not allowed to (a trigger's own webhook may be limited to firing).
    """

    conn_name_attr = "bitrix24_conn_id"
    default_conn_name = "bitrix24_default"
    conn_type = connection_form.CONN_TYPE
    hook_name = connection_form.HOOK_NAME
    _clock: ClassVar[Clock] = SYSTEM_CLOCK

    def __init__(self, bitrix24_conn_id: str = default_conn_name, *, verify_conn_id: str | None = None) -> None:
        super().__init__()
        self.bitrix24_conn_id: str = unwrapped(bitrix24_conn_id)
        self.verify_conn_id: str | None = unwrapped(verify_conn_id)
        self._shown_id = ""
        self._client: Bitrix24Client | None = None
        self._aclient: AsyncBitrix24Client | None = None

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the extra fields of the form on Airflow 2.11; Airflow 3 reads the provider's metadata."""
        return connection_form.widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the labels of the form on Airflow 2.11; Airflow 3 reads the provider's metadata."""
        return connection_form.field_behaviour()

    # -- the client

    def get_conn(self) -> Bitrix24Client:
        """Return the client, which the first call creates.

        :raises AirflowNotFoundException: there is no such connection.
        :raises ConfigurationError: the connection cannot be used; the message says what to correct.
        """
        return self._client or self._open_client()

    def _open_client(self) -> Bitrix24Client:
        found = [Unshown(self._mask(self.get_connection(conn_id))) for conn_id in self._conn_ids]
        client = self._new_client(self._arguments(found, find_shared_store()))
        # Another thread may have been faster; a client that has sent nothing holds nothing open.
        self._client = self._client or client
        return self._client

    def _new_client(self, arguments: dict[str, Any]) -> Bitrix24Client:
        """Create the client. Tests override this to pass another driver or store."""
        from airflow_provider_bitrix24.client import Bitrix24Client

        return Bitrix24Client(**arguments)

    async def aget_conn(self) -> AsyncBitrix24Client:
        """Return the client for an event loop, which the first call creates. Raises as :meth:`get_conn` does."""
        return self._aclient or await self._open_async_client()

    async def _open_async_client(self) -> AsyncBitrix24Client:
        found = [Unshown(await aget_connection(conn_id)) for conn_id in self._conn_ids]
        for each in found:
            await amask_secrets(secrets_of(each.reveal()))
        store = await afind_shared_store()
        # Loading libraries and certificates would block the event loop for a tenth of a second.
        client = await asyncio.to_thread(lambda: self._new_async_client(self._arguments(found, store)))
        # Another coroutine may have been faster, as above.
        self._aclient = self._aclient or client
        return self._aclient

    def _new_async_client(self, arguments: dict[str, Any]) -> AsyncBitrix24Client:
        """Create the client for an event loop. Tests override this to pass another driver or store."""
        from airflow_provider_bitrix24.client import AsyncBitrix24Client

        return AsyncBitrix24Client(**arguments, in_thread=in_thread)

    @property
    def _conn_ids(self) -> Sequence[str]:
        given: dict[str, object] = {"bitrix24_conn_id": self.bitrix24_conn_id}
        if self.verify_conn_id:
            given["verify_conn_id"] = self.verify_conn_id
        for name, value in given.items():
            if not isinstance(value, str) or not value.strip():
                raise ConfigurationError(f"{name} is {quoted(value)}.", hint=_CONN_ID_HINT)
            check_no_url(name, value, hint=_CONN_ID_HINT)
        return tuple(map(str, given.values()))

    def _mask(self, connection: Connection) -> Connection:
        mask_secrets(secrets_of(connection))
        return connection

    def _arguments(self, connections: Sequence[Unshown[Connection]], store: SharedStore | None) -> dict[str, Any]:
        """Return the keyword arguments of either client, from the connection and the second one, if any."""
        own, *others = (self._read(*each, store) for each in zip(self._conn_ids, connections, strict=True))
        return {
            "portal": own.portal,
            "settings": own.settings,
            "default_code": own.default_code,
            "reader": others[0].portal if others else None,
            "clock": self._clock,
            **({} if store is None else {"store": store}),
        }

    def _read(self, conn_id: str, connection: Unshown[Connection], store: SharedStore | None) -> Bitrix24Connection:
        shown_id = self._shown_id or conn_id
        try:
            read = read_connection(connection.reveal(), conn_id=shown_id, mask=mask_secrets, shared_store=store)
        except ConfigurationError as error:
            error.with_traceback(None)  # its frames hold the connection
            raise ConfigurationError(f"Connection {conn_id!r}: {error.message}", hint=error.hint) from None
        except Exception as error:  # noqa: BLE001 - somebody else's class of a token store may raise anything
            raise without_frames(error) from None
        for warning in read.warnings:
            self.log.warning("Connection %r: %s", conn_id, warning)
        return replace(read, portal=replace(read.portal, name="" if self._shown_id else conn_id))

    def close(self) -> None:
        """Close the connections to the portal. The next call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def aclose(self) -> None:
        """Close the connections that were opened in an event loop."""
        client, self._aclient = self._aclient, None
        if client is not None:
            await client.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- what it is for

    def trigger_automation(
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
        checkpoint_store: CheckpointStore | None = None,
        monitor: FiringMonitor | None = None,
    ) -> TriggerReport:
        """Fire the automation trigger for one entity or many, and report each entity's stage before and after.

        The portal answers ``true`` whether or not anything moved, so every entity is read, unless ``verify`` is off.

        :param target: ``"DEAL_57"``, or a list of targets.
        :param code: the trigger's code; by default, the code in the connection.
        :param entity_type: type of the targets that are bare ids, such as ``"DEAL"``: then ``target`` may also hold
            whole numbers, rows of a query, or a column of a data frame.
        :param expected_stage: stage id, or a list of ids, any of which is accepted. An entity that already stands there
            is not fired.
        :param or_later: accept every later stage of the same pipeline, too, unless it is a failure stage.
        :param fail_on: stage ids at which the caller will give up; a misspelt one is refused before anything is fired.
        :param preview: read, and report what would be fired; nothing that changes anything is sent. Also takes the
            texts true, false, 1, 0, yes, no and the empty one, since a template renders texts.
        :param verify: read every entity before and after.
        :param checkpoint_store: keeps the checkpoint, so that a later call resumes where this one stopped.
        :param monitor: tells how far the firing has come if this call is interrupted.
        :raises Bitrix24Error: nothing was fired. Later errors are in the report.
        """
        client = self.get_conn()
        return client.trigger_automation(
            target,
            code,
            entity_type=entity_type,
            expected_stage=expected_stage,
            or_later=or_later,
            fail_on=fail_on,
            preview=preview,
            verify=verify,
            checkpoint_store=checkpoint_store,
            monitor=monitor,
        )

    async def atrigger_automation(
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
        """Like :meth:`trigger_automation`, in an event loop."""
        client = await self.aget_conn()
        return await client.trigger_automation(
            target,
            code,
            entity_type=entity_type,
            expected_stage=expected_stage,
            or_later=or_later,
            fail_on=fail_on,
            preview=preview,
            verify=verify,
        )

    def test_connection(self) -> tuple[bool, str]:
        """Test the connection, for the test button and ``airflow connections test``. Never fires a trigger."""
        # The test button stores what it tests under a random id, which no person knows.
        self._shown_id = "CONN_ID"
        try:
            found = self._mask(self.get_connection(self._conn_ids[0]))
            own = read_connection(found, shared_store=find_shared_store())
            with self:
                diagnosis = self.get_conn().diagnose()
        except ConfigurationError as error:
            return False, str(error)
        return diagnosis.ok, own.portal.redact(" ".join([diagnosis.message, *own.warnings]))
