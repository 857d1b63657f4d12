"""The notifier awaited by a triggerer or run by an executor, for a deadline alert."""

from __future__ import annotations

import inspect
from importlib.util import find_spec

import pytest

from airflow_provider_bitrix24.compat import BaseNotifier
from airflow_provider_bitrix24.notifications.automation import TriggerAutomationNotifier

PATH = f"{TriggerAutomationNotifier.__module__}.{TriggerAutomationNotifier.__qualname__}"
AWAITABLE = hasattr(BaseNotifier, "__await__")
needs_awaitable = pytest.mark.skipif(not AWAITABLE, reason="notifiers can be awaited from Airflow 3.1 on")
IS_2 = find_spec("airflow.sdk") is None
needs_callbacks = pytest.mark.skipif(
    IS_2 or find_spec("airflow.triggers.callback") is None, reason="triggerers run callbacks like this from 3.2 on"
)


@needs_awaitable
async def test_it_can_be_awaited_and_renders_its_context(portal):
    await TriggerAutomationNotifier("DEAL_{{ deal }}", "c5u4m", context={"deal": 57})

    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"


@needs_callbacks
async def test_a_triggerer_runs_it_for_a_deadline_alert(portal):
    from airflow.sdk import AsyncCallback
    from airflow.triggers.callback import CallbackTrigger

    arguments = {"target": "DEAL_57", "code": "c5u4m", "expected_stage": "PREPARATION"}
    callback = AsyncCallback(TriggerAutomationNotifier, kwargs=arguments)
    trigger = CallbackTrigger(callback.path, dict(callback.kwargs))

    events = [event.payload["state"] async for event in trigger.run()]

    assert callback.path == PATH
    assert events == ["running", "success"]
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"


@needs_callbacks
async def test_a_triggerer_gets_the_error_of_a_deadline_alert(portal):
    from airflow.triggers.callback import CallbackTrigger

    arguments = {"target": "DEAL_57", "code": "nosuchcode", "expected_stage": "PREPARATION"}

    events = [event.payload async for event in CallbackTrigger(PATH, arguments).run()]

    assert events[-1]["state"] == "failed"
    assert "VerificationError" in events[-1]["body"]


@pytest.mark.skipif(
    IS_2 or find_spec("airflow.sdk.execution_time.callback_supervisor") is None,
    reason="executors run callbacks from Airflow 3.2 on",
)
def test_an_executor_runs_it_for_a_deadline_alert(portal):
    import structlog
    from airflow.sdk.execution_time.callback_supervisor import execute_callback

    arguments = {"target": "DEAL_{{ deal }}", "code": "c5u4m", "context": {"deal": 57}}
    known = {"bundle_path": None, "dag_rel_path": None}
    places = {key: known[key] for key in known.keys() & inspect.signature(execute_callback).parameters.keys()}

    done = execute_callback(PATH, arguments, log=structlog.get_logger(), **places)

    assert done == (True, None)
    assert portal.fires == {"DEAL_57": 1}
