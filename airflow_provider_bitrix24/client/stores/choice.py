"""Which store the limits of a portal are kept in: the given one, files of the machine, or this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.stores.fallback import with_fallback
from airflow_provider_bitrix24.client.stores.file import file_store
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import PROCESS_STORE, ProcessStore

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.client.portal import Portal
    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.client.stores.protocol import SharedStore


def pacer_of(portal: Portal, settings: ClientSettings, store: SharedStore | None, clock: Clock) -> Pacer:
    """The pacer of a client, in the store it was given or in the one that its settings ask for.

    :raises ConfigurationError: the store has the form of an earlier version.
    """
    if hasattr(store, "now"):
        raise ConfigurationError(
            "store has the form of version 0.1.0: now() and update(key, change(state)).",
            hint="Its update() must call change(value, now) with a JSON value and its own time; see SharedStore.",
        )
    if store is None and settings.bucket is None:
        store = PROCESS_STORE
    if store is None:
        store = file_store(settings.shared_store_directory, clock)
    if not isinstance(store, ProcessStore):
        store = with_fallback(store, clock=clock.monotonic)
    return Pacer(store=store, key=portal.host, bucket=settings.bucket and LeakyBucket(*settings.bucket))
