"""A firing that ends anywhere and is tried again, on a real portal: nothing twice, nothing lost, little sent again."""

from __future__ import annotations

import contextlib
import logging

import pytest

from tests.support.firing import MemoryStore
from tests.support.resuming import SETTLE, TARGETS, Killed, MortalStore, assert_moved_once, fire, fires_at

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
def test_an_unmoved_target_is_fired_again_only_when_the_portal_has_certainly_finished_with_it(
    portal, deals, caplog, ahead
):
    store = MemoryStore()
    assert fire(portal, store, ["DEAL_1"], "C5U4M").unmoved == 1
    portal.clock.advance(20)
    with caplog.at_level(logging.INFO):
        report = fire(portal, store, ["DEAL_1"], ahead=ahead)
    assert report.moved == 1
    assert ": an earlier try fired 1 target that has not moved, and the portal may still act on it." in caplog.text
    assert "got no answer" not in caplog.text
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
