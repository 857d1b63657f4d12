"""The store of one process: what every store promises is in :mod:`test_protocol`."""

from __future__ import annotations

import time

from airflow_provider_bitrix24.client.stores.process import PROCESS_STORE, ProcessStore


def test_stores_share_nothing():
    first, second = ProcessStore(), ProcessStore()
    first.update("key", lambda _, __: (1, None))
    assert second.update("key", lambda kept, _: (kept, kept)) is None


def test_the_store_of_the_process_has_the_machines_monotonic_clock():
    before = time.monotonic()
    assert before <= PROCESS_STORE.update("time", lambda _, now: (None, now)) <= time.monotonic()
