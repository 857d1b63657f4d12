"""The store in files: shared by all processes and users of a machine, crash-proof, never in the way."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.limits.bucket import Grant, LeakyBucket
from airflow_provider_bitrix24.client.stores import file as file_store
from airflow_provider_bitrix24.client.stores.file import FileStore, default_directory, read_boot_id
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from tests.support.clock import VirtualClock

BUCKET = LeakyBucket(50, 2.0)


def pacer(store, key="example.bitrix24.com"):
    return Pacer(store=store, key=key, bucket=BUCKET)


def on_a_virtual_clock(directory, now=1000.0, **options):
    clock = VirtualClock(now)
    return FileStore(directory, **{"clock": clock, "sleep": clock.sleep, **options})


def take(pacer, count):
    """Take tokens one by one at one moment; returns the waits."""
    return [pacer.acquire(1, 0).wait for _ in range(count)]


def state_file(directory):
    [file] = directory.glob("*.json")
    return file


def run_python(code, *args, **options):
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)


TAKE = """
    import json, sys
    from pathlib import Path
    from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
    from airflow_provider_bitrix24.client.pacing_store import FileStore, Pacer
    store = FileStore(Path(sys.argv[1]), clock=lambda: 1000.0)
    pacer = Pacer(store=store, key="example.bitrix24.com", bucket=LeakyBucket(50, 2.0))
    print("ready", flush=True); sys.stdin.readline()
    print(json.dumps([pacer.acquire(1, 0).wait for _ in range(60)]))
"""


def test_processes_that_start_together_take_from_one_bucket(tmp_path):
    processes = [run_python(TAKE, tmp_path) for _ in range(4)]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        waits = sorted(wait for process in processes for wait in json.loads(process.stdout.readline()))
    finally:
        for process in processes:
            process.communicate()
    ladder = [0.0] * 48 + [(step + 1) / 2 for step in range(192)]
    assert waits == pytest.approx(ladder)


HOLD = """
    import fcntl, os, sys
    file = os.open(sys.argv[1], os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_process_killed_while_it_holds_the_lock_blocks_no_other(tmp_path):
    shared = pacer(on_a_virtual_clock(tmp_path))
    take(shared, 48)
    holder = run_python(HOLD, state_file(tmp_path))
    try:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert shared.acquire(1, 0).wait == pytest.approx(0.5)
    finally:
        holder.communicate()


def test_a_lock_that_is_soon_free_is_waited_for(tmp_path):
    pacer(on_a_virtual_clock(tmp_path)).acquire(40, 0)
    with state_file(tmp_path).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = pacer(on_a_virtual_clock(tmp_path, sleep=lambda _: fcntl.flock(held, fcntl.LOCK_UN)))
        assert waiting.acquire(40, 0) == Grant(8, 0.0)


def test_after_seconds_of_a_held_lock_the_process_continues_alone_with_one_warning(tmp_path, caplog):
    clock = VirtualClock()
    waiting = pacer(FileStore(tmp_path, clock=clock, sleep=clock.sleep))
    take(pacer(on_a_virtual_clock(tmp_path)), 1)
    with state_file(tmp_path).open("rb") as held, caplog.at_level(logging.WARNING):
        fcntl.flock(held, fcntl.LOCK_EX)
        assert waiting.acquire(40, 0) == Grant(40, 0.0)
        assert clock.now == pytest.approx(1000 + file_store.LOCK_PATIENCE, abs=0.1)
        assert waiting.acquire(40, 0) == Grant(18, 0.0), "its own bucket has leaked while it waited"
    assert [record.message.count("not shared") for record in caplog.records] == [1]


def test_a_directory_that_cannot_be_used_is_logged_once_and_pacing_continues(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    shared = pacer(on_a_virtual_clock(blocked))
    with caplog.at_level(logging.WARNING):
        assert take(shared, 49) == [0.0] * 48 + [0.5]
    assert len(caplog.records) == 1
    assert str(blocked) in caplog.text


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path, caplog):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    directory = tmp_path / "shared"
    take(pacer(on_a_virtual_clock(directory)), 1)
    file = state_file(directory)
    file.unlink()
    file.symlink_to(victim)
    with caplog.at_level(logging.WARNING):
        assert take(pacer(on_a_virtual_clock(directory)), 1) == [0.0]
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 17, b"garbage" * 20, b"\xff" * 53, b"[" * 30_000])
def test_a_damaged_file_is_written_anew(tmp_path, content):
    shared = pacer(on_a_virtual_clock(tmp_path))
    take(shared, 60)
    state_file(tmp_path).write_bytes(content)
    assert take(shared, 49) == [0.0] * 48 + [0.5]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120))
