"""The errors that tasks raise can be imported from one module."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24 import client, exceptions
from airflow_provider_bitrix24.client.report import TriggerReport
from airflow_provider_bitrix24.compat import AirflowException

OF_TASKS = {"LostEventError", "TargetsFailedError"}


@pytest.mark.parametrize("name", sorted(set(exceptions.__all__) - OF_TASKS))
def test_errors_of_the_client_are_the_clients_own(name):
    assert getattr(exceptions, name) is getattr(client, name)


def test_every_error_of_the_client_is_there():
    of_the_client = {
        name
        for name in client.__all__
        if isinstance(getattr(client, name), type) and issubclass(getattr(client, name), BaseException)
    }

    assert of_the_client == set(exceptions.__all__) - OF_TASKS


def test_targets_failed_carries_the_report():
    report = TriggerReport(code="c5u4m", portal="https://example.bitrix24.com", results=[])

    assert exceptions.TargetsFailedError("1 of 1 targets failed.", report).report is report


def test_a_lost_event_is_not_an_error_that_soft_fail_skips():
    assert not issubclass(exceptions.LostEventError, AirflowException)
