"""The store that a client's limits are kept in; the same for both."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.process import PROCESS_STORE

URL = "https://example.bitrix24.com/rest/1/s3cr3t/"
CLASSES = pytest.mark.parametrize("kind", [Bitrix24Client, AsyncBitrix24Client])


@CLASSES
def test_a_limited_portal_shares_its_bucket_in_files_and_another_needs_none(kind, tmp_path):
    shared = kind.from_webhook_url(URL, shared_store_directory=str(tmp_path))
    assert isinstance(shared._pacer.store.store, FileStore)
    assert shared._pacer.store.store.directory == tmp_path
    assert shared._pacer.store is kind.from_webhook_url(URL, shared_store_directory=str(tmp_path))._pacer.store
    assert kind.from_webhook_url(URL)._pacer.store.store.directory == FileStore().directory
    assert kind.from_webhook_url(URL, plan="self-hosted")._pacer.store is PROCESS_STORE


@CLASSES
def test_a_store_that_hosts_share_is_used_for_every_plan(kind):
    for plan in ("standard", "self-hosted"):
        store = object()
        assert kind.from_webhook_url(URL, plan=plan, store=store)._pacer.store.store is store
