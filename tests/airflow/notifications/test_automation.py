"""The notifier, called as Airflow calls it: in a worker, in an executor and in a triggerer."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec

import pytest

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    AuthenticationError,
    Bitrix24Error,
    ConfigurationError,
    VerificationError,
)
from airflow_provider_bitrix24.compat import BaseNotifier, BaseOperator
from airflow_provider_bitrix24.notifications.automation import TriggerAutomationNotifier
from airflow_provider_bitrix24.simulator.testing import connection_json

PATH = f"{TriggerAutomationNotifier.__module__}.{TriggerAutomationNotifier.__qualname__}"
AWAITABLE = hasattr(BaseNotifier, "__await__")
needs_awaitable = pytest.mark.skipif(not AWAITABLE, reason="notifiers can be awaited from Airflow 3.1 on")

IS_2 = find_spec("airflow.sdk") is None
needs_callbacks = pytest.mark.skipif(
    IS_2 or find_spec("airflow.triggers.callback") is None, reason="triggerers run callbacks like this from 3.2 on"
)


class Work(BaseOperator):
    """A task that succeeds or fails."""

    def __init__(self, *, error: Exception | None = None, **kwargs):
        super().__init__(**kwargs)
        self.error = error

    def execute(self, context):  # noqa: ARG002 - Airflow's
        if self.error is not None:
            raise self.error


@pytest.fixture(params=["sync", "async"])
def fire(request):
    """Fire with a notifier, in either way."""

    def run(*args, **kwargs):
        notifier = TriggerAutomationNotifier(*args, **kwargs)
        if request.param == "sync":
            notifier.notify({})
        else:
            asyncio.run(notifier.async_notify({}))

    return run


@pytest.fixture
def said(caplog, capsys):
    """Return what was logged, which Airflow 3 prints."""
    return lambda: caplog.text + capsys.readouterr().out


@pytest.fixture
def no_connections(request):
    """Airflow 2.11 asks its database for a connection that is not in the environment."""
    if IS_2:
        request.getfixturevalue("database")


# -- as a callback


def test_a_callback_moves_the_entity_that_the_context_names(portal, run_task):
    moved = TriggerAutomationNotifier("DEAL_{{ params.deal }}", "{{ params.code }}")

    ran = run_task(lambda: Work(task_id="work", params={"deal": 57, "code": "c5u4m"}, on_success_callback=moved))

    assert ran.state == "success"
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"
    assert portal.fires == {"DEAL_57": 1}


def test_a_bare_id_of_the_context_is_a_target_of_the_given_type(portal, run_task):
    moved = TriggerAutomationNotifier("{{ params.deal }}", "c5u4m", entity_type="DEAL")

    run_task(lambda: Work(task_id="work", params={"deal": 57}, on_success_callback=moved))

    assert portal.fires == {"DEAL_57": 1}


def test_a_failure_callback_runs_when_the_task_fails_and_a_success_callback_does_not(portal, run_task):
    callbacks = {
        "on_success_callback": TriggerAutomationNotifier("DEAL_57", "c5u4m"),
        "on_failure_callback": [TriggerAutomationNotifier("DEAL_58", "c5u4m")],
    }

    ran = run_task(lambda: Work(task_id="work", error=ValueError("no report"), **callbacks))

    assert ran.state == "failed"
    assert portal.fires == {"DEAL_58": 1}


def test_a_callback_that_fails_does_not_change_how_the_task_ended(portal, run_task):
    ran = run_task(lambda: Work(task_id="work", on_success_callback=TriggerAutomationNotifier("57", "c5u4m")))

    assert ran.state == "success"
    assert portal.fires == {}


def test_several_tasks_can_share_a_notifier(portal):
    notifier = TriggerAutomationNotifier("DEAL_{{ params.deal }}", "c5u4m")

    for deal in (57, 58):
        notifier({"dag": None, "params": {"deal": deal}})

    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}
    assert notifier.target == "DEAL_{{ params.deal }}"


def test_airflow_lists_the_notifier():
    from airflow.providers_manager import ProvidersManager

    assert PATH in set(ProvidersManager().notification)


# -- what it does


def test_it_fires_for_each_entity_of_a_list(portal, fire):
    fire(["DEAL_57", "DEAL_58", "DEAL_59"], "c5u4m")

    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1, "DEAL_59": 1}


def test_an_empty_list_sends_nothing(portal, fire):
    fire([], "c5u4m")

    assert portal.requests.total == 0


def test_its_lines_in_the_log_of_a_task_begin_with_what_it_fires(portal, fire, said):
    fire(["DEAL_57", "DEAL_58"], "c5u4m")

    assert "TriggerAutomationNotifier: Reading 2 deals, then firing trigger 'c5u4m'." in said()


def test_a_url_in_place_of_the_code_is_not_logged(portal, said):
    notifier = TriggerAutomationNotifier("DEAL_57", "{{ params.code }}")
    notifier.code = "https://example.bitrix24.com/rest/1/s3cr3ts3cr3t/?code=c5u4m"  # as it is rendered

    with pytest.raises(ConfigurationError, match="code is a URL"):
        notifier.notify({})

    assert "s3cr3t" not in said()


def test_without_a_code_the_connections_code_is_fired(portal, fire, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_WITH_CODE", connection_json(portal.trigger_url("c5u4m")))

    fire("DEAL_57", bitrix24_conn_id="with_code")

    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"


def test_a_second_connection_reads_if_the_first_one_may_not(portal, fire, monkeypatch):
    portal.portal.settings.subscription = "missing"
    monkeypatch.setenv("AIRFLOW_CONN_SYSTEM", connection_json(portal.system_webhook_url))

    fire(
        "DEAL_57",
        "c5u4m",
        bitrix24_conn_id="system",
        verify_conn_id="bitrix24_default",
        expected_stage="PREPARATION",
    )

    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"


def test_a_callback_that_runs_again_does_not_fire_entities_at_the_expected_stage(portal, fire):
    for _ in range(2):
        fire("DEAL_57", "c5u4m", expected_stage="PREPARATION")

    assert portal.fires == {"DEAL_57": 1}


def test_without_an_expected_stage_an_unmoved_entity_is_a_warning(portal, fire, said):
    fire("DEAL_57", "nosuchcode")

    assert "unmoved at NEW: DEAL_57" in said()
    assert portal.portal.stage_of("DEAL_57") == "NEW"


# -- what it raises


def test_with_an_expected_stage_an_unmoved_entity_is_an_error(portal, fire):
    with pytest.raises(VerificationError, match="1 of 1 deal is not at PREPARATION after trigger 'nosuchcode'"):
        fire("DEAL_57", "nosuchcode", expected_stage="PREPARATION")


def test_an_entity_that_does_not_exist_is_named_and_the_others_move(portal, fire):
    with pytest.raises(Bitrix24Error, match="1 of 2 deals failed: DEAL_999") as caught:
        fire(["DEAL_57", "DEAL_999"], "c5u4m")

    assert caught.value.executed == "unknown"
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"


def test_if_every_entity_is_missing_nothing_was_executed(portal, fire):
    with pytest.raises(Bitrix24Error, match="1 of 1 deal failed") as caught:
        fire("DEAL_999", "c5u4m")

    assert caught.value.executed == "no"


def test_the_error_for_a_wrong_secret_does_not_show_it(portal, fire, monkeypatch, said):
    monkeypatch.setenv("AIRFLOW_CONN_LOW", connection_json(f"{portal.url}/rest/1/wrongsecret12345/"))

    with pytest.raises(AuthenticationError) as caught:
        fire("DEAL_57", "c5u4m", bitrix24_conn_id="low")

    assert isinstance(caught.value, ApiError)
    assert "wrongsecret12345" not in f"{caught.value!r}{caught.value}{said()}"


def test_a_malformed_target_is_refused_before_anything_is_sent(portal, fire):
    with pytest.raises(ConfigurationError, match="target is malformed"):
        fire("57", "c5u4m")

    assert portal.requests.total == 0


@pytest.mark.usefixtures("no_connections")
def test_a_missing_connection_is_a_configuration_error(fire):
    with pytest.raises(ConfigurationError, match="nowhere") as caught:
        fire("DEAL_57", "c5u4m", bitrix24_conn_id="nowhere")

    assert "Add the connection" in caught.value.hint


def test_a_template_that_cannot_be_rendered_is_a_configuration_error(portal):
    with pytest.raises(ConfigurationError, match="cannot be rendered: ZeroDivisionError"):
        TriggerAutomationNotifier("DEAL_{{ 1 // 0 }}", "c5u4m")({"dag": None})

    assert portal.requests.total == 0


def test_expected_stage_needs_verify():
    with pytest.raises(ConfigurationError, match="verify=False reads nothing"):
        TriggerAutomationNotifier("DEAL_57", "c5u4m", expected_stage="PREPARATION", verify=False)


# -- in dag.test()


@pytest.mark.skipif(IS_2, reason="`airflow dags test` passes a serialized DAG on Airflow 3")
@pytest.mark.parametrize("natively", [True, False])
def test_a_dags_notifier_works_with_the_dag_of_dags_test(portal, natively):
    from airflow.sdk import DAG
    from airflow.serialization import serialized_objects

    serialization = getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG
    with DAG("of_a_test", schedule=None, render_template_as_native_obj=natively) as dag:
        Work(task_id="work")
    serialized = serialization.from_dict(serialization.to_dict(dag))
    target = "{{ ['DEAL_57'] }}" if natively else "DEAL_{{ 57 }}"

    TriggerAutomationNotifier(target, "{{ 'c5u4m' }}")({"dag": serialized, "run_id": "test"})

    assert portal.fires == {"DEAL_57": 1}
