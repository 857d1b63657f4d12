"""The public path of the stores, which a store of one's own goes by."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client import Bitrix24Client, pacing_store
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.portal import Portal


def test_the_documented_names_are_there():
    assert set(pacing_store.__all__) == {
        "PROCESS_STORE",
        "FileStore",
        "JsonValue",
        "Pacer",
        "ProcessStore",
        "RedisStore",
        "SharedStore",
        "SqlStore",
        "default_directory",
    }
    assert all(hasattr(pacing_store, name) for name in pacing_store.__all__)


def test_the_former_name_of_the_protocol_is_deprecated():
    with pytest.warns(DeprecationWarning, match="now SharedStore") as caught:
        assert pacing_store.PacingStore is pacing_store.SharedStore
    assert caught[0].filename == __file__
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = pacing_store.Nonsense


def test_a_client_takes_a_store_of_ones_own(bench):
    class CountingStore:
        """What the docs ask of a store, and a count."""

        def __init__(self):
            self.values, self.updates = {}, 0

        def update(self, key, change):
            self.updates += 1
            self.values[key], answer = change(self.values.get(key), bench.server.clock.now())
            return answer

    bench.store = CountingStore()
    bench.deals(1)
    assert bench.do("call", "scope")
    assert bench.store.updates == 2
    place, working_time = bench.store.values
    assert place == f"127.0.0.1:{bench.server.port}"
    assert working_time.startswith(f"{place} working time ")


def test_a_store_of_the_former_form_is_refused_with_what_to_change():
    class FormerStore:
        def now(self):
            return 0.0

        def update(self, key, change):
            return change(key)

    portal = Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s3cr3t")
    with pytest.raises(ConfigurationError, match=r"form of version 0\.1\.0.* change\(value, now\)"):
        Bitrix24Client(portal, store=FormerStore())
