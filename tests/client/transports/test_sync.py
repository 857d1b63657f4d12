"""What only the blocking driver does: it keeps checkpoints. :mod:`test_both_drivers` has what both do."""

from __future__ import annotations

import logging
import signal
import threading
import time

import pytest

from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import ConnectFailed
from airflow_provider_bitrix24.client.flows.calls import Channel, send
from airflow_provider_bitrix24.client.flows.effects import Save, Sleep
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import Call
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.transports.sync import SyncDriver
from tests.support.misbehaving_server import MisbehavingServer, silent


class Stop(BaseException):
    """Ends a try."""


class RecordingStore:
    """A checkpoint store that notes what it is asked and may end the try."""

    def __init__(self, *, stop_at=None):
        self.calls, self.stop_at = [], stop_at

    def save(self, part, value, *, ahead):
        self._note(("save", part, value, ahead))

    def wait(self, seconds, kind):
        self._note(("wait", seconds, kind))

    def _note(self, call):
        self.calls.append(call)
        if call[0] == self.stop_at:
            raise Stop


def signal_when(condition):
    """Send this process's main thread a signal once something is so."""
    while not condition():
        time.sleep(0.01)
    signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)


@pytest.fixture
def slept():
    return []


@pytest.fixture
def driver(slept):
    clock = Clock(monotonic=lambda: 7.0, now=lambda: 1000.0, sleep=slept.append)
    pacer = Pacer(store=ProcessStore(), key="portal", bucket=None)
    made = SyncDriver(ClientSettings(), pacer=pacer, log=logging.getLogger("test"), clock=clock)
    yield made
    made.close()


def saving_and_sleeping(closed):
    try:
        yield Save("record", {"form": 2}, ahead=True)
        yield Sleep(90.0, "operating")
    finally:
        closed.append(True)
    return "done"


def test_a_checkpoint_is_saved_and_hears_of_each_wait_before_it_begins(driver, slept):
    store = RecordingStore()
    assert driver.run(saving_and_sleeping([]), checkpoint_store=store) == "done"
    assert store.calls == [("save", "record", {"form": 2}, True), ("wait", 90.0, "operating")]
    assert slept == [90.0]


@pytest.mark.parametrize("stop_at", ["save", "wait"])
def test_a_store_that_ends_the_try_closes_the_flow_and_nothing_is_waited_for(driver, slept, stop_at):
    closed = []
    with pytest.raises(Stop):
        driver.run(saving_and_sleeping(closed), checkpoint_store=RecordingStore(stop_at=stop_at))
    assert closed == [True]
    assert slept == []


def test_a_driver_that_was_closed_can_send_requests_together_again(driver):
    channel = Channel(portal=Portal(base_url="http://127.0.0.1:1", user_id="1", secret="s3cr3t"))

    for _ in range(2):
        attempts = driver.run(send(channel, [Call("scope")] * 2))
        assert [type(each.reply) for each in attempts] == [ConnectFailed] * 2
        driver.close()


def test_a_signal_does_not_wait_for_requests_that_were_sent_together(driver):
    def stop(*_):
        raise Stop

    of_others = set(threading.enumerate())
    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with MisbehavingServer(silent) as server:
            channel = Channel(portal=Portal(base_url=f"http://127.0.0.1:{server.port}", user_id="1", secret="s3cr3t"))
            both_sent = threading.Thread(target=signal_when, args=(lambda: len(server.heard) == 2,))
            both_sent.start()
            with pytest.raises(Stop):
                driver.run(send(channel, [Call("scope")] * 2))
            driver.close()
            assert not server.over.is_set(), "the portal has not answered yet"
            started = set(threading.enumerate()) - of_others
            in_flight = [each for each in started if each.name.startswith("bitrix24_")]
            assert len(in_flight) == 2
            both_sent.join()
        for each in in_flight:
            each.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_firing_begins_at_the_drivers_time(driver):
    assert driver.now() == 7.0
