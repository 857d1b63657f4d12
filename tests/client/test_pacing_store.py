"""The public path of the stores, which a store of one's own goes by."""

from __future__ import annotations

from airflow_provider_bitrix24.client import pacing_store


def test_the_documented_names_are_there():
    assert set(pacing_store.__all__) == {
        "PROCESS_STORE",
        "FileStore",
        "Pacer",
        "PacingStore",
        "ProcessStore",
        "default_directory",
    }
    assert all(hasattr(pacing_store, name) for name in pacing_store.__all__)


def test_a_client_takes_a_store_of_ones_own(bench):
    class CountingStore:
        """What the docs ask of a store, and a count."""

        def __init__(self):
            self.states, self.updates = {}, 0

        def now(self):
            return bench.server.clock.now()

        def update(self, key, change):
            self.updates += 1
            self.states[key], answer = change(self.states.get(key, ()))
            return answer

    bench.store = CountingStore()
    bench.deals(1)
    assert bench.do("call", "scope")
    assert bench.store.updates == 1
    assert list(bench.store.states) == [f"127.0.0.1:{bench.server.port}"]
