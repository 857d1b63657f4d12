"""A firing that is cut off at any place and tried again: nothing twice, nothing lost, little sent again."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.client import Bitrix24Client, ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer


class Killed(BaseException):
    """The worker dies here."""


class KeptJournal:
    """Keeps JSON text, as Airflow does, and dies where it is told to."""

    def __init__(self) -> None:
        self.kept: str | None = None
        self.saves = 0
        self.dies_before: int | None = None
        self.dies_after: int | None = None

    def load(self):
        return None if self.kept is None else json.loads(self.kept)

    def save(self, record, *, ahead):
        assert ahead == bool(record["open"]) or not ahead
        self.saves += 1
        if self.saves == self.dies_before:
            raise Killed
        self.kept = json.dumps(record)
        if self.saves == self.dies_after:
            raise Killed

    def wait(self, seconds, kind):
        pass

    def delete(self):
        self.kept = None


@pytest.fixture
def portal():
    with SimulatorServer(port=0, clock=PortalClock(virtual=True)) as server:
        server.portal.add_trigger("PREPARATION", code="c5u4m")
        # The same code on the next stage: firing twice moves twice, so that nothing can hide.
        server.portal.add_trigger("EXECUTING", code="c5u4m")
        yield server


def client_of(server, *, die_after_exchange: int | None = None):
    settings = ClientSettings(max_concurrency=2)
    time = server.clock
    clock = Clock(monotonic=time.now, now=time.now, sleep=time.advance, random=lambda: 0.5)
    wanted = parse_webhook_url(server.webhook_url).portal
    client = Bitrix24Client(wanted, settings=settings, store=ProcessStore(time.now), clock=clock)
    if die_after_exchange is not None:
        real, count = client._driver._exchange, 0

        def send(requests):
            nonlocal count
            answers = real(requests)
            count += 1
            if count == die_after_exchange:
                raise Killed
            return answers

        client._driver._exchange = send
    return client


def fire(server, checkpoint_store, targets, **how):
    with client_of(server, **how) as client:
        return client.trigger_automation(targets, "c5u4m", checkpoint_store=checkpoint_store)


def assert_once(server, targets):
    fires = [server.portal.moves[target] for target in targets]
    assert set(fires) == {1}
    assert {server.portal.stage_of(target) for target in targets} == {"PREPARATION"}


TARGETS = [f"DEAL_{number}" for number in range(1, 181)]


def seed(server):
    for number in range(1, 181):
        server.portal.add_deal(id=number, stage="NEW")


@pytest.mark.parametrize("place", range(1, 6))
@pytest.mark.parametrize("where", ["dies_before", "dies_after"])
def test_killed_around_a_save_fires_nothing_twice(portal, where, place):
    seed(portal)
    checkpoint_store = KeptJournal()
    setattr(checkpoint_store, where, place)
    try:
        fire(portal, checkpoint_store, TARGETS)
    except Killed:
        checkpoint_store.dies_before = checkpoint_store.dies_after = None
        report = fire(portal, checkpoint_store, TARGETS)
        assert (report.moved, report.failed, report.unmoved) == (180, 0, 0)
        assert {result.stage_before for result in report.results} == {"NEW"}
        assert {result.stage_after for result in report.results} == {"PREPARATION"}
    else:
        assert checkpoint_store.saves < place
    assert_once(portal, TARGETS)


@pytest.mark.parametrize("place", range(1, 7))
def test_killed_after_sending_looks_before_it_fires_again(portal, place):
    seed(portal)
    checkpoint_store = KeptJournal()
    try:
        fire(portal, checkpoint_store, TARGETS, die_after_exchange=place)
    except Killed:
        report = fire(portal, checkpoint_store, TARGETS)
        assert report.moved == 180
    assert_once(portal, TARGETS)


def test_a_finished_firing_is_not_fired_again(portal):
    seed(portal)
    checkpoint_store = KeptJournal()
    fire(portal, checkpoint_store, TARGETS)
    before = portal.requests.total
    report = fire(portal, checkpoint_store, TARGETS)
    assert report.moved == 180
    assert portal.requests.total == before
    assert_once(portal, TARGETS)


def test_a_next_try_redoes_what_did_not_move_or_failed(portal):
    seed(portal)
    portal.portal.add_deal(id=500, stage="WON")
    checkpoint_store = KeptJournal()
    report = fire(portal, checkpoint_store, [*TARGETS, "DEAL_500", "DEAL_501"])
    assert (report.moved, report.unmoved, report.failed) == (180, 1, 1)
    portal.portal.add_deal(id=501, stage="NEW")
    report = fire(portal, checkpoint_store, ["DEAL_501", "DEAL_500", *reversed(TARGETS)])
    assert (report.moved, report.unmoved, report.failed) == (181, 1, 0)
    assert portal.portal.fires["DEAL_500"] == 2
    assert_once(portal, [*TARGETS, "DEAL_501"])


def test_a_checkpoint_of_another_job_is_not_used(portal, caplog):
    seed(portal)
    checkpoint_store = KeptJournal()
    fire(portal, checkpoint_store, TARGETS[:50])
    with caplog.at_level("WARNING"):
        report = fire(portal, checkpoint_store, TARGETS[50:])
    assert report.moved == 130
    assert "starting afresh" in caplog.text
    assert_once(portal, TARGETS)


def test_lost_answers_without_reading_stay_lost_and_are_not_fired_again(portal):
    seed(portal)
    checkpoint_store = KeptJournal()
    portal.faults.script(["reset:after"])
    with client_of(portal) as client:
        report = client.trigger_automation(TARGETS, "c5u4m", verify=False, checkpoint_store=checkpoint_store)
    assert (report.unverified, report.failed) == (155, 25)
    with client_of(portal) as client:
        report = client.trigger_automation(TARGETS, "c5u4m", verify=False, checkpoint_store=checkpoint_store)
    assert (report.unverified, report.failed) == (155, 25)
    assert_once(portal, TARGETS)


def test_the_checkpoint_of_100_000_targets_is_small(portal):
    from airflow_provider_bitrix24.client.firing.checkpoint import Checkpoint
    from airflow_provider_bitrix24.client.firing.ledger import Job, Ledger, Target
    from airflow_provider_bitrix24.client.flows.effects import Start
    from airflow_provider_bitrix24.client.stages import Snapshot
    from airflow_provider_bitrix24.client.targets import EntityRef

    targets = [Target(EntityRef(2, number)) for number in range(1, 100_001)]
    progress = Checkpoint("example.bitrix24.com", "c5u4m", targets, Start(0.0, 0.0))
    ledger = Ledger(Job(code="c5u4m"), unread=None)
    ledger.changed.extend(targets[:-200])
    for index, target in enumerate(targets[:-200]):
        target.before = Snapshot("NEW" if index % 3 else "C5:NEW", 0, "2026-01-01T00:00:00+03:00")
        target.after = Snapshot(f"STAGE_{index % 7}", 0)
        target.settle("moved" if index % 11 else "unmoved")
    record = progress.record(ledger, [targets[-200:]], 0.0)
    assert len(json.dumps(record)) < 64_000
