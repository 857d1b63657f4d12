"""The operators, run by Airflow's own task runner against a portal on a real socket."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.verification import UNMOVED_CAUSES
from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.failures import TargetsFailedError
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.operators.automation import (
    ExecuteTriggerOperator,
    TriggerAutomationOperator,
)
from airflow_provider_bitrix24.simulator.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.model import Access, User
from airflow_provider_bitrix24.simulator.testing import connection_json

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


@pytest.fixture
def move(run_task):
    """Run a TriggerAutomationOperator with these arguments."""

    def run(**arguments):
        return run_task(lambda: TriggerAutomationOperator(**{"task_id": "move", "code": "c5u4m"} | arguments))

    return run


@pytest.fixture
def connect(monkeypatch):
    """Set an Airflow connection."""

    def set_connection(webhook_url, conn_id="bitrix24_default"):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", connection_json(webhook_url))

    return set_connection


# -- what comes back


def test_one_entity_moves_and_the_report_says_from_where_to_where(portal, move):
    ran = move(target="DEAL_57")

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {
        "code": "c5u4m",
        "portal": portal.url,
        "moved": 1,
        "already": 0,
        "unmoved": 0,
        "unverified": 0,
        "failed": 0,
        "results": [{"target": "DEAL_57", "outcome": "moved", "stage_before": "NEW", "stage_after": "PREPARATION"}],
    }
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"
    assert "DEAL_57 moved: NEW -> PREPARATION" in ran.said("info")
    assert "report" not in ran.xcoms


def test_a_list_is_fired_once_each_also_in_different_spellings(portal, move):
    ran = move(target=["DEAL_57", "deal_57", " DEAL_057", "DYNAMIC_2_58"])

    assert ran.report["moved"] == 2
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}


def test_fields_are_templated(portal, move):
    ran = move(
        target="DEAL_{{ 50 + 7 }}",
        code="{{ params.code }}",
        expected_stage="{{ 'prep' | upper }}ARATION",
        bitrix24_conn_id="{{ 'bitrix24' }}_default",
        params={"code": "c5u4m"},
    )

    assert ran.report["results"][0]["target"] == "DEAL_57"
    assert ran.rendered["target"] == "DEAL_57"
    assert ran.rendered["code"] == "c5u4m"
    assert ran.rendered["expected_stage"] == "PREPARATION"
    assert ran.rendered["bitrix24_conn_id"] == "bitrix24_default"


def test_the_connections_code_is_the_default(portal, move, connect):
    connect(portal.trigger_url("c5u4m"))

    assert move(target="DEAL_57", code=None).report["moved"] == 1


def test_without_any_code_none_is_sent_and_that_is_warned_of(portal, move, caplog):
    ran = move(target="DEAL_57", code=None)

    assert ran.report["code"] is None
    assert ran.report["unmoved"] == 1
    assert "No code is given" in caplog.text


# -- unmoved


def test_a_wrong_code_is_unmoved_and_told_with_its_likely_causes_once(portal, move):
    ran = move(target=DEALS, code="C5U4M")

    assert ran.state == "success"
    assert (ran.report["moved"], ran.report["unmoved"]) == (0, 3)
    assert ran.said("warning").count(UNMOVED_CAUSES) == 1
    assert "DEAL_58 unmoved: stands at NEW" in ran.said("warning")


def test_unmoved_may_be_ignored(portal, move):
    ran = move(target="DEAL_57", code="wrong", on_unmoved="ignore")

    assert ran.state == "success"
    assert "unmoved" not in ran.said("warning")


@pytest.mark.parametrize("options", [{"on_unmoved": "fail"}, {"expected_stage": "EXECUTING"}])
def test_unmoved_fails_the_task_where_asked_or_a_stage_is_expected(portal, move, options):
    ran = move(target=DEALS, **options, code="wrong")

    assert ran.state == "failed"
    assert "3 of 3 targets did not move: DEAL_57 stands at NEW" in str(ran.error)
    assert ran.xcoms["report"]["unmoved"] == 3
    assert "return_value" not in ran.xcoms


def test_skip_skips_if_nothing_moved(portal, move):
    ran = move(target=DEALS, code="wrong", on_unmoved="skip")

    assert ran.state == "skipped"
    assert ran.xcoms["report"]["unmoved"] == 3


def test_skip_only_warns_if_anything_moved(portal, move):
    ran = move(target=["DEAL_57", "DEAL_62"], on_unmoved="skip")

    assert ran.state == "success"
    assert "DEAL_62 unmoved: stands at WON" in ran.said("warning")


# -- expected stage


@pytest.mark.parametrize("expected", ["PREPARATION", ["EXECUTING", "PREPARATION"], ("PREPARATION",)])
def test_who_stands_at_the_expected_stage_is_not_fired(portal, move, expected):
    ran = move(target=["DEAL_57", "DEAL_60"], expected_stage=expected)

    assert ran.state == "success"
    assert (ran.report["moved"], ran.report["already"]) == (1, 1)
    assert portal.fires == {"DEAL_57": 1}
    assert "DEAL_60 already at PREPARATION: not fired" in ran.said("info")


def test_an_unknown_stage_is_named_with_those_that_there_are(portal, move):
    ran = move(target="DEAL_57", expected_stage="PREPARED")

    assert ran.state == "failed"
    assert "PREPARED is no stage of its pipeline 0" in ran.said("warning")
    assert "EXECUTING (In progress)" in ran.said("warning")


@pytest.mark.parametrize("expected", ["", [], [""], 5, [None]])
def test_an_empty_expected_stage_is_refused(portal, move, expected):
    ran = move(target="DEAL_57", expected_stage=expected, **RETRIES)

    assert ran.state == "failed"
    assert "expected_stage is" in str(ran.error)
    assert portal.fires == {}


def test_a_next_try_fires_only_those_that_have_not_arrived(portal, move):
    portal.portal.add_veto("PREPARATION")
    arguments = {"target": ["DEAL_57", "DEAL_60"], "expected_stage": "PREPARATION", **RETRIES}

    first = move(**arguments)
    portal.portal.vetoes.clear()
    second = move(**arguments)

    assert first.state == "up_for_retry"
    assert isinstance(first.error, TargetsFailedError)
    assert first.error.report.unmoved == 1
    assert second.state == "success"
    assert (second.report["moved"], second.report["already"]) == (1, 1)
    assert "DEAL_60" not in portal.fires


# -- failed


def test_a_missing_entity_fails_the_task_for_good_and_the_others_are_done(portal, move):
    ran = move(target=["DEAL_57", "DEAL_999"], **RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    assert "1 of 2 targets failed: DEAL_999: It does not exist" in str(ran.error)
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"
    (error,) = (each["error"] for each in ran.xcoms["report"]["results"] if "error" in each)
    assert set(error) == {"code", "message", "executed"}
    assert error["executed"] == "no"


def test_a_refusal_of_one_of_many_names_it_and_the_others_are_done(portal, move, connect):
    portal.portal.accounts.add_user(User(2, is_admin=False, access=Access.ALL, denied_items=frozenset({(2, 58)})))
    portal.portal.accounts.add_webhook(2, "secondsecret0002")
    connect(f"{portal.url}/rest/2/secondsecret0002/")

    ran = move(target=DEALS)

    assert ran.state == "failed"
    assert "DEAL_58" in str(ran.error)
    assert ran.xcoms["report"]["moved"] == 2
    assert "DEAL_58 failed" in ran.said("warning")


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (None, "returned nothing"),
        ("['DEAL_57', 'DEAL_58']", "task.output"),
        ("{{ ['DEAL_57'] }}", "task.output"),
        ("DEAL", "no underscore"),
        (["DEAL_57", "DEAL_5x", "D_4", ""], "3 targets are malformed"),
        ("https://example.bitrix24.com/rest/1/abcdefgh/", "URL"),
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


def test_a_wrong_secret_fails_for_good(portal, move, connect):
    connect(f"{portal.url}/rest/1/wrongsecret12345/")

    ran = move(target=DEALS, **RETRIES)

    assert ran.state == "failed"
    assert "INVALID_CREDENTIALS" in str(ran.error)
    assert "wrongsecret12345" not in str(ran.error)


def test_a_portal_that_is_down_is_tried_again_by_a_retry(portal, move, time):
    portal.stop()

    ran = move(target=DEALS, **RETRIES)

    assert ran.state == "up_for_retry"
    assert time.slept, "the client has tried more than once"


def test_a_connection_that_is_wrong_fails_for_good_and_names_it(move, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", '{"conn_type": "bitrix24", "host": "example.com"}')

    ran = move(target="DEAL_57", **RETRIES)

    assert ran.state == "failed"
    assert "Connection 'bitrix24_default': The webhook's user id is missing." in str(ran.error)


LONG = [f"DEAL_{number}" for number in range(1001, 1061)]


def _add(portal, targets):
    for target in targets:
        portal.portal.add_deal(id=int(target.removeprefix("DEAL_")), stage="NEW")


def test_once_something_was_fired_no_retry_follows_without_expected_stage(portal, move, time):
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


def test_with_expected_stage_a_retry_does_the_rest(portal, move, time):
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


def test_a_time_out_of_the_task_while_it_fires_is_not_retried_without_expected_stage(portal, move):
    portal.latency.set(request_ms=10_000)  # longer than the task may run

    ran = move(target="DEAL_57", execution_timeout=timedelta(seconds=1.5), durable=False, **RETRIES)

    assert ran.state == "failed"
    assert "Interrupted while firing DEAL_57 (AirflowTaskTimeout)" in str(ran.error)


def test_a_time_out_of_the_task_is_retried_with_expected_stage(portal, move):
    portal.latency.set(request_ms=10_000)  # longer than the task may run

    ran = move(
        target="DEAL_57",
        expected_stage="PREPARATION",
        execution_timeout=timedelta(seconds=1.5),
        **RETRIES,
    )

    assert ran.state == "up_for_retry"


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({"retries": 2, "durable": False}, True),
        ({"retries": 2, "expected_stage": "PREPARATION"}, False),
        ({"retries": 0}, False),
    ],
)
def test_retries_without_expected_stage_are_warned_of(portal, move, options, warned):
    ran = move(target="DEAL_57", **options)

    assert ("The task has retries, but neither expected_stage" in ran.said("warning")) is warned


# -- without looking


def test_without_verify_one_direct_call_is_made_and_nothing_read(portal, move):
    ran = move(target="DEAL_57", verify=False)

    assert [request.method for request in portal.requests] == ["crm.automation.trigger"]
    assert ran.state == "success"
    (result,) = ran.report["results"]
    assert (result["outcome"], result["stage_before"], result["stage_after"]) == ("unverified", None, None)


def test_what_may_not_be_read_stays_unverified_and_is_one_warning(portal, move, connect):
    portal.portal.settings.subscription = "missing"
    connect(portal.system_webhook_url)

    ran = move(target=DEALS)

    assert ran.state == "success"
    assert ran.report["unverified"] == 3
    (line,) = [line for line in ran.said("warning").splitlines() if "unverified" in line]
    assert line.startswith("DEAL_57 DEAL_58 DEAL_59 unverified")
    assert {portal.portal.stage_of(deal) for deal in DEALS} == {"PREPARATION"}


def test_a_second_connection_reads_what_the_first_may_not(portal, move, connect):
    portal.portal.accounts.add_user(User(2, is_admin=True))
    portal.portal.accounts.add_webhook(2, "readersecret0002")
    connect(f"{portal.url}/rest/2/readersecret0002/", "reader")
    portal.faults.script([Fault(kind=FaultKind.ERROR, status=403, code="ACCESS_DENIED", method="batch")])

    ran = move(target=DEALS, verify_conn_id="{{ 'reader' }}", expected_stage="PREPARATION")

    assert ran.state == "success"
    assert ran.report["moved"] == 3
    fires = [request for request in portal.requests if request.method == "crm.automation.trigger"]
    assert {request.path.split("/")[2] for request in fires} == {"1"}
    reads = [request for request in portal.requests if request.method != "crm.automation.trigger"]
    assert {request.path.split("/")[2] for request in reads[1:]} == {"2"}


def test_a_second_connection_to_another_portal_is_refused(portal, move, connect):
    connect("https://other.bitrix24.com/rest/1/othersecret00001/", "reader")

    ran = move(target=DEALS, verify_conn_id="reader", **RETRIES)

    assert ran.state == "failed"
    assert "other.bitrix24.com" in str(ran.error)
    assert list(portal.requests) == []


def test_contacts_are_fired_and_stay_unverified(portal, move):
    ran = move(target="CONTACT_7")

    assert ran.state == "success"
    assert ran.report["unverified"] == 1


def test_contacts_cannot_have_an_expected_stage(portal, move):
    ran = move(target="CONTACT_7", expected_stage="WON", **RETRIES)

    assert ran.state == "failed"
    assert "expected_stage cannot be checked for CONTACT_7" in str(ran.error)
    assert list(portal.requests) == []


# -- waiting


def test_it_waits_until_all_have_arrived(portal, move, time):
    portal.portal.add_veto("PREPARATION")  # as if a robot took its time
    time.on_sleep = lambda _: [portal.portal.move(each, "PREPARATION") for each in DEALS if time.now > 1100]

    ran = move(target=DEALS, expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert ran.report["moved"] == 3
    assert 30 <= time.slept[0] <= 60
    assert set(time.slept[1:]) <= {60}
    assert "Waiting for 3 entities to arrive" in ran.said("info")
    assert ran.said("info").count("DEAL_57 moved: NEW -> PREPARATION") == 1
    assert "unmoved" not in ran.said("warning")


def test_who_has_not_arrived_at_the_end_is_unmoved(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "PREPARATION")

    ran = move(target=DEALS, expected_stage="PREPARATION", wait_timeout=100, poke_interval=30)

    assert ran.state == "failed"
    assert (ran.xcoms["report"]["moved"], ran.xcoms["report"]["unmoved"]) == (1, 2)
    assert sum(time.slept) == pytest.approx(100)
    assert ran.said("warning").count("DEAL_58 unmoved: stands at NEW") == 1
    assert ran.said("warning").count(UNMOVED_CAUSES) == 1


def test_nobody_is_waited_for_who_has_arrived_or_failed(portal, move, time):
    ran = move(target=["DEAL_57", "DEAL_60"], expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert time.slept == []


def test_waiting_outlasts_a_portal_that_fails_now_and_then(portal, move, time):
    portal.portal.add_veto("PREPARATION")

    def later(_):
        portal.faults.script(["error:500"] * 5)
        portal.portal.move("DEAL_57", "PREPARATION")
        time.on_sleep = lambda _: None

    time.on_sleep = later
    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "success"
    assert "Could not look" in ran.said("warning")


def test_waiting_ends_where_looking_is_no_longer_allowed(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: setattr(portal.portal.settings, "is_closed", True)

    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600, **RETRIES)

    assert ran.state == "failed"
    assert len(time.slept) == 1
    assert ran.xcoms["report"]["unmoved"] == 1


def test_an_entity_that_is_deleted_meanwhile_is_not_waited_for(portal, move, time):
    portal.portal.add_veto("PREPARATION")
    time.on_sleep = lambda _: portal.portal.remove("DEAL_57") if portal.portal.find("DEAL_57") else None

    ran = move(target="DEAL_57", expected_stage="PREPARATION", wait_timeout=600)

    assert ran.state == "failed"
    assert len(time.slept) == 1
    assert "It does not exist" in ran.said("warning")


def test_nothing_waits_without_wait_timeout(portal, move, time):
    ran = move(target="DEAL_57", code="wrong", expected_stage="PREPARATION", deferrable=True)

    assert ran.state == "failed"
    assert time.slept == []


# -- arguments


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"on_unmoved": "raise"}, ["on_unmoved is 'raise'", "ignore, warn, skip, fail"]),
        ({"wait_timeout": 60}, ["wait_timeout is given without expected_stage"]),
        ({"wait_timeout": -1, "expected_stage": "WON"}, ["wait_timeout is -1"]),
        ({"wait_timeout": "60", "expected_stage": "WON"}, ["wait_timeout is '60'", "seconds"]),
        ({"poke_interval": 0}, ["poke_interval is 0"]),
        ({"poke_interval": True}, ["poke_interval is True"]),
        ({"verify": False, "expected_stage": "WON"}, ["verify=False", "expected_stage"]),
        ({"verify": False, "expected_stage": "WON", "wait_timeout": 6}, ["expected_stage and wait_timeout"]),
        ({"verify": False, "on_unmoved": "warn"}, ["verify=False", "on_unmoved='warn'"]),
    ],
)
def test_arguments_that_contradict_each_other_are_refused_when_the_dag_is_read(arguments, words):
    with pytest.raises(ConfigurationError) as caught:
        TriggerAutomationOperator(task_id="move", target="DEAL_57", code="c", **arguments)

    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_without_verify_unmoved_may_be_ignored():
    TriggerAutomationOperator(task_id="move", target="DEAL_57", verify=False, on_unmoved="ignore")


def test_airflows_default_for_deferring_is_taken():
    assert TriggerAutomationOperator(task_id="move", target="DEAL_57").deferrable is False


def test_template_fields_are_kept_as_they_are():
    target = object()

    assert TriggerAutomationOperator(task_id="move", target=target).target is target


# -- the link


def test_the_link_opens_the_entity(portal, move):
    assert move(target="DEAL_57").xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/57/"


def test_of_a_list_the_link_opens_the_first(portal, move):
    ran = move(target=["DYNAMIC_177_5", "DEAL_57"])

    assert ran.xcoms["_link_EntityLink"] == f"{portal.url}/crm/type/177/details/5/"


def test_the_link_is_there_for_a_task_that_failed(portal, move):
    ran = move(target="DEAL_999")

    assert ran.state == "failed"
    assert ran.xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/999/"


# -- crm.automation.trigger.execute


def test_a_webhook_may_not_execute_an_applications_trigger(portal, run_task):
    ran = run_task(lambda: ExecuteTriggerOperator(task_id="execute", target="DEAL_57", code="paid", **RETRIES))

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    assert "crm.automation.trigger.execute" in str(ran.error)
    assert ran.xcoms["_link_EntityLink"].endswith("/crm/deal/details/57/")


def test_an_execution_of_unknown_fate_is_not_retried(portal, run_task):
    portal.faults.script(["reset:after"])

    ran = run_task(lambda: ExecuteTriggerOperator(task_id="execute", target="DEAL_57", code="paid", **RETRIES))

    assert ran.state == "failed"
    assert "repeating could move DEAL_57 twice" in str(ran.error)


# -- arguments that hold nothing, or too much


@pytest.mark.parametrize("rendered", ["{{ '' }}", "{{ ' ' }}"])
def test_a_code_that_renders_to_nothing_does_not_become_the_connections(portal, move, monkeypatch, rendered):
    variable = json.dumps({"conn_type": "bitrix24", "password": portal.webhook_url, "extra": {"default_code": "paid"}})
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", variable)

    ran = move(target="DEAL_57", code=rendered)

    assert isinstance(ran.error, AirflowFailException)
    assert "gave nothing" in str(ran.error)
    assert portal.fires == {}


def test_an_expected_stage_that_renders_to_nothing_does_not_switch_the_expectation_off(portal, move):
    ran = move(target="DEAL_57", expected_stage="{{ none or '' }}")

    assert isinstance(ran.error, AirflowFailException)
    assert "expected_stage" in str(ran.error)
    assert portal.fires == {}


def test_a_url_for_a_code_is_refused_and_not_repeated(portal, move):
    ran = move(target="DEAL_57", code=f"{portal.webhook_url}crm.automation.trigger/?code=c5u4m")

    assert isinstance(ran.error, AirflowFailException)
    assert "code is a URL" in str(ran.error)
    assert portal.webhook_url.rstrip("/").rpartition("/")[2] not in repr((ran.log, ran.xcoms))
    assert portal.requests.total == 0


@pytest.mark.parametrize("name", ["wait_timeout", "poke_interval"])
def test_endless_times_are_refused(name):
    with pytest.raises(ConfigurationError, match=name):
        TriggerAutomationOperator(
            **{"task_id": "m", "target": "DEAL_57", "expected_stage": "WON", "wait_timeout": 60, name: float("inf")}
        )


def test_an_applications_trigger_is_not_fired_again_after_an_interruption(portal, run_task, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Bitrix24Hook, "execute_trigger", interrupted)

    ran = run_task(lambda: ExecuteTriggerOperator(task_id="m", target="DEAL_57", code="paid", **RETRIES))

    assert isinstance(ran.error, AirflowFailException)
    assert "may have been fired" in str(ran.error)