def test_a_file_full_of_nonsense_counts_as_empty(tmp_path, junk):
    shared = pacer(on_a_virtual_clock(tmp_path))
    shared.acquire(1, 0)
    state_file(tmp_path).write_bytes(junk)
    assert shared.acquire(48, 0) == Grant(48, 0.0)
    state_file(tmp_path).unlink()


def test_a_state_from_before_a_reboot_does_not_count(tmp_path):
    take(pacer(on_a_virtual_clock(tmp_path)), 60)
    rebooted = on_a_virtual_clock(tmp_path, 3.0, boot_id=lambda: b"another boot id.")
    assert take(pacer(rebooted), 1) == [0.0]


def test_without_a_boot_id_a_time_in_the_future_shows_a_reboot(tmp_path):
    nowhere = tmp_path / "nowhere"
    assert read_boot_id(nowhere) == read_boot_id(nowhere)
    assert len(read_boot_id(nowhere)) == len(read_boot_id()) == 16
    directory = tmp_path / "states"
    before, after = (
        on_a_virtual_clock(directory, now, boot_id=lambda: read_boot_id(nowhere)) for now in (1_000_000.0, 3.0)
    )
    take(pacer(before), 48)
    assert take(pacer(after), 1)[0] <= 0.5


def test_portals_have_buckets_of_their_own(tmp_path):
    store = on_a_virtual_clock(tmp_path)
    assert take(pacer(store, "a.bitrix24.com"), 48) == [0.0] * 48
    assert take(pacer(store, "b.bitrix24.com"), 48) == [0.0] * 48


def test_every_user_of_the_machine_may_use_the_files_which_hold_no_name(tmp_path):
    directory = tmp_path / "deep" / "states"
    old = os.umask(0o077)
    try:
        take(pacer(FileStore(directory), key="secret.example"), 1)
    finally:
        os.umask(old)
    file = state_file(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o1777
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    assert b"secret" not in file.read_bytes() + str(file.name).encode()


def test_a_state_that_another_process_has_just_made_is_taken(tmp_path, monkeypatch):
    first, second = (on_a_virtual_clock(tmp_path / "states") for _ in range(2))
    make = file_store._make_directory

    def overtaken(directory):
        make(directory)
        pacer(second).acquire(40, 0)
        make(directory)

    monkeypatch.setattr(file_store, "_make_directory", overtaken)
    monkeypatch.setattr(second, "_open", lambda path: os.open(path, os.O_RDWR | os.O_CREAT))
    assert pacer(first).acquire(40, 0) == Grant(8, 0.0)


def test_the_directory_is_one_for_all_users(monkeypatch, tmp_path):
    assert str(default_directory()) == "/tmp/airflow-provider-bitrix24"  # noqa: S108
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert default_directory() == tmp_path / "airflow-provider-bitrix24"


def test_threads_never_take_the_same_token(tmp_path):
    shared = pacer(FileStore(tmp_path, clock=VirtualClock()))
    granted = []
    threads = [threading.Thread(target=lambda: granted.extend(take(shared, 10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(granted) == [0.0] * 48 + [0.5 * late for late in range(1, 33)]
