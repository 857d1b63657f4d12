"""The stage sensor in its three modes, run by Airflow's own task runner against a portal on a real socket."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, ServerError, TransportError
from airflow_provider_bitrix24.compat import AirflowFailException, AirflowSensorTimeout
from airflow_provider_bitrix24.exceptions import LostEventError
from airflow_provider_bitrix24.sensors.stage import MAX_FAILURES, StageSensor
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET
from airflow_provider_bitrix24.simulator.testing import connection_json

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
MODES = ("poke", "reschedule", "deferrable")
DOWN = ["error:500"] * 5
"""As often as one request is tried."""
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


def only(*modes):
    """Say in which modes a test, or those of a class, run; otherwise it is all of them."""

    def mark(tests):
        tests.modes = modes
        return tests

    return mark


def pytest_generate_tests(metafunc):
    if "mode" in metafunc.fixturenames:
        chosen = getattr(metafunc.function, "modes", getattr(metafunc.cls, "modes", MODES))
        metafunc.parametrize("mode", chosen)


@pytest.fixture
def wait(run_task, portal, time, mode):
    """Run a StageSensor in one of the modes."""

    def run(on_event=lambda event: event, **arguments):
        own = {"deferrable": True} if mode == "deferrable" else {"deferrable": False, "mode": mode}
        defaults = {"task_id": "wait", "target": DEALS, "expected_stage": "PREPARATION", "timeout": 600}
        ran = run_task(lambda: StageSensor(**defaults | own | arguments), on_event)
        while ran.state == "up_for_reschedule":
            time.sleep(60)
            ran = run_task(lambda: StageSensor(**defaults | own | arguments), on_event)
        return ran

    return run


def _later(portal, time, *moves):
    """Make one move at each sleep."""
    left = list(moves)
    time.on_sleep = lambda _: portal.portal.move(*left.pop(0)) if left else None


def test_it_waits_until_all_stand_there(portal, wait, time):
    _later(portal, time, *((deal, "PREPARATION") for deal in DEALS))

    ran = wait()

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == dict.fromkeys(DEALS, "PREPARATION")
    assert len(time.slept) == 3
    assert portal.requests.total == 4
    assert portal.fires.total() == 0


def test_any_of_them_will_do(portal, wait, time):
    _later(portal, time, ("DEAL_58", "PREPARATION"))

    ran = wait(require="any")

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {"DEAL_58": "PREPARATION"}


def test_any_of_several_stages_will_do(portal, wait, time):
    _later(portal, time, ("DEAL_57", "PREPARATION"), ("DEAL_58", "EXECUTING"))

    ran = wait(target=DEALS[:2], expected_stage=["PREPARATION", "EXECUTING"])

    assert ran.xcoms["return_value"] == {"DEAL_57": "PREPARATION", "DEAL_58": "EXECUTING"}


def test_all_must_stand_there_at_one_look(portal, wait, time):
    _later(
        portal,
        time,
        ("DEAL_57", "PREPARATION"),
        ("DEAL_57", "EXECUTING"),
        ("DEAL_58", "PREPARATION"),
        ("DEAL_57", "PREPARATION"),
    )

    wait(target=DEALS[:2])

    assert len(time.slept) == 4


def test_types_are_mixed_in_one_request(portal, wait, time):
    portal.portal.add_item(31, 900, stage="DT31_2:N")
    portal.portal.add_item(7, 900, stage="SENT")
    portal.portal.add_item(1, 900, stage="IN_PROCESS")
    portal.portal.add_item(177, 900, stage="DT177_12:CLIENT")
    _later(portal, time, ("SMART_INVOICE_900", "DT31_2:P"))

    ran = wait(
        target=["SMART_INVOICE_900", "quote_900", "LEAD_900", "DYNAMIC_177_900"],
        expected_stage=["DT31_2:P", "SENT", "IN_PROCESS", "DT177_12:CLIENT"],
    )

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {
        "SMART_INVOICE_900": "DT31_2:P",
        "QUOTE_900": "SENT",
        "LEAD_900": "IN_PROCESS",
        "DYNAMIC_177_900": "DT177_12:CLIENT",
    }
    assert portal.requests.total == 2


@only("poke")
def test_many_entities_are_one_request_per_2500(portal, wait):
    for number in range(10_000, 12_501):
        portal.portal.add_deal(id=number)

    ran = wait(target=[f"DEAL_{number}" for number in range(10_000, 12_500)], expected_stage="NEW")
    assert (ran.state, portal.requests.total) == ("success", 1)

    wait(target=[f"DEAL_{number}" for number in range(10_000, 12_501)], expected_stage="NEW")
    assert portal.requests.total == 3


def test_who_stands_there_already_is_not_waited_for(portal, wait, time):
    ran = wait(target="DEAL_60", expected_stage="PREPARATION")

    assert ran.state == "success"
    assert time.slept == []
    assert ran.deferrals == []


def test_an_empty_list_succeeds_at_once(portal, wait, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_BITRIX24_DEFAULT")

    ran = wait(target=[])

    assert ran.state == "success"
    assert list(portal.requests) == []


@pytest.mark.parametrize("when", [0, 1])
def test_a_missing_entity_ends_the_wait_at_once_with_the_reason(portal, wait, time, when):
    if when:
        time.on_sleep = lambda _: portal.portal.remove("DEAL_58")

    ran = wait(target=DEALS if when else [*DEALS, "DEAL_999"], **RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    name = "DEAL_58" if when else "DEAL_999"
    assert f"{name}: It does not exist, or the webhook's user may not read it." in str(ran.error)
    assert len(time.slept) == when


@pytest.mark.parametrize("when", [0, 1])
def test_a_stage_to_fail_on_ends_the_wait_with_failure(portal, wait, time, when):
    if when:
        _later(portal, time, ("DEAL_58", "LOSE"))
    else:
        portal.portal.move("DEAL_58", "LOSE")

    ran = wait(fail_on=["LOSE", "APOLOGY"], **RETRIES)

    assert ran.state == "failed"
    assert "DEAL_58 stands at LOSE." in str(ran.error)
    assert len(time.slept) == when


def test_with_any_one_that_has_arrived_outweighs_one_that_failed(portal, wait):
    portal.portal.move("DEAL_57", "PREPARATION")
    portal.portal.move("DEAL_58", "LOSE")

    ran = wait(require="any", fail_on="LOSE", target=[*DEALS, "DEAL_999"])

    assert ran.state == "success"


@pytest.mark.parametrize(
    "arguments",
    [{"fail_on": "NEW"}, {"target": "DEAL_999"}, {"target": "nonsense"}],
)
def test_soft_fail_skips_instead(portal, wait, arguments):
    ran = wait(soft_fail=True, **arguments)

    assert ran.state == "skipped"


def test_soft_fail_skips_a_failure_that_comes_later(portal, wait, time):
    _later(portal, time, ("DEAL_58", "LOSE"))

    ran = wait(soft_fail=True, fail_on="LOSE")

    assert ran.state == "skipped"
    assert "DEAL_58 stands at LOSE." in ran.said("error")


@only("poke", "deferrable")
@pytest.mark.parametrize(("soft", "state"), [(False, "failed"), (True, "skipped")])
def test_it_gives_up_when_time_is_up(portal, wait, time, soft, state):
    ran = wait(timeout=150, soft_fail=soft, **RETRIES)

    assert ran.state == state
    assert soft or isinstance(ran.error, AirflowSensorTimeout)
    assert 150 <= time.now - 1000 <= 180
    assert ran.xcoms.get("return_value") is None


def test_a_portal_that_fails_now_and_then_is_outlasted(portal, wait, time):
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
def test_a_portal_that_is_down_for_too_long_ends_the_wait_and_a_retry_may_follow(portal, wait, time):
    portal.faults.script(["error:500"], repeat=True)
    portal.limits.enabled = False  # the portal's clock does not move with ours

    ran = wait(timeout=100_000, **RETRIES)

    assert ran.state == "up_for_retry"
    assert isinstance(ran.error, ServerError | TransportError)
    assert MAX_FAILURES * 5 <= portal.requests.total <= (MAX_FAILURES + 1) * 5


@only("reschedule")
def test_rescheduled_it_outlasts_a_portal_that_is_down(portal, wait, time):
    portal.faults.script(["error:500"] * 5 * (MAX_FAILURES + 2))
    [portal.portal.move(deal, "PREPARATION") for deal in DEALS]

    assert wait().state == "success"


def test_a_refusal_for_good_ends_the_wait(portal, wait, time):
    time.on_sleep = lambda _: setattr(portal.portal.settings, "is_closed", True)

    ran = wait(**RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    assert len(time.slept) == 1


def test_a_wrong_secret_ends_it_without_telling_the_secret(portal, wait, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", connection_json(f"{portal.url}/rest/1/wr0ngsecret12345/"))

    ran = wait(**RETRIES)

    assert ran.state == "failed"
    assert "wr0ngsecret12345" not in str(ran.error)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"target": ["DEAL_57", "CONTACT_7", "COMPANY_1", "ORDER_3"]},
            "CONTACT_7, COMPANY_1, ORDER_3 cannot be waited for",
        ),
        ({"target": None}, "target is None"),
        ({"target": "['DEAL_57']"}, "a list that a template turned into text"),
        ({"target": ["DEAL_57", "D_58", "DEAL"]}, "2 targets are malformed"),
        ({"expected_stage": None}, "expected_stage is None"),
        ({"expected_stage": []}, "expected_stage is []"),
        ({"fail_on": [" "]}, "fail_on is [' ']"),
        ({"fail_on": ["LOSE", "PREPARATION"]}, "PREPARATION is in expected_stage and in fail_on"),
    ],
)
def test_wrong_arguments_fail_for_good_and_nothing_is_sent(portal, wait, arguments, words):
    ran = wait(**arguments, **RETRIES)

    assert ran.state == "failed"
    assert words in str(ran.error)
    assert isinstance(ran.error.__cause__, ConfigurationError)
    assert list(portal.requests) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({"require": "most"}, "require is 'most'"), ({"poke_interval": 0}, "poke_interval is 0")],
)
def test_what_can_be_known_then_is_refused_when_the_dag_is_read(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        StageSensor(task_id="wait", target="DEAL_57", expected_stage="WON", **arguments)


def test_fields_are_templated(portal, wait, time):
    _later(portal, time, ("DEAL_57", "PREPARATION"))

    ran = wait(
        target=["DEAL_{{ 50 + 7 }}"],
        expected_stage="{{ 'prep' | upper }}ARATION",
        fail_on=["{{ 'LOSE' }}"],
        bitrix24_conn_id="bitrix24_{{ 'default' }}",
    )

    assert ran.state == "success"


def test_the_link_opens_the_first_entity(portal, wait, time):
    _later(portal, time, *((deal, "PREPARATION") for deal in DEALS))

    assert wait().xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/57/"


@only("deferrable")
class TestDeferred:
    def test_the_worker_looks_once_and_the_trigger_does_the_rest(self, portal, wait, time):
        _later(portal, time, *((deal, "PREPARATION") for deal in DEALS))

        (deferral,) = wait(fail_on="LOSE").deferrals

        assert deferral.kwargs == {
            "targets": DEALS,
            "expected_stage": ["PREPARATION"],
            "deadline": deferral.kwargs["deadline"],
            "poke_interval": 60.0,
            "require": "all",
            "fail_on": ["LOSE"],
            "max_failures": MAX_FAILURES,
            "bitrix24_conn_id": "bitrix24_default",
            "verify_conn_id": None,
        }
        assert 30 <= time.slept[0] <= 60
        assert MAIN_SECRET not in json.dumps(deferral.event)

    @pytest.mark.parametrize("event", [None, {"status": "done"}, {"status": "arrived", "arrived": {}}])
    @pytest.mark.parametrize("soft", [False, True])
    def test_a_lost_event_neither_succeeds_nor_skips(self, wait, event, soft):
        ran = wait(on_event=lambda _: event, soft_fail=soft, **RETRIES)

        assert ran.state == "up_for_retry"
        assert isinstance(ran.error, LostEventError)

    def test_an_event_that_says_arrived_must_name_all(self, portal, wait, time):
        _later(portal, time, *((deal, "PREPARATION") for deal in DEALS))

        ran = wait(on_event=lambda event: event | {"arrived": {"DEAL_57": "PREPARATION"}}, **RETRIES)

        assert ran.state == "up_for_retry"

    def test_the_secret_is_masked_in_the_process_that_resumes(self, portal, wait, time, monkeypatch):
        masked = []
        monkeypatch.setattr("airflow_provider_bitrix24.hooks.bitrix24.mask_secrets", masked.extend)
        _later(portal, time, *((deal, "PREPARATION") for deal in DEALS))

        def on_event(event):
            masked.clear()
            return event

        wait(on_event=on_event)

        assert MAIN_SECRET in masked
