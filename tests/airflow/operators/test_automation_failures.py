"""What fails a task of the operator, and whether a retry follows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import Access, User
from tests.support.downtime import taken_down
from tests.support.execution_timeouts import timeout_while_the_portal_works

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}
SLOW = Fault(kind=FaultKind.DELAY, when="after", seconds=10)
"""The portal executes the request, and its answer takes time."""


def test_a_missing_entity_fails_the_task_permanently_after_the_others_have_moved(portal, move):
    ran = move(target=["DEAL_57", "DEAL_999"], **RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    assert "1 of 2 deals failed: DEAL_999: It does not exist" in str(ran.error)
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"
    (error,) = (each["error"] for each in ran.xcoms["report"]["results"] if "error" in each)
    assert set(error) == {"code", "message", "executed"}
    assert error["executed"] == "no"


def test_an_entity_that_is_refused_is_named_and_the_others_move(portal, move, connect):
    portal.portal.accounts.add_user(User(2, is_admin=False, access=Access.ALL, denied_items=frozenset({(2, 58)})))
    portal.portal.accounts.add_webhook(2, "secondsecret0002")
    connect(f"{portal.url}/rest/2/secondsecret0002/")

    ran = move(target=DEALS)

    assert ran.state == "failed"
    assert "DEAL_58" in str(ran.error)
    assert ran.xcoms["report"]["moved"] == 2
    assert "failed (executed: no): DEAL_58" in ran.said("warning")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (None, "returned nothing"),
        ("['DEAL_57', 'DEAL_58']", "task.output"),
        ("{{ ['DEAL_57'] }}", "task.output"),
        ("DEAL", "no underscore"),
        (["DEAL_57", "DEAL_5x", "D_4", ""], "3 targets are malformed"),
        ("{{ 'https://example.bitrix24.com/rest/1/abcdefgh/' }}", "URL"),
    ],
)
def test_a_malformed_target_is_refused_before_anything_is_sent(portal, move, target, words):
    ran = move(target=target, **RETRIES)

    assert ran.state == "failed"
    assert words in str(ran.error)
    assert "abcdefgh" not in str(ran.error)
    assert list(portal.requests) == []


def test_an_empty_list_succeeds_without_connection_or_request(portal, move, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_BITRIX24_DEFAULT")

    ran = move(target=[])

    assert ran.state == "success"
    assert ran.report["results"] == []
    assert not ran.xcoms["_link_EntityLink"]
    assert list(portal.requests) == []


def test_a_wrong_secret_fails_the_task_permanently(portal, move, connect):
    connect(f"{portal.url}/rest/1/wrongsecret12345/")

    ran = move(target=DEALS, **RETRIES)

    assert ran.state == "failed"
    assert "INVALID_CREDENTIALS" in str(ran.error)
    assert "wrongsecret12345" not in str(ran.error)


def test_a_portal_that_is_down_leads_to_a_retry(portal, move, time):
    with taken_down(portal):
        ran = move(target=DEALS, **RETRIES)

    assert ran.state == "up_for_retry"
    assert time.slept, "the client has tried more than once"


def test_a_wrong_connection_fails_the_task_permanently_and_is_named(move, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", '{"conn_type": "bitrix24", "host": "example.com"}')

    ran = move(target="DEAL_57", **RETRIES)

    assert ran.state == "failed"
    assert "Connection 'bitrix24_default': The webhook's user id is missing." in str(ran.error)


LONG = [f"DEAL_{number}" for number in range(1001, 1061)]


def _add(portal, targets):
    for target in targets:
        portal.portal.add_deal(id=int(target.removeprefix("DEAL_")), stage="NEW")


def test_without_expected_stage_no_retry_follows_a_fire(portal, move):
    _add(portal, LONG)
    portal.faults.script([None, None, *["refuse"] * 50])  # the snapshot and the first batch pass

    ran = move(target=LONG, durable=False, **RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    report = ran.xcoms["report"]
    assert 0 < report["moved"] < len(LONG)
    assert report["moved"] + report["failed"] == len(LONG)
    assert f"{report['moved']} were fired; repeating could move them twice. Set expected_stage" in str(ran.error)
    assert max(portal.fires.values()) == 1


def test_with_expected_stage_a_retry_fires_the_rest(portal, move):
    _add(portal, LONG)
    portal.faults.script([None, None, *["refuse"] * 50])
    arguments = {"target": LONG, "expected_stage": "PREPARATION", **RETRIES}

    first = move(**arguments)
    portal.faults.clear()
    second = move(**arguments)

    assert first.state == "up_for_retry"
    assert second.state == "success"
    assert second.report["moved"] + second.report["already"] == len(LONG)
    assert set(portal.fires.values()) == {1}


def test_an_execution_timeout_while_firing_is_not_retried_without_expected_stage(portal, move):
    portal.faults.script([None, SLOW])  # the reading passes

    with timeout_while_the_portal_works(portal):
        ran = move(target="DEAL_57", execution_timeout=timedelta(hours=1), durable=False, **RETRIES)

    assert ran.state == "failed"
    assert "Interrupted (AirflowTaskTimeout): 1 of 1 targets were fired" in str(ran.error)
    assert "Set expected_stage" in str(ran.error)
    assert ran.xcoms["report"]["results"][0]["error"]["executed"] == "unknown"
    assert portal.fires == {"DEAL_57": 1}


@pytest.mark.parametrize("expected", [{}, {"expected_stage": "PREPARATION"}])
def test_an_execution_timeout_before_anything_was_fired_is_retried(portal, move, expected):
    portal.faults.script([SLOW])  # the reading

    with timeout_while_the_portal_works(portal):
        ran = move(target="DEAL_57", execution_timeout=timedelta(hours=1), durable=False, **expected, **RETRIES)

    assert ran.state == "up_for_retry"
    assert portal.fires == {}


def test_an_execution_timeout_while_firing_is_retried_with_expected_stage(portal, move):
    portal.faults.script([None, SLOW])
    arguments = {"target": "DEAL_57", "expected_stage": "PREPARATION", "durable": False, **RETRIES}

    with timeout_while_the_portal_works(portal):
        first = move(**arguments, execution_timeout=timedelta(hours=1))
    second = move(**arguments)

    assert first.state == "up_for_retry"
    assert second.state == "success"
    assert portal.fires == {"DEAL_57": 1}


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({"retries": 2, "durable": False}, True),
        ({"retries": 2, "expected_stage": "PREPARATION"}, False),
        ({"retries": 0}, False),
    ],
)
def test_the_log_warns_of_retries_without_expected_stage(portal, move, options, warned):
    ran = move(target="DEAL_57", **options)

    assert ("The task has retries, but neither expected_stage" in ran.said("warning")) is warned
