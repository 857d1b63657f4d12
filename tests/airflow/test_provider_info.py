from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import airflow
import jsonschema
import pytest
import yaml

from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.provider_info import get_provider_info

INFO = get_provider_info()
HERE = Path(airflow.__file__).parent


def _schema(name):
    return json.loads((HERE / name).read_text())


def test_airflow_finds_the_provider():
    (found,) = entry_points(group="apache_airflow_provider", name="provider_info").select(
        module="airflow_provider_bitrix24.provider_info"
    )

    assert found.load()() == INFO
    assert found.dist is not None
    assert found.dist.name == INFO["package-name"]


def test_the_metadata_fits_airflows_schema():
    jsonschema.validate(INFO, _schema("provider_info.schema.json"))


def test_each_part_fits_the_strict_schema_of_apache_providers():
    schema = _schema("provider.yaml.schema.json")
    known = schema["properties"].keys()
    assert INFO.keys() - known <= {"cli", "asset-uris"}  # which Airflow 2.11 passes over

    for key in INFO.keys() & known:
        value = INFO[key]
        part = {**schema["properties"][key], "definitions": schema.get("definitions", {})}

        jsonschema.validate(value, part)


def test_the_form_fits_the_schema_of_airflow_2():
    jsonschema.validate(Bitrix24Hook.get_ui_field_behaviour(), _schema("customized_form_field_behaviours.schema.json"))


def _modules():
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for group in INFO.get(kind, ()):
            yield from group["python-modules"]


def _classes():
    yield from (each["hook-class-name"] for each in INFO["connection-types"])
    yield from INFO["extra-links"]
    yield from INFO.get("notifications", ())


@pytest.mark.parametrize("module", list(_modules()))
def test_every_module_named_can_be_imported(module):
    import_module(module)


@pytest.mark.parametrize("path", list(_classes()))
def test_every_class_named_exists(path):
    module, name = path.rsplit(".", 1)

    assert isinstance(getattr(import_module(module), name), type)


@pytest.mark.parametrize("path", [each["class-name"] for each in INFO["task-decorators"]] + INFO["cli"])
def test_every_function_named_exists(path):
    module, name = path.rsplit(".", 1)

    assert callable(getattr(import_module(module), name))


def test_the_integrations_named_are_declared():
    declared = {each["integration-name"] for each in INFO["integrations"]}

    assert {group["integration-name"] for kind in ("hooks", "operators") for group in INFO[kind]} <= declared


def test_the_guides_and_the_logo_named_are_in_the_repository():
    for integration in INFO["integrations"]:
        assert integration["how-to-guide"]
        for path in (*integration["how-to-guide"], f"/docs{integration['logo']}"):
            assert (_root() / path.removeprefix("/")).is_file(), path


def test_the_registry_names_what_airflow_finds():
    registry = yaml.safe_load((_root() / ".astro-registry.yaml").read_text())
    assert registry["package-name"] == INFO["package-name"]
    for kind in ("hooks", "operators", "sensors", "triggers"):
        listed = [each["module"] for each in registry[kind]]
        named = [module for group in INFO[kind] for module in group["python-modules"]]
        public = {
            f"{module}.{name}"
            for module in named
            for name, value in vars(import_module(module)).items()
            if isinstance(value, type) and value.__module__ == module and not name.startswith("_")
        }
        assert set(listed) == public, kind
    assert [each["module"] for each in registry["notifiers"]] == INFO["notifications"]
    assert [each["module"] for each in registry["decorators"]] == [
        each["class-name"] for each in INFO["task-decorators"]
    ]


def test_the_hook_and_the_metadata_agree():
    (kind,) = INFO["connection-types"]

    assert kind["connection-type"] == Bitrix24Hook.conn_type
    assert kind["hook-name"] == Bitrix24Hook.hook_name
    assert kind["hook-class-name"] == f"{Bitrix24Hook.__module__}.{Bitrix24Hook.__qualname__}"


def test_reading_the_metadata_imports_only_the_standard_library():
    program = (
        "import sys; import airflow_provider_bitrix24.provider_info as p; p.get_provider_info();"
        "tops = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(tops - set(sys.stdlib_module_names) - {'airflow_provider_bitrix24'}))"
    )
    clean = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(_root())!r}); {program}"]

    found = subprocess.run(clean, check=True, capture_output=True, text=True).stdout

    assert found.strip() == "['__main__']" or found.strip() == "[]"


def _root():
    import airflow_provider_bitrix24

    return Path(airflow_provider_bitrix24.__file__).parents[1]
