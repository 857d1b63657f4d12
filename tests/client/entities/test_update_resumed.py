"""A later try goes on where one was cut off, and fires only what could be updated."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entities.update import UpdateMonitor
from airflow_provider_bitrix24.client.errors import OutcomeUnknown
from tests.support.updates import UpdateCheckpoint, amount, amounts, counts, moves_of, sent, stages, update

REVOKED = {"kind": "error", "status": 401, "code": "INVALID_CREDENTIALS"}


@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_later_try_goes_on_where_one_was_cut_off(benches, at, moving):
    with benches("sync") as bench:
        bench.deals(150)
        if moving:
            bench.portal.add_robot("PREPARATION", move_to="EXECUTING")
        updates = stages(bench, 150) if moving else amounts(150)
        kept = UpdateCheckpoint()
        kept.saves_left = at
        with pytest.raises(KeyboardInterrupt):
            update(bench, updates, checkpoint_store=kept)
        kept.saves_left = None
        before = sent(bench)

        report = update(bench, updates, checkpoint_store=kept)

        # What was open when the try ended shows its new value already.
        assert report.updated + report.unchanged == 150
        assert sent(bench) - before <= 150 - max(0, before - 50)
        if moving:
            assert all(moves_of(bench, number) == ["PREPARATION", "EXECUTING"] for number in range(1, 151))
        else:
            assert all(amount(bench, number) == number * 10 for number in range(1, 151))


def test_a_later_try_with_other_amounts_writes_them_all(benches):
    with benches("sync") as bench:
        bench.deals(60)
        kept = UpdateCheckpoint()
        update(bench, amounts(60), checkpoint_store=kept)

        report = update(bench, amounts(60, factor=20), checkpoint_store=kept)

        assert counts(report) == (60, 0, 0)
        assert amount(bench, 60) == 1200


def test_a_later_try_leaves_alone_what_is_done(benches):
    with benches("sync") as bench:
        bench.deals(60)
        kept = UpdateCheckpoint()
        update(bench, amounts(60), checkpoint_store=kept)

        report = update(bench, amounts(60), checkpoint_store=kept)

        assert counts(report) == (60, 0, 0)
        assert sent(bench) == 60


def test_a_monitor_tells_how_far_it_came(benches):
    with benches("sync") as bench:
        bench.deals(100)
        kept, monitor = UpdateCheckpoint(), UpdateMonitor()
        kept.saves_left = 1
        with pytest.raises(KeyboardInterrupt):
            update(bench, amounts(100), checkpoint_store=kept, monitor=monitor)

        report = monitor.interrupted_report(OutcomeUnknown("interrupted"))

        assert monitor.sent
        assert counts(report) == (25, 0, 75)
        assert {each.error.executed for each in report.results if each.error} == {"no"}


@pytest.mark.parametrize("place", range(9))
@pytest.mark.parametrize("fault", ["reset:after", "html:502:after", "error:500"])
def test_wherever_an_answer_is_lost_amounts_are_right_and_nothing_is_fired_twice(benches, fault, place):
    with benches("sync") as bench:
        bench.stairs(60)
        bench.server.faults.script([None] * place + [fault])

        report = update(bench, amounts(60))
        fired = bench.fire(report.targets)

        assert (report.failed, fired.moved) == (0, 60)
        assert all(amount(bench, number) == number * 10 for number in range(1, 61))
        assert set(bench.portal.moves.values()) == {1}


def test_what_could_not_be_updated_is_not_fired(benches):
    with benches("sync") as bench:
        bench.stairs(3)
        bench.server.faults.script([None, None, {"kind": "command_error", "code": "ACCESS_DENIED", "keys": ["c1"]}])

        report = update(bench, amounts(3))
        bench.fire(report.targets)

        assert set(bench.server.fires) == {"DEAL_1", "DEAL_3"}


@pytest.fixture(params=["after it ran", "before it ran"])
def cut_off(request, benches):
    """Two updates without an answer, and whether they moved their deals."""
    with benches("sync") as bench:
        bench.deals(2)
        kept = UpdateCheckpoint()
        kept.saves_left = 1
        if request.param == "before it ran":
            bench.server.faults.script([None, None, None, "reset"])
        with pytest.raises(KeyboardInterrupt):
            update(bench, stages(bench, 2), checkpoint_store=kept)
        kept.saves_left = None
        yield bench, kept, request.param == "after it ran"


def outcomes(report):
    return {(each.outcome, each.error and each.error.executed) for each in report.results}


def known(ran):
    return {("updated", None)} if ran else {("failed", "unknown")}


def test_what_the_reading_before_has_shown_is_known_where_nobody_can_look_again(cut_off):
    bench, kept, ran = cut_off
    for _ in range(2):
        bench.server.faults.script([None, None, *[REVOKED] * 9])
        assert outcomes(update(bench, stages(bench, 2), checkpoint_store=kept)) == known(ran)


def test_what_the_reading_before_has_shown_is_known_where_the_next_try_is_interrupted(cut_off, monkeypatch):
    bench, kept, ran = cut_off
    monitor = UpdateMonitor()

    def interrupt(seconds, kind):
        if kind == "retry":
            raise KeyboardInterrupt

    monkeypatch.setattr(kept, "wait", interrupt)
    bench.server.faults.script([None, None, "error:503"])
    with pytest.raises(KeyboardInterrupt):
        update(bench, stages(bench, 2), checkpoint_store=kept, monitor=monitor)
    assert outcomes(monitor.interrupted_report(OutcomeUnknown("interrupted"))) == known(ran)
