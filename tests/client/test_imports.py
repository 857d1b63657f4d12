"""What importing costs: DAG files are parsed every few seconds, so nothing heavy is imported before it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import airflow_provider_bitrix24.client as package

HEAVY = {"requests", "urllib3", "httpx", "httpcore", "anyio", "pendulum", "airflow", "asyncio", "aiohttp"}
SERVERS = {"redis", "sqlalchemy", "psycopg2", "psycopg", "pymysql"}


def modules_after(statement):
    code = f"import sys, json; {statement}; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(json.loads(printed))


PACKAGE = "airflow_provider_bitrix24.client"
VALUES = "ConfigurationError, parse_targets, ClientSettings, Portal, TriggerReport, StageInfo, Diagnosis, BatchReply"
MAKE = "from {0} import {1}; {1}.from_webhook_url('https://x.example/rest/1/s/')"


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        (f"import {PACKAGE}", set()),
        (f"from {PACKAGE} import {VALUES}", set()),
        (f"from {PACKAGE} import Bitrix24Client, AsyncBitrix24Client", set()),
        (MAKE.format(PACKAGE, "Bitrix24Client"), {"requests", "urllib3"}),
        (MAKE.format(PACKAGE, "AsyncBitrix24Client"), {"httpx", "httpcore", "anyio", "asyncio"}),
    ],
)
def test_importing_brings_no_more_than_it_needs(statement, allowed):
    assert HEAVY & modules_after(statement) <= allowed


@pytest.mark.parametrize("statement", [f"from {PACKAGE} import pacing_store", MAKE.format(PACKAGE, "Bitrix24Client")])
def test_no_library_of_a_server_is_imported_before_a_store_is_made(statement):
    assert not SERVERS & modules_after(statement)


def test_every_public_name_is_available_and_no_other():
    assert package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        found = getattr(package, name)
        assert (found.__name__, found.__module__.startswith(package.__name__)) == (name, True)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = package.Nonsense


def test_the_name_of_a_former_error_is_deprecated():
    with pytest.warns(DeprecationWarning, match="Use VerificationError") as caught:
        assert package.VerificationTimeout is package.VerificationError
    assert caught[0].filename == __file__
