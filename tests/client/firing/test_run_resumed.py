"""A next try as a flow: read first, fire again only what is certainly over, and nothing from a damaged checkpoint."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.parts import RECORD, TARGETS
from airflow_provider_bitrix24.client.limits.cost import SharedCost
from tests.support.firing import NEW, NEXT, MemoryStore, Try, deal, deals
from tests.support.firing_flow import DENIED, LEADS, STAGES, WRONG, at, batch, fired, found, item, trigger


@pytest.fixture
def open_request():
    """A store in which a try was cut off that had sent DEAL_1 when the portal's clock said 2e9."""
    store = MemoryStore()
    first = Try(deal(1), store=store)
    first.read({1: NEW})
    first.send(1)
    return store


def resumed(store, target="DEAL_1", *, now=7.0, **options):
    return trigger(target, checkpoint_store=store, now=now, **options)


def test_what_an_earlier_try_had_sent_is_read_first_and_not_fired_if_it_moved(perform, open_request):
    report = perform(
        resumed(open_request),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(20, found(item(1, "WON", "later")))]),
        ("save", None),
    )
    assert (report.moved, report.results[0].stage_before) == (1, "NEW")


@pytest.mark.parametrize("now", [7.0, 307.0, 1e9])
def test_whatever_this_hosts_clock_says_it_is_fired_again_only_when_the_portals_says_so(perform, open_request, now):
    """20 s after the send by the portal's clock, which may be 3 s off, 43 s are left of the minute."""
    reading = found(item(1))
    report = perform(
        resumed(open_request, now=now),
        ("log", None),
        ("acquire 1", now),
        ("send batch of 1", [(at(20, reading), (now, now))]),
        ("save", None),
        ("log", None),
        ("sleep 43 settle", now + 43),
        ("acquire 1", now + 43),
        ("send batch of 1", [(at(63, reading), (now + 43, now + 43))]),
        ("acquire 1", now + 43),
        ("save", None),
        ("send batch of 2", [(at(64, fired(1, item(1, "WON"))), (now + 43, now + 44))]),
        ("save", None),
        ("share cost 0.5", SharedCost(0.5)),
        ("save", None),
    )
    assert report.moved == 1


def test_where_the_portals_clock_is_not_known_the_whole_minute_is_waited(perform, open_request):
    report = perform(
        resumed(open_request),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [found(item(1))]),
        ("save", None),
        ("log", None),
        ("sleep 60 settle", 67.0),
        ("acquire 1", 67.0),
        ("send batch of 1", [found(item(1, "WON", "later"))]),
        ("save", None),
    )
    assert report.moved == 1


@pytest.fixture
def forgotten(store):
    """The store of a try after others, of which nothing was kept."""
    store.is_retry = True
    return store


def test_a_retry_that_knows_nothing_of_the_last_try_reads_again_before_it_fires_if_it_had_to_wait(perform, forgotten):
    """What the last try fired may arrive meanwhile, and nothing else tells."""
    report = perform(
        resumed(forgotten, expected_stage="WON"),
        ("acquire 1", 7.0),
        ("send batch of 2", [(found(item(1), stages=STAGES), (7.0, 7.0))]),
        ("save", None),
        ("acquire 1", 13.0),
        ("acquire 1", 13.0),
        ("send batch of 1", [(found(item(1, "WON", "later")), (13.0, 13.0))]),
        ("log", None),
    )
    assert (report.already, report.moved) == (1, 0)


@pytest.mark.parametrize(("expected_stage", "waits"), [(None, 36.0), ("WON", 4.0)])
def test_without_an_expected_stage_or_a_wait_a_retry_fires_by_its_first_reading(
    perform, forgotten, expected_stage, waits
):
    reading = found(item(1), stages=None if expected_stage is None else STAGES)
    report = perform(
        resumed(forgotten, expected_stage=expected_stage),
        ("acquire 1", 7.0),
        (f"send batch of {1 if expected_stage is None else 2}", [(reading, (7.0, 7.0))]),
        ("save", None),
        ("acquire 1", 7.0 + waits),
        ("save", None),
        ("save", None),
        ("send batch of 2", [(fired(1, item(1, "WON")), (7.0 + waits, 7.0 + waits))]),
        ("save", None),
        ("save", None),
    )
    assert report.moved == 1


@pytest.fixture
def finished():
    """A store in which a try has moved DEAL_1 and fired DEAL_2 without effect, at 2e9 by the portal's clock."""
    store = MemoryStore()
    first = Try(*deals(1, 2), store=store)
    first.read({1: NEW, 2: NEW})
    [targets] = first.send(2)
    first.accept(targets, {deal(1): NEXT, deal(2): NEW})
    first.end()
    return store


def test_a_target_that_moved_after_its_try_had_ended_is_reported_and_not_fired(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_1", "DEAL_2"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(5, found(item(2, "PREPARATION", "later")))]),
        ("save", None),
    )
    assert (report.moved, report.unmoved) == (2, 0)


def test_one_target_more_is_read_and_fired_while_the_others_are_kept(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_3", "DEAL_2", "DEAL_1"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(5, found(item(2, "PREPARATION", "later")))]),
        ("acquire 1", 7.0),
        ("send batch of 1", [found(item(3))]),
        ("save", None),
        ("acquire 1", 7.0),
        ("save", None),
        ("save", None),
        ("send batch of 2", [fired(1, item(3, "WON"))]),
        ("save", None),
        ("save", None),
    )
    assert [result.target for result in report.results] == ["DEAL_3", "DEAL_2", "DEAL_1"]
    assert report.moved == 3


