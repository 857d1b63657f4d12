"""ExecuteTriggerOperator does for an application's triggers what TriggerAutomationOperator does for a webhook's."""

from __future__ import annotations

import inspect
from datetime import timedelta

import pytest

from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator

RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


@pytest.fixture
def execute(run_task):
    """Run an ExecuteTriggerOperator with these arguments."""

    def run(**arguments):
        values = {"task_id": "execute", "code": "invoice_paid", "bitrix24_conn_id": "bitrix24_app"} | arguments
        return run_task(lambda: ExecuteTriggerOperator(**values))

    return run


def test_a_webhook_is_refused_with_what_to_do_and_nothing_is_sent(portal, execute):
    ran = execute(target="DEAL_57", bitrix24_conn_id="bitrix24_default", **RETRIES)

    assert ran.state == "failed"
    assert isinstance(ran.error, AirflowFailException)
    assert "crm.automation.trigger.execute is only for OAuth applications" in str(ran.error)
    assert "authorize CONN_ID" in str(ran.error)
    assert ran.xcoms["_link_EntityLink"].endswith("/crm/deal/details/57/")
    assert not list(portal.requests)


@pytest.mark.usefixtures("application")
def test_one_entity_moves_and_is_read_before_and_after(portal, execute):
    ran = execute(target="deal_057", expected_stage="EXECUTING")

    assert ran.state == "success"
    assert ran.report["results"] == [
        {"target": "DEAL_57", "outcome": "moved", "stage_before": "NEW", "stage_after": "EXECUTING"}
    ]
    assert portal.fires == {"DEAL_57": 1}


@pytest.mark.usefixtures("application")
def test_many_entities_move_in_batches(portal, execute):
    targets = [f"DEAL_{number}" for number in range(1001, 1201)]
    for target in targets:
        portal.portal.add_deal(id=int(target[5:]))

    ran = execute(target=targets, expected_stage="EXECUTING")

    assert (ran.report["moved"], ran.report["failed"]) == (200, 0)
    assert portal.requests.total < 10
    assert max(portal.moves.values()) == 1


@pytest.mark.usefixtures("application")
def test_bare_ids_and_a_wait_are_as_for_the_other_operator(portal, execute):
    portal.portal.add_robot("EXECUTING", move_to="WON")

    ran = execute(target=[57, 58], entity_type="DEAL", expected_stage="EXECUTING", or_later=True, wait_timeout=60)

    assert (ran.state, ran.report["moved"]) == ("success", 2)


@pytest.mark.usefixtures("application")
def test_a_portal_that_takes_no_batch_is_called_for_each_target(portal, execute):
    portal.portal.settings.application_triggers_in_batch = False

    ran = execute(target=["DEAL_57", "DEAL_58", "DEAL_59"], expected_stage="EXECUTING")

    assert (ran.state, ran.report["moved"]) == ("success", 3)
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1, "DEAL_59": 1}
    assert len(portal.requests.of_method("crm.automation.trigger.execute")) == 3


@pytest.mark.usefixtures("application")
def test_a_lost_answer_moves_nobody_twice(portal, execute):
    portal.faults.script([None, "reset:after"])

    ran = execute(target=["DEAL_57", "DEAL_58"], **RETRIES)

    assert ran.state == "success"
    assert portal.moves == {"DEAL_57": 1, "DEAL_58": 1}


@pytest.mark.usefixtures("application")
def test_a_code_that_is_not_registered_fails_the_task(execute):
    ran = execute(target="DEAL_57", code="unknown", **RETRIES)

    assert ran.state == "failed"
    assert "Trigger with code unknown is not registered." in str(ran.error)


@pytest.mark.usefixtures("portal")
def test_a_code_that_renders_to_nothing_is_refused(execute):
    ran = execute(target="DEAL_57", code="{{ '' }}", **RETRIES)

    assert isinstance(ran.error, AirflowFailException)


def test_a_user_who_is_not_an_administrator_gets_a_hint(portal, execute, application):
    from airflow_provider_bitrix24.simulator.portal.model import User

    portal.portal.accounts.add_user(User(1, is_admin=False))

    ran = execute(target="DEAL_57", verify=False)

    assert "Let an administrator of the portal authorize the application" in str(ran.error)


def test_a_token_that_expires_during_the_firing_is_refreshed_and_nobody_moves_twice(portal, execute, time, application):
    targets = [f"DEAL_{number}" for number in range(1001, 1151)]
    for target in targets:
        portal.portal.add_deal(id=int(target[5:]))
    portal.faults.script([None, None, "expired_token", "expired_token"])

    ran = execute(target=targets, expected_stage="EXECUTING")

    assert (ran.state, ran.report["moved"]) == ("success", 150)
    assert portal.portal.tokens.refreshes == 1
    assert max(portal.moves.values()) == 1


def test_a_token_that_expires_during_a_deferred_wait_is_refreshed_on_the_triggerer(portal, execute, time, application):
    application.connect()
    portal.portal.triggers.clear()  # it is placed on no stage: a colleague moves the deal, two hours later
    started = time.now

    def later(_seconds):
        if time.now - started > 7200:
            item = portal.portal.find("DEAL_57")
            portal.portal.place(item, 0, portal.portal.pipeline_of("EXECUTING").stage("EXECUTING"), moved_by=1)

    time.on_sleep = later

    ran = execute(target="DEAL_57", expected_stage="EXECUTING", wait_timeout=10_000, poke_interval=600, deferrable=True)

    assert (ran.state, ran.report["moved"]) == ("success", 1)
    assert len(ran.deferrals) == 1
    assert portal.portal.tokens.refreshes == 2
    assert application.kept.pair.access_token not in str(ran.deferrals)


def test_both_operators_take_the_same_arguments():
    execute, trigger = (
        inspect.signature(each.__init__).parameters for each in (ExecuteTriggerOperator, TriggerAutomationOperator)
    )
    assert set(execute) == set(trigger)
    assert execute["code"].default is inspect.Parameter.empty
    assert ExecuteTriggerOperator.template_fields == TriggerAutomationOperator.template_fields
