"""Locks of a process that is forked while another thread holds them, as a worker's pool of threads may."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.locks import ThreadsLock
from airflow_provider_bitrix24.client.oauth import process
from airflow_provider_bitrix24.client.secret_text import LIVE_SECRETS
from airflow_provider_bitrix24.client.stores import fallback
from airflow_provider_bitrix24.client.stores.fallback import FallbackStore, with_fallback
from airflow_provider_bitrix24.client.stores.process import ProcessStore

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
"""Python 3.12 warns of forks beside other threads."""

PATIENCE = 10
"""Seconds after which a child that waits for ever is ended."""


def ends_in_a_child(function):
    """Whether a function ends in a process that another thread forks while this one holds what it holds."""

    def fork():
        child = os.fork()
        if child == 0:
            signal.alarm(PATIENCE)
            try:
                function()
                os._exit(0)
            finally:
                os._exit(1)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(fork).result()


def unchanged(value, now):
    return value, None


class AwayStore:
    """A shared store that cannot be used."""

    def update(self, key, change):  # noqa: ARG002 - a store's
        raise SharedStoreError("It is away.")


@pytest.mark.parametrize("store", [ProcessStore(), FallbackStore(AwayStore())], ids=["process", "alone"])
def test_a_store_whose_value_changes_at_the_fork_can_be_used_in_the_child(store):
    def change(value, now):
        return value, ends_in_a_child(lambda: store.update("key", unchanged))

    assert store.update("key", change)
    store.update("key", unchanged)


@pytest.mark.parametrize(
    ("lock", "use"),
    [
        (fallback._KNOWN_LOCK, lambda: with_fallback(AwayStore())),
        (LIVE_SECRETS._lock, lambda: LIVE_SECRETS.add("a secret of the child")),
        (process._GUARD, lambda: process.process_tokens("of the child")),
    ],
    ids=["stores", "secrets", "tokens"],
)
def test_what_a_process_has_once_can_be_used_in_the_child(lock, use):
    with lock:
        assert ends_in_a_child(use)
    use()


def test_a_lock_keeps_threads_apart():
    lock, inside = ThreadsLock(), []

    def enter():
        with lock:
            inside.append("another thread")

    with ThreadPoolExecutor(1) as threads:
        with lock:
            other = threads.submit(enter)
            inside.append("this thread")
        other.result()
    assert inside == ["this thread", "another thread"]


def test_the_thread_that_holds_a_lock_may_fork():
    child, failed = -1, True
    try:
        with ThreadsLock():
            child = os.fork()
        failed = False
    finally:
        if child == 0:
            os._exit(int(failed))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
