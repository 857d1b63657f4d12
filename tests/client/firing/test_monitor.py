"""What can be said of a firing that was interrupted."""

from __future__ import annotations

from airflow_provider_bitrix24.client.errors import OutcomeUnknown
from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
from tests.support.firing import LOST, NEW, NEXT, deal, deals, fired, ledger_of, queued

STOPPED = OutcomeUnknown("out of time")
PORTAL = "https://example.bitrix24.com"


def watching(ledger):
    monitor = FiringMonitor()
    monitor.watch(ledger, PORTAL)
    return monitor


def test_a_firing_that_has_not_begun_has_sent_nothing_and_has_no_report():
    monitor = FiringMonitor()
    assert (monitor.sent, monitor.interrupted_report(STOPPED)) == (False, None)


def test_before_the_first_request_has_left_nothing_was_sent():
    monitor = watching(queued(*deals(1, 2), before=None))
    assert not monitor.sent
    report = monitor.interrupted_report(STOPPED)
    assert [result.error.executed for result in report.results] == ["no", "no"]


def test_a_request_that_has_left_was_sent_even_if_nothing_came_back():
    ledger, targets = fired(2)
    monitor = watching(ledger)
    assert monitor.sent
    ledger.record_accepted(targets[0])
    ledger.record_after({deal(1): NEXT})
    report = monitor.interrupted_report(STOPPED)
    assert (report.code, report.portal, report.moved, report.failed) == ("c", PORTAL, 1, 1)
    lost = report.results[1]
    assert (lost.error.code, lost.error.message, lost.error.executed) == ("OutcomeUnknown", "out of time", "unknown")


def test_what_an_earlier_try_sent_was_sent():
    ledger = ledger_of(*deals(1, 2))
    ledger.restore_in_doubt(ledger.targets[:1], {deal(1): NEW}, LOST, now=0.0, sent_by_portal=None)
    ledger.finish_restoring()
    monitor = watching(ledger)
    assert monitor.sent
    report = monitor.interrupted_report(STOPPED)
    assert [result.error.executed for result in report.results] == ["unknown", "no"]


def test_what_an_earlier_try_only_found_at_the_stage_was_not_sent():
    ledger = ledger_of(*deals(1))
    ledger.restore_settled(ledger.targets[0], "already", NEW, NEW)
    ledger.finish_restoring()
    assert not watching(ledger).sent
