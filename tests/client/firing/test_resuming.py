"""A firing that ends anywhere and is tried again, on a real portal: nothing twice, nothing lost, little sent again."""

from __future__ import annotations

import contextlib
import json
import logging

import pytest

from airflow_provider_bitrix24.client import Bitrix24Client, ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.kept import RECORD
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.firing import MemoryStore

SETTLE = 60.0
TARGETS = [f"DEAL_{number}" for number in range(1, 181)]


class Killed(BaseException):
    """The worker dies here."""


class MortalStore(MemoryStore):
    """Dies where it should, before or after it has kept a part."""

    def __init__(self) -> None:
        super().__init__()
        self.saves = 0
        self.dies_before: int | None = None
        self.dies_after: int | None = None

    def save(self, part, value, *, ahead):
        self.saves += 1
        if self.saves == self.dies_before:
            raise Killed
        super().save(part, value, ahead=ahead)
        if self.saves == self.dies_after:
            raise Killed

    def survive(self):
        """Let the next try live."""
        self.dies_before = self.dies_after = None


@pytest.fixture
def portal():
    """The same code is on three stages in a row: firing twice moves twice, so that nothing can hide."""
    with SimulatorServer(port=0, clock=PortalClock(virtual=True)) as server:
        for stage in ("PREPARATION", "EXECUTING", "FINAL_INVOICE"):
            server.portal.add_trigger(stage, code="c5u4m")
        yield server
    assert server.crashes == []


@pytest.fixture
def deals(portal):
    for number in range(1, 181):
        portal.portal.add_deal(id=number, stage="NEW")
    return portal.portal


def client_of(server, *, die_after_send: int | None = None, ahead: float = 0.0):
    """A client whose host's clock is ``ahead`` of the portal's."""
    time = server.clock
    clock = Clock(
        monotonic=lambda: time.now() + ahead, now=lambda: time.now() + ahead, sleep=time.advance, random=lambda: 0.5
    )
    client = Bitrix24Client(
        parse_webhook_url(server.webhook_url).portal,
        settings=ClientSettings(max_concurrency=2),
        store=ProcessStore(time.now),
        clock=clock,
    )
    if die_after_send is not None:
        real, count = client._driver._exchange, 0

        def send(requests):
            nonlocal count
            answers = real(requests)
            count += 1
            if count == die_after_send:
                raise Killed
            return answers

        client._driver._exchange = send
    return client


def fire(server, store, targets=TARGETS, code="c5u4m", *, die_after_send=None, ahead=0.0, **options):
    with client_of(server, die_after_send=die_after_send, ahead=ahead) as client:
        return client.trigger_automation(targets, code, checkpoint_store=store, **options)


def assert_moved_once(server, targets=TARGETS):
    assert {server.portal.moves[target] for target in targets} == {1}
    assert {server.portal.stage_of(target) for target in targets} == {"PREPARATION"}


def fires_at(server):
    """When requests that fire came to the portal."""
    return [each.moment for each in server.requests if "crm.automation.trigger" in str(each.params.get("cmd"))]


# -- killed


@pytest.mark.parametrize("place", range(1, 10))
@pytest.mark.parametrize("where", ["dies_before", "dies_after"])
def test_killed_around_a_save_it_fires_nothing_twice(portal, deals, where, place):
    store = MortalStore()
    setattr(store, where, place)
    try:
        fire(portal, store)
    except Killed:
        store.survive()
        report = fire(portal, store)
        assert (report.moved, report.failed, report.unmoved) == (180, 0, 0)
        assert {result.stage_before for result in report.results} == {"NEW"}
        assert {result.stage_after for result in report.results} == {"PREPARATION"}
    else:
        assert store.saves < place
    assert_moved_once(portal)


@pytest.mark.parametrize("place", range(1, 7))
def test_killed_after_sending_it_reads_before_it_fires_again(portal, deals, place):
    store = MemoryStore()
    try:
        fire(portal, store, die_after_send=place)
    except Killed:
        report = fire(portal, store)
        assert report.moved == 180
    assert_moved_once(portal)


