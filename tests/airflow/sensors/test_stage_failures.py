"""What ends the stage sensor without success, and what it tolerates."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, ServerError, TransportError
from airflow_provider_bitrix24.compat import AirflowFailException, AirflowSensorTimeout
from airflow_provider_bitrix24.sensors.stage import MAX_FAILURES, StageSensor
from airflow_provider_bitrix24.simulator.testing import connection_json
from tests.support.sensor_runs import DEALS, DOWN, RETRIES, move_at_sleeps, only


@pytest.mark.parametrize("when", [0, 1])
def test_a_missing_entity_fails_the_task_at_once_with_the_reason(portal, wait, time, when):
    if when:
        time.on_sleep = lambda _: portal.portal.remove("DEAL_58")

    ran = wait(target=DEALS if when else [*DEALS, "DEAL_999"], **RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    name = "DEAL_58" if when else "DEAL_999"
    assert f"{name}: It does not exist, or the webhook's user may not read it." in str(ran.error)
    assert len(time.slept) == when


@pytest.mark.parametrize("when", [0, 1])
def test_an_entity_at_a_stage_of_fail_on_fails_the_task(portal, wait, time, when):
    if when:
        move_at_sleeps(portal, time, ("DEAL_58", "LOSE"))
    else:
        portal.portal.move("DEAL_58", "LOSE")

    ran = wait(fail_on=["LOSE", "APOLOGY"], **RETRIES)

    assert ran.state == "failed"
    assert "DEAL_58 stands at LOSE." in str(ran.error)
    assert len(time.slept) == when


@pytest.mark.parametrize(
    "arguments",
    [{"fail_on": "NEW"}, {"target": "DEAL_999"}, {"target": "nonsense"}],
)
def test_with_soft_fail_a_failure_skips_the_task(portal, wait, arguments):
    ran = wait(soft_fail=True, **arguments)

    assert ran.state == "skipped"


def test_with_soft_fail_a_later_failure_skips_the_task(portal, wait, time):
    move_at_sleeps(portal, time, ("DEAL_58", "LOSE"))

    ran = wait(soft_fail=True, fail_on="LOSE")

    assert ran.state == "skipped"
    assert "DEAL_58 stands at LOSE." in ran.said("error")


@only("poke", "deferrable")
@pytest.mark.parametrize(("soft", "state"), [(False, "failed"), (True, "skipped")])
def test_it_stops_waiting_when_time_is_up(portal, wait, time, soft, state):
    ran = wait(timeout=150, soft_fail=soft, **RETRIES)

    assert ran.state == state
    assert soft or isinstance(ran.error, AirflowSensorTimeout)
    assert 150 <= time.now - 1000 <= 180
    assert ran.xcoms.get("return_value") is None


def test_it_continues_to_wait_if_the_portal_fails_for_a_while(portal, wait, time):
    left = [DOWN, DOWN]

    def later(seconds):
        if seconds <= 30:  # a pause between two tries of one request
            return
        if left:
            portal.faults.script(left.pop())
        else:
            for deal in DEALS:
                portal.portal.move(deal, "PREPARATION")

    time.on_sleep = later
    ran = wait()

    assert ran.state == "success"
    assert left == []


@only("poke", "deferrable")
def test_a_portal_that_is_down_for_too_long_fails_the_task_with_a_retry(portal, wait):
    portal.faults.script(["error:500"], repeat=True)

    ran = wait(timeout=100_000, **RETRIES)

    assert ran.state == "up_for_retry"
    assert isinstance(ran.error, ServerError | TransportError)
    assert MAX_FAILURES * 5 <= portal.requests.total <= (MAX_FAILURES + 1) * 5


@only("reschedule")
def test_rescheduled_it_waits_for_a_portal_that_is_down_for_longer(portal, wait):
    portal.faults.script(["error:500"] * 5 * (MAX_FAILURES + 2))
    [portal.portal.move(deal, "PREPARATION") for deal in DEALS]

    assert wait().state == "success"


def test_a_permanent_refusal_ends_the_wait(portal, wait, time):
    time.on_sleep = lambda _: setattr(portal.portal.settings, "is_closed", True)

    ran = wait(**RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    assert len(time.slept) == 1


def test_the_error_for_a_wrong_secret_does_not_show_it(portal, wait, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", connection_json(f"{portal.url}/rest/1/wr0ngsecret12345/"))

    ran = wait(**RETRIES)

    assert ran.state == "failed"
    assert "wr0ngsecret12345" not in str(ran.error)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"target": ["DEAL_57", "CONTACT_7", "COMPANY_1", "ORDER_3"]},
            "CONTACT_7, COMPANY_1, ORDER_3 cannot be read, so expected_stage cannot work.",
        ),
        ({"target": None}, "target is None"),
        ({"target": "['DEAL_57']"}, "a list that a template turned into text"),
        ({"target": ["DEAL_57", "D_58", "DEAL"]}, "2 targets are malformed"),
        ({"expected_stage": None}, "expected_stage is None"),
        ({"expected_stage": []}, "expected_stage is []"),
        ({"fail_on": [" "]}, "fail_on is [' ']"),
        ({"fail_on": "{{ '' }}"}, "fail_on is ''"),
        ({"fail_on": ["LOSE", "PREPARATION"]}, "'PREPARATION' is in expected_stage and in fail_on"),
    ],
)
def test_wrong_arguments_fail_the_task_permanently_and_nothing_is_sent(portal, wait, arguments, words):
    ran = wait(**arguments, **RETRIES)

    assert ran.state == "failed"
    assert words in str(ran.error)
    assert ran.error.__cause__ is None, "one sentence, not two tracebacks"
    assert list(portal.requests) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"require": "most"}, "require is 'most'"), ({"poke_interval": 0}, "poke_interval is 0")],
)
def test_wrong_constants_are_refused_when_the_dag_is_read(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        StageSensor(task_id="wait", target="DEAL_57", expected_stage="WON", **arguments)
