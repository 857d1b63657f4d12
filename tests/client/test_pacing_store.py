"""One bucket for all processes of a machine: shared, crash-proof, never in the way."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.stores import pacing
from airflow_provider_bitrix24.client.stores.pacing import FileStore, Pacer, ProcessStore
from airflow_provider_bitrix24.client.transports.aio import AsyncDriver

BUCKET = LeakyBucket(50, 2.0)


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


def pacer(store, key="example.bitrix24.com"):
    return Pacer(store=store, key=key, bucket=BUCKET)


def take(pacer, count):
    """Take tokens one by one at one moment; returns the waits."""
    return [pacer.acquire(1, 0).wait for _ in range(count)]


def run_python(code, *args, **options):
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


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
    processes = [run_python(TAKE, tmp_path, stdin=subprocess.PIPE) for _ in range(4)]
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


def state_file(directory):
    [file] = directory.glob("*.state")
    return file


def test_a_process_killed_while_it_holds_the_lock_blocks_nobody(tmp_path):
    shared = pacer(FileStore(tmp_path, clock=Clock()))
    take(shared, 48)
    holder = run_python(HOLD, state_file(tmp_path), stdin=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert shared.acquire(1, 0).wait == pytest.approx(0.5)
    finally:
        holder.communicate()


def test_a_lock_held_for_ever_is_given_up_with_one_warning(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(pacing, "LOCK_PATIENCE", 0.0)
    shared = pacer(FileStore(tmp_path, clock=Clock()))
    take(shared, 1)
    file = os.open(state_file(tmp_path), os.O_RDWR)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        with caplog.at_level(logging.WARNING):
            assert take(shared, 49) == [0.0] * 48 + [0.5]
    finally:
        os.close(file)
    assert [record.message.count("not shared") for record in caplog.records] == [1]


def test_a_directory_that_cannot_be_used_is_said_once_and_pacing_goes_on(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    shared = pacer(FileStore(blocked, clock=Clock()))
    with caplog.at_level(logging.WARNING):
        assert take(shared, 49) == [0.0] * 48 + [0.5]
    assert len(caplog.records) == 1
    assert str(blocked) in caplog.text


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path, caplog):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    directory = tmp_path / "shared"
    take(pacer(FileStore(directory, clock=Clock())), 1)
    file = state_file(directory)
    file.unlink()
    file.symlink_to(victim)
    with caplog.at_level(logging.WARNING):
        assert take(pacer(FileStore(directory, clock=Clock())), 1) == [0.0]
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 17, b"garbage" * 20, b"\xff" * 53])
def test_a_damaged_file_is_written_anew(tmp_path, content):
    shared = pacer(FileStore(tmp_path, clock=Clock()))
    take(shared, 60)
    state_file(tmp_path).write_bytes(content)
    assert take(shared, 49) == [0.0] * 48 + [0.5]


def test_state_from_before_a_reboot_does_not_count(tmp_path, monkeypatch):
    take(pacer(FileStore(tmp_path, clock=Clock())), 60)
    monkeypatch.setattr(pacing, "_boot", lambda: b"another boot id.")
    assert take(pacer(FileStore(tmp_path, clock=Clock(3.0))), 1) == [0.0]


def test_a_clock_that_starts_again_does_not_stop_the_world(tmp_path):
    take(pacer(FileStore(tmp_path, clock=Clock(1_000_000.0))), 48)
    assert take(pacer(FileStore(tmp_path, clock=Clock(3.0))), 1)[0] <= 0.5


def test_portals_have_buckets_of_their_own(tmp_path):
    store = FileStore(tmp_path, clock=Clock())
    assert take(pacer(store, "a.bitrix24.com"), 48) == [0.0] * 48
    assert take(pacer(store, "b.bitrix24.com"), 48) == [0.0] * 48


def test_files_are_for_all_users(tmp_path):
    directory = tmp_path / "new" / "shared"
    take(pacer(FileStore(directory)), 1)
    assert directory.stat().st_mode & 0o7777 == 0o1777
    assert state_file(directory).stat().st_mode & 0o777 == 0o666


def test_the_first_asks_in_vain_and_measures_while_others_wait(tmp_path):
    clock = Clock()
    store = FileStore(tmp_path, clock=clock)
    first, second = pacer(store), pacer(store)
    assert first.share_cost("c5u4m", None).wait == 0
    assert second.share_cost("c5u4m", None).wait > 0
    clock.now += 0.2
    first.share_cost("c5u4m", 0.005)
    assert second.share_cost("c5u4m", None).seconds == 0.005
    assert second.share_cost("other", None).seconds is None
    clock.now += 3600
    assert second.share_cost("c5u4m", None).seconds is None


def test_others_measure_themselves_where_the_first_never_comes_back():
    clock = Clock()
    store = ProcessStore(clock)
    assert pacer(store).share_cost("c5u4m", None).wait == 0
    clock.now += pacing_store_patience()
    assert pacer(store).share_cost("c5u4m", None).wait == 0


def pacing_store_patience():
    from airflow_provider_bitrix24.client.limits.bucket import PROBE_PATIENCE

    return PROBE_PATIENCE + 0.1


async def test_the_event_loop_is_not_blocked_while_another_process_holds_the_lock(tmp_path):
    store = FileStore(tmp_path, clock=Clock())
    shared = pacer(store)
    take(shared, 1)
    driver = AsyncDriver(ClientSettings(), pacer=shared, log=logging.getLogger("test"))
    file = os.open(state_file(tmp_path), os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_EX)
    released = threading.Event()

    def release():
        os.close(file)
        released.set()

    def flow():
        from airflow_provider_bitrix24.client.flows.effects import Acquire

        return (yield Acquire(1))

    try:
        waiting = asyncio.ensure_future(driver.run(flow()))
        turns = 0
        while turns < 50:  # the loop turns while the file is locked
            await asyncio.sleep(0)
            turns += 1
        assert not waiting.done()
        release()
        granted = await waiting
        assert granted.wait == 0.0
    finally:
        if not released.is_set():
            os.close(file)
        await driver.close()
