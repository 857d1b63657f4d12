"""Where the files lie: no link that another user could have made leads elsewhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.stores import file_directory
from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.file_directory import default_directory


def use(directory):
    return FileStore(directory).update("key", lambda value, _: ("used", value))


def state_file(directory):
    [file] = directory.glob("*.json")
    return file


def test_the_directory_is_one_for_all_users(monkeypatch, tmp_path):
    assert str(default_directory()) == "/tmp/airflow-provider-bitrix24"  # noqa: S108
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert default_directory() == tmp_path / "airflow-provider-bitrix24"


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_a_link_in_place_of_a_file_is_refused(tmp_path, make):
    victim, directory = tmp_path / "victim", tmp_path / "shared"
    victim.write_text("precious")
    use(directory)
    file = state_file(directory)
    file.unlink()
    make(file, victim)
    with pytest.raises(SharedStoreError, match="link"):
        use(directory)
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_not_a_file_is_refused_and_never_waited_for(tmp_path, make):
    use(tmp_path)
    file = state_file(tmp_path)
    file.unlink()
    make(file)
    with pytest.raises(SharedStoreError):
        use(tmp_path)


def test_a_directory_may_be_a_link_of_ones_own(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    assert use(link) is None
    assert use(real) == "used"


def test_a_directory_that_is_another_users_link_is_refused(tmp_path, monkeypatch):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    monkeypatch.setattr(file_directory, "_ROOT", -1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SharedStoreError, match="link that another user has made"):
        use(link)
    assert list(real.iterdir()) == []


def test_a_directory_that_is_a_file_cannot_be_used(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    with pytest.raises(SharedStoreError, match=r"Not a directory.*needs to write there"):
        use(blocked)


def test_what_another_process_has_just_made_is_taken(tmp_path, monkeypatch):
    directory, opened = tmp_path / "states", []
    make, open_ = file_directory._make, os.open

    def overtaken(path):
        use(directory)
        make(path)

    def overtaken_once(path, flags, *args, **kwargs):
        if flags & os.O_EXCL and not opened:
            opened.append(path)
            use(directory)
        return open_(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", overtaken_once)
    assert use(directory) == "used"
    monkeypatch.undo()
    for each in directory.iterdir():
        each.unlink()
    directory.rmdir()
    monkeypatch.setattr(file_directory, "_make", lambda path: (monkeypatch.undo(), overtaken(path)))
    assert use(directory) == "used"
