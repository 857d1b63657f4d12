"""The command ``store``."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.__main__ import main
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.stores.sql import SqlStore
from airflow_provider_bitrix24.client.stores.takers import MOST, note_taker
from airflow_provider_bitrix24.store_report import store_lines
from tests.support.clock import VirtualClock


@pytest.fixture
def files(monkeypatch, tmp_path):
    monkeypatch.delenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", raising=False)
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY", str(tmp_path / "files"))
    return tmp_path / "files"


@pytest.fixture
def database(monkeypatch, tmp_path):
    path = tmp_path / "store.db"
    monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", "store")
    store = SqlStore(f"sqlite:///{path}", patience=60.0)
    yield store
    store.close()


class Listed(ProcessStore):
    """A store whose clock a test moves."""

    def __str__(self):
        return "a store of a test"

    def entries(self):
        return {key: json.loads(text)["value"] for key, text in self._kept.items()}

    def clock(self):
        return self._clock()


def test_the_files_of_a_machine_are_listed(files, portal, capsys):
    assert main(["store"]) == 0
    assert "No request has been sent through it yet." in capsys.readouterr().out
    assert main(["check", "bitrix24_default"]) == 0
    assert f"Processes share the portal's limits in files in {files}." in capsys.readouterr().out
    assert main(["store"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Shared store: files in {files}\nClock: that of this machine\n")
    assert "requests in the bucket" in shown


def test_a_database_is_listed_and_its_statement_printed(database, capsys):
    assert main(["store", "--sql"]) == 0
    assert capsys.readouterr().out == f"{database.dialect.create};\n"
    assert main(["store"]) == 0
    assert capsys.readouterr().out.startswith(f"Shared store: {database}\nClock: that of this machine; an answer")


def test_files_need_no_statement(files, capsys):
    assert main(["store", "--sql"]) == 1
    assert "needs no table" in capsys.readouterr().err


def test_a_store_that_cannot_be_used_is_an_error(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("AIRFLOW_CONN_STORE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path)}))
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", "store")
    assert main(["store"]) == 1
    assert "cannot be used" in capsys.readouterr().err


def test_buckets_are_shown_with_who_took_from_them():
    clock = VirtualClock()
    store = Listed(clock)
    pacer = Pacer(store=store, key="example.bitrix24.com", bucket=LeakyBucket(50, 2.0))
    pacer.acquire(5, 0)
    store.update("example.bitrix24.com", lambda kept, _: ({**kept, "pace": 0.8}, None))
    pacer.share_cost("c", 0.5)
    clock.sleep(7.0)
    shown = "\n".join(store_lines(store))
    assert shown.startswith("Shared store: a store of a test\nClock: -")
    assert "example.bitrix24.com: 5 requests in the bucket 7 s ago, slowed down to 80% after refusals" in shown
    assert "process" in shown
    assert ": 5 requests, the last 7 s ago" in shown
    assert shown.endswith("Other values: 1")


@pytest.mark.parametrize("value", [{"level": "x"}, {"level": 1.0, "at": None}])
def test_a_bucket_that_cannot_be_read_is_shown_as_such(value):
    store = Listed(VirtualClock())
    store.update("odd", lambda _, __: (value, None))
    assert "odd: cannot be read" in list(store_lines(store))


def test_the_latest_takers_are_kept():
    kept = {"takers": {f"host {number}": [1000.0 + number, number] for number in range(20)}}
    takers = note_taker(kept, 1100.0, 3, "own")
    assert len(takers) == MOST
    assert next(iter(takers)) == "host 5"
    assert takers["own"] == [1100.0, 3]
    assert note_taker({"takers": takers}, 1101.0, 2, "own")["own"] == [1101.0, 5]


@pytest.mark.parametrize(
    "takers",
    ["text", [], {"a": 5}, {"a": [1]}, {"a": ["x", 1]}, {"a": [1e400, 1]}, {"a": [5000.0, 1]}, {"a": [0.0, 1]},
     {"a": [1000.0, True]}, {"a": [1000.0, -1]}, {"a" * 200: [1000.0, 1]}],
)  # fmt: skip
def test_takers_without_sense_are_left_out(takers):
    assert len(note_taker({"takers": takers}, 1000.0, 1, "own")) == 1
