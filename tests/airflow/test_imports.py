"""What a DAG file pays for an import. Modules are counted, not milliseconds: those depend on the machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("requests", "httpx", "aiohttp", "pendulum", "airflow.triggers.base", "wtforms", "asgiref")


def _added(base: str, module: str) -> set[str]:
    program = (
        f"import sys, json, warnings; warnings.simplefilter('ignore'); {base}; before = set(sys.modules);"
        f"import {module}; print('ADDED', json.dumps(sorted(set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    (line,) = (each for each in done.stdout.splitlines() if each.startswith("ADDED"))
    return set(json.loads(line.removeprefix("ADDED")))


def _base():
    try:
        import airflow.sdk  # noqa: F401
    except ImportError:
        return "from airflow import DAG; import airflow.models.baseoperator, airflow.hooks.base"
    return "from airflow.sdk import DAG, BaseOperator"


@pytest.fixture(scope="module")
def added():
    return _added(_base(), "airflow_provider_bitrix24.operators.automation")


def test_importing_the_operators_loads_nothing_that_speaks_http(added):
    loaded = {name for name in added for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")}

    assert loaded == set()


def test_importing_the_operators_loads_little_of_the_client(added):
    client = "airflow_provider_bitrix24.client"

    light = {client, f"{client}.clock", f"{client}.errors", f"{client}.number_range"}
    assert {name for name in added if name.startswith(client)} <= light
    assert not {name for name in added if "bitrix24.hooks" in name or "bitrix24.triggers" in name}


@pytest.mark.parametrize("module", ["notifications.automation", "decorators.automation", "retry_policy"])
def test_importing_what_goes_around_a_task_loads_nothing_that_speaks_http(module):
    added = _added(
        f"{_base()}, task, BaseNotifier" if "sdk" in _base() else _base(), f"airflow_provider_bitrix24.{module}"
    )

    ours = {name for name in added if name.startswith("airflow_provider_bitrix24")}
    assert not {name for name in ours if "transports" in name or "hooks" in name}
    assert not added & {"requests", "httpx", "aiohttp"}
