"""Now and then a line about how far a firing is."""

from __future__ import annotations

from airflow_provider_bitrix24.client.firing.progress_log import LOG_EVERY, ProgressLog
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
