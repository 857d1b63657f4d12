"""Stores in one process and in files keep the same states in the same way, and take nonsense for nothing."""

from __future__ import annotations

import fcntl
import os
import stat
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.limits.bucket import Grant, LeakyBucket, SharedCost
from airflow_provider_bitrix24.client.stores import pacing
from airflow_provider_bitrix24.client.stores.pacing import FileStore, Pacer, ProcessStore

BUCKET = LeakyBucket(50, 2.0)


class Now:
    def __init__(self, now=100.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture(params=["process", "file"])
def store(request, tmp_path):
    return ProcessStore(Now()) if request.param == "process" else FileStore(tmp_path / "states", clock=Now())


def test_a_state_is_empty_at_first_and_then_what_was_made_of_it(store):
    seen = []

    def change(state):
        seen.append(state)
        return (*state, float(len(state))), "answer"

    assert [store.update("key", change), store.update("key", change), store.update("other", change)] == ["answer"] * 3
    assert seen == [(), (0.0,), ()]
    assert store.now() == 100


def test_a_pacer_shares_one_bucket_among_all_with_the_same_key(store):
    first, second = (Pacer(store=store, key="portal", bucket=BUCKET) for _ in range(2))
    other = Pacer(store=store, key="other portal", bucket=BUCKET)
    assert first.acquire(40, 0) == Grant(40, 0.0)
    assert second.acquire(40, 0) == Grant(8, 0.0)
    assert first.acquire(1, 0) == Grant(1, 0.5)
    assert other.acquire(40, 0) == Grant(40, 0.0)


def test_a_pacer_reports_refusals_before_it_takes(store):
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    assert pacer.acquire(1, 1) == Grant(1, pytest.approx(1 / (2 * 0.8)))


def test_a_portal_without_limit_is_never_waited_for(store):
    assert Pacer(store=store, key="portal", bucket=None).acquire(1000, 5) == Grant(1000, 0.0)


def test_a_cost_is_shared_beside_the_bucket(store):
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    assert pacer.share_cost("c", None) == SharedCost(None, 0.0)
    assert pacer.share_cost("c", None).wait > 0
    assert pacer.share_cost("c", 0.5) == SharedCost(0.5)
    assert Pacer(store=store, key="portal", bucket=None).share_cost("c", None) == SharedCost(0.5)
    assert pacer.share_cost("d", None) == SharedCost(None, 0.0)
    assert pacer.acquire(48, 0) == Grant(48, 0.0)


def test_threads_never_take_the_same_token(store):
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    granted = []

    def take():
        granted.extend(pacer.acquire(1, 0) for _ in range(10))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(grant.wait for grant in granted) == [0.0] * 48 + [0.5 * late for late in range(1, 33)]


def test_the_files_may_be_used_by_every_user_of_the_machine_and_hold_no_name(tmp_path):
    directory = tmp_path / "deep" / "states"
    old = os.umask(0o077)
    try:
        Pacer(store=FileStore(directory), key="secret.example", bucket=BUCKET).acquire(1, 0)
    finally:
        os.umask(old)
    [file] = directory.iterdir()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o1777
    assert stat.S_IMODE(file.stat().st_mode) == 0o666
    assert b"secret" not in file.read_bytes() + str(file.name).encode()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=120))
def test_a_file_full_of_nonsense_counts_as_empty(tmp_path, junk):
    store = FileStore(tmp_path, clock=Now())
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    pacer.acquire(1, 0)
    [file] = tmp_path.iterdir()
    file.write_bytes(junk)
    assert pacer.acquire(48, 0) == Grant(48, 0.0)
    file.unlink()


@pytest.mark.parametrize(
    "state",
    [(1.0,), (1.0,) * 9, (float("nan"), 100.0, 1.0, 0.0), (float("inf"), 100.0, 1.0, 0.0), (60.0, 100.0, 0.0, 0.0)],
)
def test_a_state_of_another_version_or_without_sense_counts_as_empty(store, state):
    store.update("portal", lambda _: (state, None))
    assert Pacer(store=store, key="portal", bucket=BUCKET).acquire(48, 0) == Grant(48, 0.0)
    store.update("portal cost c", lambda _: (state, None))
    assert Pacer(store=store, key="portal", bucket=BUCKET).share_cost("c", None) == SharedCost(None, 0.0)


def test_a_shorter_state_leaves_nothing_of_a_longer_one(tmp_path):
    store = FileStore(tmp_path)
    for state in ((1.0, 2.0, 3.0), (4.0,), ()):
        store.update("key", lambda _, state=state: (state, None))
        assert store.update("key", lambda kept: (kept, kept)) == state


def test_a_lock_that_is_soon_free_is_waited_for(tmp_path):
    store = FileStore(tmp_path, clock=Now())
    pacer = Pacer(store=store, key="portal", bucket=BUCKET)
    pacer.acquire(40, 0)
    [path] = tmp_path.iterdir()
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(pacer.acquire(40, 0)))
        waiting.start()
        waiting.join(0.02)
        assert answers == []
        fcntl.flock(held, fcntl.LOCK_UN)
        waiting.join(5)
    assert answers == [Grant(8, 0.0)]


def test_a_state_that_another_process_just_made_is_taken(tmp_path, monkeypatch):
    first, second = FileStore(tmp_path / "states", clock=Now()), FileStore(tmp_path / "states", clock=Now())
    make = pacing._make_directory

    def overtaken(directory):
        make(directory)
        Pacer(store=second, key="portal", bucket=BUCKET).acquire(40, 0)
        make(directory)

    monkeypatch.setattr(pacing, "_make_directory", overtaken)
    monkeypatch.setattr(second, "_open", lambda path: os.open(path, os.O_RDWR | os.O_CREAT))
    assert Pacer(store=first, key="portal", bucket=BUCKET).acquire(40, 0) == Grant(8, 0.0)


def test_the_directory_is_one_for_all_users(monkeypatch, tmp_path):
    assert str(pacing.default_directory()) == "/tmp/airflow-provider-bitrix24"  # noqa: S108
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(pacing.tempfile, "gettempdir", lambda: str(tmp_path))
    assert pacing.default_directory() == tmp_path / "airflow-provider-bitrix24"


def test_without_a_boot_id_times_alone_tell_of_a_reboot(monkeypatch):
    def missing(*_args, **_kwargs):
        raise FileNotFoundError

    monkeypatch.setattr(pacing.Path, "read_text", missing)
    pacing._boot.cache_clear()
    assert len(pacing._boot()) == 16
    pacing._boot.cache_clear()
