"""Each name that differs between versions of Airflow is found in this one, without a warning."""

from __future__ import annotations

import os

import airflow
import pytest
from packaging.version import Version

from airflow_provider_bitrix24 import compat

SINCE_3_3 = {"RetryDecision", "RetryPolicy"}


@pytest.mark.parametrize("name", sorted(set(compat.__all__) - SINCE_3_3))
def test_each_name_is_found(name):
    assert getattr(compat, name) is not None


@pytest.mark.parametrize("name", sorted(SINCE_3_3))
def test_retry_policies_are_found_since_airflow_3_3(name):
    if Version(airflow.__version__) >= Version("3.3"):
        assert isinstance(getattr(compat, name), type)
    else:
        with pytest.raises(ImportError, match="This Airflow has none of"):
            getattr(compat, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="BaseOperato'"):
        _ = compat.BaseOperato


def test_a_command_says_that_it_is_no_task(monkeypatch):
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")

    compat.use_metadata_database()

    assert os.environ["_AIRFLOW_PROCESS_CONTEXT"] == "server"
