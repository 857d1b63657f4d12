"""The store in files: shared by all processes and users of a machine, crash-proof, never in the way."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import SharedStoreError
from airflow_provider_bitrix24.client.limits.bucket import Grant, LeakyBucket
from airflow_provider_bitrix24.client.stores import file as file_store
from airflow_provider_bitrix24.client.stores.deadline import BoundedCall
from airflow_provider_bitrix24.client.stores.file import FileStore, read_boot_id
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from tests.support.clock import VirtualClock

BUCKET = LeakyBucket(50, 2.0)


def pacer(store, key="example.bitrix24.com"):
    return Pacer(store=store, key=key, bucket=BUCKET)


def on_a_virtual_clock(directory, now=1000.0, **options):
    return FileStore(directory, **{"clock": VirtualClock(now), "patience": 60.0} | options)


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
    store = FileStore(Path(sys.argv[1]), clock=lambda: 1000.0, patience=60.0)
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


def test_a_lock_that_is_soon_free_is_waited_for(tmp_path, monkeypatch):
    pacer(on_a_virtual_clock(tmp_path)).acquire(40, 0)
    waiting, granted, queued = pacer(on_a_virtual_clock(tmp_path, patience=60.0)), [], threading.Event()

    def attempt(function):
        queued.set()
        return BoundedCall(function)

    monkeypatch.setattr(file_store, "BoundedCall", attempt)
    monkeypatch.setattr(file_store, "_PAUSES", (0.0, 0.0))
    with locked(tmp_path) as release:
        thread = threading.Thread(target=lambda: granted.append(waiting.acquire(40, 0)))
        thread.start()
        queued.wait()
        release()
        thread.join()
    assert granted == [Grant(8, 0.0)]


def test_a_holder_that_is_stopped_is_waited_for_once_and_then_only_asked(tmp_path):
    store = on_a_virtual_clock(tmp_path, patience=0.0)
    take(pacer(store), 1)
    before = threading.active_count()
    with locked(tmp_path):
        with pytest.raises(SharedStoreError, match="has kept the file locked for 0 s"):
            take(pacer(store), 1)
        for _ in range(3):
            with pytest.raises(SharedStoreError, match="still keeps the file locked"):
                take(pacer(store), 1)
        assert threading.active_count() == before + 1
    store._waiting.popitem()[1]._thread.join()
    assert take(pacer(store), 48)[-1] == 0.5, "who gave up has taken nothing when the lock became free"


def test_a_child_that_was_forked_while_the_file_was_locked_does_not_keep_the_lock(tmp_path):
    store, held = on_a_virtual_clock(tmp_path, patience=60.0), []

    def fork(value, now):
        # A child has copies of all descriptors, as one has that is forked by another thread in this moment.
        held.extend(os.dup(int(each.name)) for each in Path("/proc/self/fd").iterdir() if is_state(each))
        return value, now

    store.update("key", fork)
    try:
        assert held
        assert store.update("key", lambda value, now: (value, now)) == 1000.0
    finally:
        for each in held:
            os.close(each)


def is_state(descriptor):
    try:
        return descriptor.readlink().suffix == ".json"
    except OSError:
        return False


@contextmanager
def locked(directory):
    with state_file(directory).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield lambda: fcntl.flock(held, fcntl.LOCK_UN)


def test_a_system_without_locks_is_an_error_of_the_store(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    store = on_a_virtual_clock(tmp_path)
    with pytest.raises(SharedStoreError, match=f"{tmp_path} cannot be used: No locks available"):
        store.update("key", lambda value, now: (value, now))
    assert str(store) == f"files in {tmp_path}"


def test_a_full_disk_is_an_error_of_the_store_and_damages_nothing(tmp_path, monkeypatch):
    store = on_a_virtual_clock(tmp_path)
    store.update("key", lambda _, __: ("kept", None))
    monkeypatch.setattr(os, "pwrite", lambda *_: 0)
    with pytest.raises(SharedStoreError, match="No space left on device"):
        store.update("key", lambda _, __: ("a longer value " * 20, None))
    monkeypatch.undo()
    assert store.update("key", lambda value, _: (value, value)) == "kept"


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
        take(pacer(FileStore(directory, patience=60.0), key="secret.example"), 1)
    finally:
        os.umask(old)
    file = state_file(directory)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o1777
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    assert b"secret" not in file.read_bytes() + str(file.name).encode()


def test_threads_never_take_the_same_token(tmp_path):
    shared = pacer(FileStore(tmp_path, clock=VirtualClock(), patience=60.0))
    granted = []
    threads = [threading.Thread(target=lambda: granted.extend(take(shared, 10))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(granted) == [0.0] * 48 + [0.5 * late for late in range(1, 33)]
