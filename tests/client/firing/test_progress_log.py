"""Now and then a line about how far a firing is."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
from airflow_provider_bitrix24.client.firing.progress_log import LOG_EVERY, ProgressLog, resumed_line
from tests.support.firing import LOST, NEW, deal, deals, ledger_of, queued, send


def test_a_line_comes_every_half_minute_and_estimates_the_rest():
    ledger = queued(*deals(*range(1, 101)))
    log = ProgressLog(ledger, began=1000.0)
    send(ledger, 20)
    assert log.line(1000.0 + LOG_EVERY - 0.1) is None
    assert log.line(1030.0).message == "20 of 100 targets are fired or settled, 40 a minute, about 120 s left."
    send(ledger, 20)
    assert log.line(1059.9) is None
    assert log.line(1060.0).message == "40 of 100 targets are fired or settled, 40 a minute, about 90 s left."


def test_where_nothing_is_done_yet_nothing_is_estimated():
    log = ProgressLog(ledger_of(*deals(1, 2)), began=0.0)
    assert log.line(30.0).message == "0 of 2 targets are fired or settled, 0 a minute."


def test_targets_of_an_earlier_try_count_as_done_and_not_as_fast():
    ledger = ledger_of(*deals(1, 2, 3, 4))
    for target in ledger.targets[:2]:
        ledger.restore_settled(target, "moved", NEW, NEW)
    ledger.restore_in_doubt(ledger.targets[2:3], {deal(3): NEW}, LOST, now=0.0, sent_by_portal=None)
    ledger.finish_restoring()
    log = ProgressLog(ledger, began=0.0)
    assert log.line(30.0).message == "2 of 4 targets are fired or settled, 0 a minute."


def test_where_nothing_is_left_to_do_there_is_no_line():
    ledger = queued(*deals(1, 2))
    log = ProgressLog(ledger, began=0.0)
    send(ledger, 2)
    assert log.line(60.0) is None


@pytest.mark.parametrize(
    ("states", "line"),
    [
        ("mm..", "2 of 4 are done; firing 2."),
        ("mm.?", "2 of 4 are done; firing 1, reading 1 that an earlier try fired before firing any of them again."),
        ("mm??", "2 of 4 are done; reading 2 that an earlier try fired before firing any of them again."),
        ("mmmp", "3 of 4 are done; awaiting 1."),
        ("mmmm", "4 of 4 are done; nothing to fire."),
    ],
)
def test_a_next_try_logs_what_is_left_to_do(states, line):
    ledger = ledger_of(*deals(1, 2, 3, 4))
    for letter, target in zip(states, ledger.targets, strict=True):
        if letter == "m":
            ledger.restore_settled(target, "moved", NEW, NEW)
        elif letter == "p":
            ledger.restore_accepted(target, NEW, NEW)
        elif letter == "?":
            ledger.restore_in_doubt([target], {target.ref: NEW}, LOST, now=0.0, sent_by_portal=None)
    ledger.finish_restoring()
    kept = KeptFiring(host="example.bitrix24.com", code=ledger.job.code, lists=[], states="")
    assert resumed_line(ledger, kept).message == line
