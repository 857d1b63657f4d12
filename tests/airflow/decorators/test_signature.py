"""What type checkers and people see of the decorator."""

from __future__ import annotations

import inspect
from typing import get_overloads

from airflow_provider_bitrix24.decorators.automation import bitrix24_trigger_task
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator


def test_the_typed_decorator_has_the_operators_arguments():
    (typed,) = (each for each in _overloads() if "code" in each.parameters)
    taken = inspect.signature(TriggerAutomationOperator.__init__).parameters

    assert set(typed.parameters) - {"multiple_outputs", "kwargs"} == set(taken) - {"self", "target", "kwargs"}
    for name in set(typed.parameters) & set(taken) - {"kwargs", "deferrable"}:
        assert typed.parameters[name].default == taken[name].default, name


def _overloads():
    return [inspect.signature(each) for each in get_overloads(bitrix24_trigger_task)]
