"""What others put into a shared store: it is shown without controlling a terminal, and hides nothing."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from contextlib import closing

import pytest

from airflow_provider_bitrix24.client.stores import file, file_directory
from airflow_provider_bitrix24.client.stores.file import FileStore, read_boot_id
from airflow_provider_bitrix24.client.stores.sql import SqlStore
from airflow_provider_bitrix24.client.stores.sql_dialects import TABLE
from airflow_provider_bitrix24.store_report import store_lines

FORGED = ["\x1b]0;x\x07", "a\r\nShared store: mine", "\u202eabc", "\u2028a", "\x9b2J", "x" * 5000]
BUCKET = {"level": 1.0, "at": 1.0, "pace": 1.0}


def record(value):
    return json.dumps({"form": 1, "at": 1.0, "ahead": 0.0, "value": value})


def written(directory, name, value):
    """A file that belongs to this boot, whoever has written it."""
    text = f"{read_boot_id().hex()}\n{record(value)}"
    (directory / name).write_text(text)
    return FileStore(directory)


def shown(store):
    """What the command prints, which can be printed."""
    lines = list(store_lines(store))
    for line in lines:
        assert line.isprintable()
        assert len(line) < 1_200
        assert line.encode()
    return lines


@pytest.mark.parametrize("name", [*FORGED, "\ud800"])
def test_the_name_of_a_host_cannot_control_a_terminal(tmp_path, name):
    lines = shown(written(tmp_path, "x.json", {**BUCKET, "takers": {name: [1, 7]}}))
    assert [line for line in lines if line.endswith(" s ago") and "7 requests" in line]


@pytest.mark.parametrize("name", ["\udcff.json", "\x1b[2J.json", "\u202ea.json", "a\nb.json"])
def test_the_name_of_a_file_cannot_control_a_terminal(tmp_path, name):
    assert any("1 requests in the bucket" in line for line in shown(written(tmp_path, name, BUCKET)))


@pytest.mark.parametrize("name", FORGED)
def test_a_key_in_a_database_cannot_control_a_terminal(tmp_path, name):
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute(f"CREATE TABLE {TABLE} (name, value text)")
        database.execute(f"INSERT INTO {TABLE} VALUES (?, ?)", (name, record(BUCKET)))  # noqa: S608
        database.commit()
    with closing(SqlStore(f"sqlite:///{tmp_path / 'store.db'}")) as store:
        assert any("1 requests in the bucket" in line for line in shown(store))


@pytest.mark.parametrize(
    "taken", [[10**400, 1], [1, 10**400], [True, 1], ["x", 1], [1], [1, 2, 3], [], None, {"a": 1}, "ab", [None, None]]
)
def test_requests_that_cannot_be_counted_are_left_out(tmp_path, taken):
    lines = shown(written(tmp_path, "x.json", {**BUCKET, "takers": {"odd": taken, "sound": [1, 7]}}))
    assert [line.split(":")[0].strip() for line in lines if " requests, the last" in line] == ["sound"]


@pytest.mark.parametrize(
    "put",
    [
        os.mkfifo,
        os.mkdir,
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("nowhere"),
        lambda path: os.link(path.with_suffix(".other"), path),
    ],
    ids=["a pipe", "a directory", "a link", "a link to nowhere", "a file with two names"],
)
def test_what_is_not_a_file_hides_no_other_from_the_list(tmp_path, put):
    (tmp_path / "a.other").write_text("x")
    put(tmp_path / "a.json")
    lines = shown(written(tmp_path, "b.json", BUCKET))
    assert any(line.startswith("b: 1 requests in the bucket") for line in lines)
    assert lines[-1] == "Other values: 1"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_a_file_of_somebody_elses_hides_no_other_from_the_list(tmp_path, monkeypatch, number):
    store = written(tmp_path, "b.json", BUCKET)
    written(tmp_path, "a.json", BUCKET)

    def open_file(directory, name):
        if name == "a.json":
            raise OSError(number, os.strerror(number))  # permissions do not stop root, who may run this test
        return file_directory.open_file(directory, name)

    monkeypatch.setattr(file, "open_file", open_file)
    lines = shown(store)
    assert any(line.startswith("b: 1 requests in the bucket") for line in lines)
    assert lines[-1] == "Other values: 1"


@pytest.mark.parametrize(
    ("kind", "value"), [("integer", 5), ("real", 1.5), ("text", None), ("blob", b"\xff\x00{"), ("text", "x" * 10**6)]
)
def test_a_column_of_another_type_counts_as_empty(tmp_path, kind, value):
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute(f"CREATE TABLE {TABLE} (name varchar(190) PRIMARY KEY, value {kind})")
        database.execute(f"INSERT INTO {TABLE} VALUES ('k', ?)", (value,))  # noqa: S608
        database.commit()
    with closing(SqlStore(f"sqlite:///{tmp_path / 'store.db'}")) as store:
        assert [store.update("k", lambda kept, _: ({"level": 1.0}, kept)) for _ in range(2)] == [None, {"level": 1.0}]