def test_a_resumption_whose_stage_does_not_exist_fires_nothing_and_reports_what_is_known(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_1", "DEAL_2", "DEAL_3"], expected_stage="Won"),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(5, found(item(2, "PREPARATION", "later")))]),
        ("acquire 1", 7.0),
        ("send batch of 2", [found(item(3), stages=STAGES)]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [found(item(1, "PREPARATION", "later"), item(2, "PREPARATION", "later"))]),
        ("save", None),
        ("save", None),
    )
    assert (report.moved, report.elsewhere, report.failed) == (0, 2, 1)
    refused = report.results[2].error
    assert (refused.code, refused.executed, refused.permanent) == ("ConfigurationError", "no", True)


def test_the_stages_of_all_types_count_in_a_resumption_that_fires_only_some(perform):
    """The lead's stage is in no dictionary of deals, and the lead was fired."""
    store, lead = MemoryStore(), EntityRef(1, 1)
    first = Try(lead, store=store)
    first.record_window(first.ledger.take_window(1), {lead: NEW})
    first.accept(*first.send(1), {lead: NEXT})
    first.end()
    report = perform(
        resumed(store, ["LEAD_1", "DEAL_3"], expected_stage=["CONVERTED", "WON"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 3", [batch({"c0": {"items": [item(3)]}, "c1": LEADS, "c2": STAGES})]),
        ("save", None),
        ("acquire 1", 7.0),
        ("save", None),
        ("save", None),
        ("send batch of 2", [fired(1, item(3, "WON"))]),
        ("save", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [found(item(1, "CONVERTED", "later"))]),
        ("save", None),
    )
    assert report.moved == 2


def test_a_reading_that_fails_permanently_in_a_resumption_is_reported_not_raised(perform, finished):
    report = perform(
        resumed(finished, ["DEAL_1", "DEAL_2", "DEAL_3"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [WRONG]),
        ("log", None),
        ("save", None),
        ("save", None),
    )
    assert (report.moved, report.failed) == (1, 2)
    assert [result.error.executed for result in report.results[1:]] == ["unknown", "no"]


@pytest.mark.parametrize("part", [RECORD, TARGETS, "snapshot_0"])
@pytest.mark.parametrize("damage", ['"text"', "{}", "[]", '{"form": 3}', '{"form": 2, "rows": "?", "lists": ["?"]}'])
def test_a_damaged_checkpoint_ends_a_try_before_anything_is_sent(perform, open_request, part, damage):
    open_request[part] = damage
    with pytest.raises(CheckpointError) as caught:
        perform(resumed(open_request))
    assert (caught.value.executed, caught.value.permanent) == ("no", True)


def test_a_checkpoint_of_another_portal_ends_a_try_before_anything_is_sent(perform, open_request):
    record = json.loads(open_request[RECORD])
    open_request[RECORD] = json.dumps({**record, "host": "other.bitrix24.com"})
    with pytest.raises(CheckpointError, match=r"is of the portal other\.bitrix24\.com"):
        perform(resumed(open_request))


def test_a_credential_that_may_not_read_what_is_in_doubt_leaves_it_unknown_and_fires_the_rest_one_by_one(
    perform, open_request
):
    report = perform(
        resumed(open_request, ["DEAL_1", "DEAL_2", "DEAL_3"]),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [(403, DENIED)]),
        ("log", None),
        ("acquire 2", 7.0),
        ("save", None),
        ("save", None),
        ("send crm.automation.trigger, crm.automation.trigger", [{"result": True}, {"result": True}]),
        ("save", None),
        ("save", None),
    )
    assert (report.unverified, report.failed) == (2, 1)
    assert (report.results[0].error.code, report.results[0].error.executed) == ("OutcomeUnknown", "unknown")


def test_a_type_that_cannot_be_read_any_more_leaves_what_is_in_doubt_unknown(perform, open_request):
    """It is not missing: nobody could look."""
    refused = batch([], {"c0": {"error": "INVALID_ARG"}})
    report = perform(
        resumed(open_request, now=7.0),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 1", [at(100, refused)]),
        ("save", None),
    )
    assert (report.results[0].error.code, report.results[0].error.executed) == ("OutcomeUnknown", "unknown")


def test_a_reading_that_breaks_off_still_tells_what_became_of_those_that_it_reached(perform):
    """An earlier try has sent one entity of each of 51 types, more than one request can read."""
    refs, store = [EntityRef(1030 + 2 * number, 1) for number in range(51)], MemoryStore()
    first = Try(*refs, store=store)
    first.record_window(first.ledger.take_window(51), dict.fromkeys(refs, NEW))
    first.send(51)
    rows = {f"c{number}": {"items": [item(1, "WON" if number else "NEW")]} for number in range(50)}
    report = perform(
        resumed(store, list(map(str, refs))),
        ("log", None),
        ("acquire 1", 7.0),
        ("send batch of 50", [at(100, batch(rows))]),
        ("acquire 1", 8.0),
        ("send batch of 1", [WRONG]),
        ("log", None),
        ("save", None),
    )
    assert (report.moved, report.failed) == (49, 2)
    stayed, unread = report.results[0].error, report.results[50].error
    assert (stayed.executed, unread.executed) == ("unknown", "unknown"), "the portal was at work until the reading"