@pytest.mark.parametrize("places", [(3, 2), (2, 1, 4), (4, 1, 1, 3), (6, 3, 2)])
def test_killed_in_several_tries_it_fires_nothing_twice(portal, deals, places):
    store = MemoryStore()
    for place in places:
        with contextlib.suppress(Killed):
            fire(portal, store, die_after_send=place)
    assert fire(portal, store).moved == 180
    assert_moved_once(portal)


def test_a_checkpoint_that_cannot_be_written_stops_the_firing_at_once(portal, deals):
    class FullStore(MemoryStore):
        def save(self, part, value, *, ahead):  # noqa: ARG002 - the store's own
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fire(portal, FullStore())
    assert portal.requests.total == 1, "the reading"
    assert deals.fires == {}


# -- the same list again


def test_a_finished_firing_sends_nothing_again(portal, deals):
    store = MemoryStore()
    fire(portal, store)
    before = portal.requests.total
    report = fire(portal, store)
    assert report.moved == 180
    assert portal.requests.total == before
    assert_moved_once(portal)


def test_a_next_try_fires_again_what_did_not_move_or_failed(portal, deals):
    deals.add_deal(id=500, stage="WON")
    store = MemoryStore()
    report = fire(portal, store, [*TARGETS, "DEAL_500", "DEAL_501"])
    assert (report.moved, report.unmoved, report.failed) == (180, 1, 1)
    deals.add_deal(id=501, stage="NEW")
    report = fire(portal, store, ["DEAL_501", "DEAL_500", *reversed(TARGETS)])
    assert (report.moved, report.unmoved, report.failed) == (181, 1, 0)
    assert deals.fires["DEAL_500"] == 2
    assert_moved_once(portal, [*TARGETS, "DEAL_501"])


@pytest.mark.parametrize("ahead", [0.0, 300.0, -300.0])
def test_an_unmoved_target_is_fired_again_only_when_the_portal_has_certainly_finished_with_it(portal, deals, ahead):
    store = MemoryStore()
    assert fire(portal, store, ["DEAL_1"], "C5U4M").unmoved == 1
    portal.clock.advance(20)
    report = fire(portal, store, ["DEAL_1"], ahead=ahead)
    assert report.moved == 1
    first, second = fires_at(portal)
    assert SETTLE <= second - first < SETTLE + 5


def test_an_unmoved_target_that_moves_late_is_reported_as_moved_and_not_fired_again(portal, deals):
    """Without an expected stage, the portal moves ten entities some seconds after it has accepted them."""
    store, targets = MemoryStore(), TARGETS[:10]
    for _ in range(3):
        report = fire(portal, store, targets, "does something later")
        for target in targets:
            if deals.stage_of(target) == "NEW":
                deals.move(target, "PREPARATION")
    assert (report.moved, report.unmoved) == (10, 0)
    assert {deals.fires[target] for target in targets} == {1}
    assert {result.stage_before for result in report.results} == {"NEW"}


def test_lost_answers_that_nobody_may_read_stay_lost_and_are_not_fired_again(portal, deals):
    store = MemoryStore()
    portal.faults.script(["reset:after"])
    for _ in range(2):
        report = fire(portal, store, verify=False)
        assert (report.unverified, report.failed) == (155, 25)
    assert_moved_once(portal)


def test_commands_that_a_limit_refused_inside_a_lost_batch_are_fired_again_and_none_is_unmoved(portal, deals):
    """The operating time ends in the middle of a batch, whose answer is lost."""
    portal.latency.set(command_ms=4000)
    deals.operating.seconds = 30.0
    portal.faults.script([None, "cut:after"])
    report = fire(portal, MemoryStore(), TARGETS[:24])
    assert (report.moved, report.unmoved) == (24, 0)
    assert_moved_once(portal, TARGETS[:24])
    lost, again, *_ = fires_at(portal)
    assert again - lost >= SETTLE


# -- a robot moves on


@pytest.mark.parametrize("lost", [False, True])
def test_a_target_that_a_robot_moves_on_is_elsewhere_and_never_fired_again(portal, deals, lost):
    deals.add_robot("PREPARATION", move_to="FINAL_INVOICE")
    portal.faults.script([None, "cut:after"] if lost else [])
    store = MemoryStore()
    for _ in range(3):
        report = fire(portal, store, TARGETS[:3], expected_stage="PREPARATION")
        assert (report.elsewhere, report.moved, report.unmoved) == (3, 0, 0)
        assert {result.stage_after for result in report.results} == {"FINAL_INVOICE"}
        portal.clock.advance(2 * SETTLE)
    assert {deals.fires[target] for target in TARGETS[:3]} == {1}


