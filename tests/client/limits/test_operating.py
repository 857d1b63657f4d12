"""What a portal reports and refuses shows how much working time is left, when it is free, and where the limit is."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.limits.operating import BATCH, Figure, Knowledge, OperatingBudget, in_batch
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim, WorkingTimeState, share_working_time
from airflow_provider_bitrix24.client.protocol.wire import Timing


def wait(budget, accounts, now):
    """Seconds that a short command has to wait for which these accounts are billed."""
    claim = WorkingTimeClaim("process", 1, dict.fromkeys(accounts, 0.001))
    return share_working_time(WorkingTimeState(), now, budget.known, claim)[1].wait


def older():
    """A budget of a portal whose batches are no account."""
    return OperatingBudget(Knowledge(bills_batches=False))


def newer():
    """A budget of a portal whose batches are an account."""
    return OperatingBudget(Knowledge(bills_batches=True))


@pytest.mark.parametrize(
    ("budget", "start", "fill"), [(older(), 480, 480), (newer(), 399, 411.6), (OperatingBudget(), 399, 411.6)]
)
def test_a_portal_that_may_ban_is_stopped_short_of_its_limit(budget, start, fill):
    assert budget.known.lines == pytest.approx((start, fill))
    budget.note("m", Timing(start - 0.5, 100.0), 10.0)
    assert wait(budget, ["m"], 10.0) == 0
    budget.note("m", Timing(start + 0.5, 100.0), 10.0)
    assert wait(budget, ["m", "other"], 10.0) == 101
    assert wait(budget, ["m"], 60.0) == 51
    assert wait(budget, ["m"], 111.0) == 0
    assert wait(budget, ["other"], 10.0) == 0


def test_a_portal_that_reports_no_working_time_changes_nothing():
    budget = OperatingBudget()
    assert budget.reported is None
    budget.note("m", Timing(None, 5.0), 0.0)
    assert budget.reported is False
    budget.note("m", Timing(481.0, None), 0.0)
    assert budget.reported is True
    assert wait(budget, ["m"], 0.0) == 0
    assert budget.note_refusal("m", 0.0) is None
    assert budget.known.figures == {}


def test_the_envelope_of_a_batch_shows_which_kind_of_portal_it_is():
    budget = OperatingBudget()
    budget.note_batch(0.0, 0.4)
    budget.note_batch(None, 0.4)
    assert budget.known.bills_batches is None, "so little work shows nothing"
    budget.note_batch(0.0, 0.6)
    assert budget.known.bills_batches is False
    budget.note_batch(0.3, 0.6)
    budget.note_batch(0.0, 0.6)
    assert budget.known.bills_batches is True


def test_a_refusal_of_an_older_portal_lasts_until_the_oldest_minute_is_free():
    budget = older()
    budget.note("m", Timing(100.0, 500.0), 50.0)
    assert budget.note_refusal("m", 51.0) == 499
    assert budget.known.limit == 100
    budget.note("m", Timing(90.0, 30.0), 1050.0)
    assert budget.note_refusal("m", 1060.0) == 20
    assert budget.known.limit == 100, "ten seconds later the portal's figure proves nothing any more"
    assert budget.note_refusal("m", 1090.0) == 0


def test_a_limit_that_calls_were_accepted_above_is_higher():
    budget = older()
    budget.note("m", Timing(100.0, 500.0), 50.0)
    budget.note_refusal("m", 51.0)
    budget.note("m", Timing(150.0, 400.0), 60.0)
    assert budget.known.limit == 150


def test_a_refusal_of_a_newer_portal_is_a_ban_after_which_the_sum_is_zero():
    budget = newer()
    budget.note("m", Timing(300.0, 590.0), 50.0)
    budget.note("other", Timing(300.0, 590.0), 50.0)
    assert budget.note_refusal("m", 60.0) == 300, "and not 580, until the oldest minute would be free"
    assert budget.note_refusal("m", 100.0) == 260
    assert wait(budget, ["m"], 359.0) == 2
    assert wait(budget, ["m"], 360.0) == 0
    assert budget.known.figures["m"].used == 0
    assert wait(budget, ["other"], 60.0) == 0


def test_a_portal_of_unknown_kind_is_tried_again_when_a_ban_would_be_over():
    budget = OperatingBudget()
    budget.note("m", Timing(410.0, 590.0), 50.0)
    assert budget.note_refusal("m", 60.0) == 300
    assert wait(budget, ["m"], 100.0) == 261
    budget.note("m", Timing(410.0, 40.0), 400.0)
    assert budget.note_refusal("m", 402.1) == pytest.approx(37.9)


def test_a_sum_that_falls_before_any_minute_is_free_shows_a_ban_and_its_end():
    budget = newer()
    budget.note("m", Timing(390.0, 500.0), 50.0)
    budget.note("m", Timing(15.0, 280.0), 60.0)
    assert wait(budget, ["m"], 60.0) == 281
    assert budget.known.limit is None


@pytest.mark.parametrize(
    ("used", "reset_in", "at"),
    [(15.0, 100.0, 551.0), (15.0, 490.0, 60.0), (250.0, 280.0, 60.0), (15.0, 280.0, 49.0)],
    ids=["after the reset", "an answer that was overtaken", "too little", "an old answer"],
)
def test_other_sums_that_fall_show_no_ban(used, reset_in, at):
    budget = newer()
    budget.note("m", Timing(390.0, 500.0), 50.0)
    budget.note("m", Timing(used, reset_in, None), at)
    assert budget.known.figures["m"].banned_until < 0


def test_answers_that_overtake_each_other_leave_the_larger_sum_until_the_reset():
    budget = newer()
    budget.note("m", Timing(100.0, 500.0), 50.0)
    budget.note("m", Timing(80.0, 499.5), 50.3)
    assert budget.known.figures["m"].used == 100
    budget.note("m", Timing(60.0, 530.0), 560.0)
    assert budget.known.figures["m"].used == 60


def test_work_that_no_report_shows_yet_counts():
    budget = newer()
    budget.note("m", Timing(100.0, 500.0), 50.0, unseen=2.5)
    assert budget.known.figures["m"].used == 102.5
    budget.note_unanswered("m", 60.0, 120.0)
    assert budget.known.figures["m"].used == 162.5
    budget.note_unanswered("other", 60.0, 120.0)
    assert budget.known.figures["other"] == Figure(60.0, 120.0, 720.0)


def test_no_wait_is_longer_than_the_window_of_ten_minutes():
    budget = older()
    budget.note("m", Timing(500.0, 1e9), 0.0)
    assert wait(budget, ["m"], 0.0) == 600
    assert budget.note_refusal("m", 0.0) == 600


def test_knowledge_of_several_processes_is_put_together():
    mine = Knowledge({"m": Figure(10.0, 1.0, 500.0), BATCH: Figure(5.0, 1.0, 500.0)}, None, 300.0)
    theirs = Knowledge({"m": Figure(20.0, 2.0, 560.0, 310.0), in_batch("m"): Figure(7.0, 0.0, 500.0)}, True, None)
    both = mine.merged(theirs)
    assert both == Knowledge(
        {
            "m": Figure(20.0, 2.0, 560.0, 310.0),
            BATCH: mine.figures[BATCH],
            in_batch("m"): theirs.figures[in_batch("m")],
        },
        True,
        300.0,
    )
    assert theirs.merged(mine) == both
    assert both.shifted(100.0).figures["m"] == Figure(20.0, 102.0, 660.0, 410.0)
    assert Knowledge().merged(Knowledge(bills_batches=False)).bills_batches is False


def test_a_request_is_not_begun_at_exactly_the_line():
    budget = older()
    budget.note("m", Timing(480.0, 100.0), 10.0)
    assert wait(budget, ["m"], 10.0) == 101


@pytest.mark.parametrize(
    ("used", "refused_at", "limit"), [(0.0, 50.0, None), (480.0, 50.0, None), (100.0, 52.0, 100.0), (100.0, 52.1, None)]
)
def test_a_refusal_shows_a_limit_only_after_a_fresh_figure_below_the_documented_one(used, refused_at, limit):
    budget = older()
    budget.note("m", Timing(used, 500.0), 50.0)
    budget.note_refusal("m", refused_at)
    assert budget.known.limit == limit


def test_a_ban_that_ends_at_this_moment_is_over():
    budget = newer()
    budget.note_refusal("m", 60.0)
    assert budget.note_refusal("m", 359.0) == 1
    assert budget.note_refusal("m", 360.0) == 300, "a ban of its own"


def test_calls_inside_batches_have_an_account_of_their_own():
    assert in_batch("crm.item.get") == "batch/crm.item.get"


def test_of_different_knowledge_the_newer_kind_of_portal_and_the_lower_limit_count():
    both = Knowledge(bills_batches=True, limit=300.0).merged(Knowledge(bills_batches=False, limit=200.0))
    assert (both.bills_batches, both.limit) == (True, 200.0)


def test_half_a_second_of_work_shows_that_batches_are_no_account():
    budget = OperatingBudget()
    budget.note_batch(0.0, 0.5)
    assert budget.known.bills_batches is False


def test_a_limit_is_known_only_from_a_report_that_is_above_nothing():
    budget = older()
    budget.note_refusal("m", 0.0)
    assert budget.known.limit is None
    budget.note("m", Timing(0.5, 500.0), 50.0)
    budget.note_refusal("m", 51.0)
    assert budget.known.limit == 0.5


def test_after_a_ban_the_sum_is_zero_until_the_next_report():
    budget = newer()
    budget.note_refusal("m", 60.0)
    assert budget.known.figures["m"] == Figure(0.0, 60.0, 360.0, 360.0)


def test_what_other_processes_know_is_taken_over():
    budget = newer()
    budget.note("m", Timing(100.0, 500.0), 50.0)
    budget.learn(Knowledge({"n": Figure(400.0, 50.0, 150.0)}, None, 300.0), 50.0)
    assert set(budget.known.figures) == {"m", "n"}
    assert wait(budget, ["n"], 50.0) == 101
    assert budget.known.limit == 300


def test_a_limit_is_at_least_what_others_have_used():
    budget = older()
    budget.note("m", Timing(100.0, 300.0), 50.0)
    budget.learn(Knowledge({"m": Figure(250.0, 50.0, 350.0)}), 50.5)
    budget.note_refusal("m", 51.0)
    assert budget.known.limit == 250.0
