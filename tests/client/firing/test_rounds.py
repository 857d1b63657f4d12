"""The next round: as many targets as there is working time for, in as many requests as may be under way."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import OutcomeUnknown, RateLimitError
from airflow_provider_bitrix24.client.firing.requests import RequestBuilder
from airflow_provider_bitrix24.client.firing.rounds import Rounds
from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel
from airflow_provider_bitrix24.client.flows.effects import ShareWorkingTime
from airflow_provider_bitrix24.client.limits.operating import Knowledge
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeGrant
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.protocol.wire import TRIGGER, Reply, Timing
from tests.support.firing import api_error, deals, queued

IN_BATCH = f"batch/{TRIGGER}"


@pytest.fixture
def rounds():
    return rounds_of(300)


def rounds_of(count, *, batches=True):
    portal = Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s")
    ledger = queued(*deals(*range(1, count + 1)))
    return Rounds(Channel(portal=portal), ledger, RequestBuilder(ledger.job, batches=batches))


def claimed(rounds, answer=None, now=0.0):
    """Claim; returns the effect and what came of it."""
    flow = rounds.claim(now)
    effect = next(flow)
    assert isinstance(effect, ShareWorkingTime)
    try:
        flow.send(answer or WorkingTimeGrant(effect.claim.commands))
    except StopIteration as end:
        return effect.claim, end.value
    raise AssertionError("one effect is enough")


def note(rounds, seconds, executed, reply=None):
    rounds.builder.sizer.note(seconds, executed + 1)
    rounds.record(Attempt(reply or Reply(result=True), 0.0, seconds), executed=executed)


def test_the_first_batch_may_take_as_long_as_a_portal_lets_a_request_take(rounds):
    claim, granted = claimed(rounds)
    assert (claim.commands, granted.commands) == (25, 25)
    assert claim.seconds == {IN_BATCH: 60.0, "batch": 30.0}
    assert rounds.requests(granted.commands) == 1


def test_a_round_of_batches_is_claimed_by_the_slower_of_the_last_two(rounds):
    note(rounds, 24.0, 24)
    note(rounds, 10.0, 24)
    claim, granted = claimed(rounds)
    assert claim.commands == 20 * 4
    assert claim.seconds == {IN_BATCH: 80.0, "batch": 40.0}
    built = rounds.build(4, 50, read_back=True)
    assert [len(each.targets) for each in built] == [19, 19, 12]
    assert granted.commands == 80


def test_a_small_batch_is_as_dear_for_each_target_as_a_large_one(rounds):
    note(rounds, 0.9, 1)
    note(rounds, 0.9, 1)
    claim, _ = claimed(rounds)
    assert claim.seconds[IN_BATCH] == pytest.approx(0.9 * claim.commands)


def test_a_portal_that_is_known_not_to_count_batches_has_one_account(rounds):
    rounds.channel.operating.known = Knowledge(bills_batches=False)
    assert set(claimed(rounds)[0].seconds) == {IN_BATCH}


def test_direct_calls_are_claimed_for_the_time_of_a_batch_and_sent_in_several_rounds():
    rounds = rounds_of(300, batches=False)
    claim, _ = claimed(rounds)
    assert (claim.commands, claim.seconds) == (25, {TRIGGER: 60.0})
    assert rounds.requests(25) == 4
    rounds.build(4, 25, read_back=False)
    with pytest.raises(StopIteration) as end:
        next(rounds.claim(1.0))
    assert end.value.value.commands == 21
    note(rounds, 0.8, 1)
    claim, _ = claimed(rounds, now=30.0)
    assert (claim.commands, claim.seconds[TRIGGER]) == (25, pytest.approx(20.0))
    for cost, commands in ((0.001, 50), (50.0, 4)):
        note(rounds, cost, 1)
        note(rounds, cost, 1)
        assert claimed(rounds, now=cost * 1e9)[0].commands == commands


def test_after_a_refusal_working_time_is_claimed_anew():
    rounds = rounds_of(300, batches=False)
    claimed(rounds)
    rounds.record(Attempt(api_error(RateLimitError), 0.0, 0.1), executed=0)
    assert claimed(rounds, now=1.0)[0].seconds == {TRIGGER: 60.0}, "and what was refused at once is no measure"


def test_a_request_without_an_answer_has_worked(rounds):
    note(rounds, 60.0, 25, OutcomeUnknown("lost"))
    used = {name: each.used for name, each in rounds.channel.operating.known.figures.items()}
    assert used == {IN_BATCH: 60.0, "batch": 30.0}


def test_a_portal_that_reports_no_working_time_is_not_asked(perform, rounds):
    rounds.channel.operating.note("scope", Timing(), 0.0)
    assert perform(rounds.claim(0.0)) == WorkingTimeGrant(300)
    perform(rounds.release(0.0))


def test_what_is_held_is_given_back_once_and_what_others_know_is_learned(rounds):
    claimed(rounds)
    flow = rounds.release(100.0)
    effect = next(flow)
    assert effect.claim.commands == 0
    with pytest.raises(StopIteration):
        flow.send(WorkingTimeGrant(0, 0.0, Knowledge(limit=60.0)))
    assert rounds.channel.operating.known.limit == 60.0
    with pytest.raises(StopIteration):
        next(rounds.release(100.0))


def test_nothing_is_held_while_waiting(rounds):
    _, granted = claimed(rounds, WorkingTimeGrant(0, 60.0))
    assert granted.wait == 60.0
    with pytest.raises(StopIteration):
        next(rounds.release(100.0))