def test_a_target_elsewhere_that_comes_to_the_expected_stage_by_itself_is_reported_as_moved(portal, deals):
    store = MemoryStore()
    assert fire(portal, store, ["DEAL_1"], expected_stage="EXECUTING").elsewhere == 1
    deals.move("DEAL_1", "EXECUTING")
    report = fire(portal, store, ["DEAL_1"], expected_stage="EXECUTING")
    assert (report.moved, deals.fires["DEAL_1"]) == (1, 1)


# -- the list changed


def test_a_list_that_changed_between_tries_is_matched_target_by_target(portal, deals, caplog):
    """One fewer in the second try, one more and another order in the third, in which the one comes back."""
    store = MemoryStore()
    with pytest.raises(Killed):
        fire(portal, store, TARGETS[:120], die_after_send=2)
    report = fire(portal, store, TARGETS[1:120])
    assert (report.moved, len(report.results)) == (119, 119)
    with caplog.at_level(logging.INFO):
        report = fire(portal, store, [*reversed(TARGETS[:121])])
    assert (report.moved, len(report.results)) == (121, 121)
    assert [result.target for result in report.results] == [*reversed(TARGETS[:121])]
    assert "Going on from a checkpoint: 119 targets are done" in caplog.text
    assert_moved_once(portal, TARGETS[:121])


def test_another_list_is_fired_beside_what_is_kept(portal, deals):
    store = MemoryStore()
    fire(portal, store, TARGETS[:50])
    assert fire(portal, store, TARGETS[50:]).moved == 130
    assert fire(portal, store).moved == 180
    assert_moved_once(portal)


def test_another_code_is_said_and_fires_nothing_twice(portal, deals, caplog):
    deals.add_trigger("PREPARATION", code="other")
    store = MemoryStore()
    fire(portal, store, TARGETS[:50])
    with caplog.at_level(logging.INFO):
        assert fire(portal, store, TARGETS[:60], "other").moved == 60
    assert "The code was 'c5u4m' then." in caplog.text
    assert_moved_once(portal, TARGETS[:60])


# -- clocks


@pytest.mark.parametrize("ahead", [300.0, -300.0, 0.0])
def test_a_next_try_on_a_host_with_another_clock_waits_until_the_portal_has_certainly_finished(portal, deals, ahead):
    """The request came to the portal, which did nothing yet; the next try begins 20 s later."""
    store = MemoryStore()
    portal.faults.script([None, Fault(kind=FaultKind.CUT, when="before")])
    with pytest.raises(Killed):
        fire(portal, store, TARGETS[:24], die_after_send=2)
    portal.clock.advance(20)
    report = fire(portal, store, TARGETS[:24], ahead=ahead)
    assert report.moved == 24
    sent, again = [*portal.requests][1].moment, fires_at(portal)[-1]
    assert SETTLE <= again - sent < SETTLE + 5
    assert_moved_once(portal, TARGETS[:24])


# -- what cannot be read


@pytest.mark.parametrize("damage", ['"text"', '{"form": 3}', '{"form": 2}', '{"form": 1}', "[]"])
def test_a_checkpoint_that_cannot_be_read_ends_the_try_and_nothing_is_sent(portal, deals, damage):
    store = MemoryStore()
    fire(portal, store, TARGETS[:10])
    store[RECORD] = damage
    before = portal.requests.total
    with pytest.raises(CheckpointError) as caught:
        fire(portal, store, TARGETS[:10])
    assert caught.value.permanent
    assert portal.requests.total == before


def test_a_checkpoint_of_another_portal_ends_the_try_and_nothing_is_sent(portal, deals):
    store = MemoryStore()
    fire(portal, store, TARGETS[:10])
    store[RECORD] = json.dumps({**json.loads(store[RECORD]), "host": "other.bitrix24.com"})
    before = portal.requests.total
    with pytest.raises(CheckpointError, match=r"other\.bitrix24\.com"):
        fire(portal, store, TARGETS[:10])
    assert portal.requests.total == before
