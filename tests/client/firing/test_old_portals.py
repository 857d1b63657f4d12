"""Portals too old for ``crm.item.*``: fires leave, and stay unverified with the reason."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, NotFoundError
from airflow_provider_bitrix24.client.flows.readings import TOO_OLD


@pytest.fixture
def old(bench):
    bench.portal.settings.item_methods = False
    return bench


@pytest.mark.parametrize("number", [1, 60])
def test_what_is_fired_stays_unverified_with_the_reason_and_is_fired_once(old, number):
    report = old.fire(old.deals(number))
    assert {(each.outcome, each.reason, each.error) for each in report.results} == {("unverified", TOO_OLD, None)}
    assert set(old.portal.fires.values()) == {1}
    assert sum("too old for crm.item.list" in line for line in old.logged) == 1


def test_with_expected_stage_it_stays_unverified_too(old):
    report = old.fire(old.deals(2), expected_stage="PREPARATION")
    assert {(each.outcome, each.reason) for each in report.results} == {("unverified", TOO_OLD)}


def test_windows_after_the_first_one_have_the_same_reason(old):
    report = old.fire(old.deals(2600))
    assert {(each.outcome, each.reason) for each in report.results} == {("unverified", TOO_OLD)}


def test_a_second_connection_to_the_same_portal_is_not_asked_in_vain(old):
    old.portal.accounts.add_webhook(1, "second0000")
    old.reader = old.server.webhook_url.replace(old.server.webhook_url.rstrip("/").rpartition("/")[2], "second0000")
    report = old.fire(old.deals(1))
    assert report.unverified == 1
    assert len(old.server.requests) == 2


def test_a_lost_answer_leaves_unknown_what_became_of_it(old):
    old.server.faults.script([None, "reset:after"])
    report = old.fire(old.deals(3))
    assert {(each.outcome, each.error.executed) for each in report.results} == {("failed", "unknown")}
    assert set(old.portal.fires.values()) == {1}


def test_verify_off_needs_no_reading(old):
    assert old.fire(old.deals(2), verify=False).unverified == 2


def test_reading_stages_says_that_the_portal_is_too_old(old):
    error = old.do("get_stages", old.deals(1))
    assert isinstance(error, NotFoundError)
    assert TOO_OLD in str(error)
    assert "spelling" not in str(error)


def test_a_stage_that_cannot_be_checked_is_not_refused(old):
    assert not isinstance(old.fire(old.deals(1), expected_stage="NOSUCH"), ConfigurationError)


def test_the_check_of_a_connection_says_it(old):
    diagnosis = old.do("diagnose")
    assert diagnosis.ok is True
    assert TOO_OLD in diagnosis.message
    assert "results stay unverified" in diagnosis.message
    assert "does not look like a Bitrix24 portal" not in diagnosis.message
