"""What a DAG file pays for an import. Modules are counted, not milliseconds: those depend on the machine."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

import airflow_provider_bitrix24
from tests.support.fresh_imports import modules_added

PACKAGE = "airflow_provider_bitrix24"
CLIENT = f"{PACKAGE}.client"
HEAVY = ("requests", "httpx", "aiohttp", "pendulum", "airflow.triggers.base", "wtforms", "asgiref")
HAS_SDK = find_spec("airflow.sdk") is not None
BASE = (
    "from airflow.sdk import DAG, BaseOperator"
    if HAS_SDK
    else "from airflow import DAG; import airflow.models.baseoperator, airflow.hooks.base"
)
"""What a DAG file imports anyway."""
BASE_OF_THE_OTHERS = "from airflow.sdk import task, BaseNotifier" if HAS_SDK else ""
OTHERS = ("notifications.automation", "decorators.automation", "retry_policy")


@pytest.fixture(scope="session")
def added():
    """The modules that each of ours adds, by its name."""
    others = {name: (BASE_OF_THE_OTHERS, f"import {PACKAGE}.{name}") for name in OTHERS}
    return modules_added(BASE, {"operators": ("", f"import {PACKAGE}.operators.automation"), **others})


def test_importing_the_operators_loads_nothing_that_speaks_http(added):
    loaded = {name for name in added["operators"] for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")}

    assert loaded == set()


def test_importing_the_operators_loads_little_of_the_package(added):
    ours = {name for name in added["operators"] if name.startswith(f"{PACKAGE}.")}
    of_the_client = {name for name in ours if name.startswith(CLIENT)}

    assert f"{PACKAGE}.operators.automation" in ours
    assert of_the_client <= {CLIENT, f"{CLIENT}.clock", f"{CLIENT}.errors", f"{CLIENT}.number_range"}
    assert not {name for name in ours if name.startswith((f"{PACKAGE}.hooks", f"{PACKAGE}.triggers"))}


@pytest.mark.parametrize("module", OTHERS)
def test_importing_the_notifier_the_decorator_or_the_policy_loads_nothing_that_speaks_http(added, module):
    ours = {name for name in added[module] if name.startswith(f"{PACKAGE}.")}

    assert f"{PACKAGE}.{module}" in ours
    assert not {name for name in ours if "transports" in name or "hooks" in name}
    assert not added[module] & {"requests", "httpx", "aiohttp"}


def test_every_module_that_dag_files_import_says_what_is_public_in_it():
    root = Path(airflow_provider_bitrix24.__file__).parent
    folders = ("assets", "decorators", "hooks", "notifications", "operators", "sensors", "triggers")
    files = [path for folder in folders for path in (root / folder).glob("[a-z]*.py")]
    names = [f"{path.parent.name}.{path.stem}" for path in files] + ["exceptions", "links", "retry_policy"]

    for name in names:
        module = import_module(f"{PACKAGE}.{name}")
        assert module.__all__ == sorted(module.__all__), name
        assert all(hasattr(module, each) for each in module.__all__), name
