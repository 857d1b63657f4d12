"""The simulator's page of documentation names what there is, all of it, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_type_hints

import pytest

from airflow_provider_bitrix24.simulator.__main__ import _parser
from airflow_provider_bitrix24.simulator.control import openapi
from airflow_provider_bitrix24.simulator.portal import Portal, seed
from airflow_provider_bitrix24.simulator.portal.faults import FaultKind
from airflow_provider_bitrix24.simulator.portal.settings import PortalSettings
from airflow_provider_bitrix24.simulator.rest.methods.registry import METHODS

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    level = heading.partition(" ")[0]
    found = re.search(rf"^{heading}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def first_cells(part: str) -> list[str]:
    return re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)


def test_every_method_is_listed_and_no_other(text: str):
    part = section(text, "### Methods")
    assert set(re.findall(r"`([a-z.]+)`", part)) == set(METHODS)


def test_every_option_is_listed_and_no_other(text: str):
    options = {name for action in _parser()._actions for name in action.option_strings} - {"-h", "--help"}
    assert {cell.strip("`").split()[0] for cell in first_cells(section(text, "### Options"))} == options


def test_every_fault_is_listed_and_no_other(text: str):
    assert [cell.strip("`") for cell in first_cells(section(text, "### Faults"))] == [kind.value for kind in FaultKind]


def test_every_switch_is_listed_and_no_other(text: str):
    listed = {name for cell in first_cells(section(text, "### Settings")) for name in re.findall(r"`(\w+)`", cell)}
    assert listed == get_type_hints(PortalSettings).keys() - {"plan"}


def test_every_route_of_the_control_api_is_listed(text: str):
    description = json.loads(Path(openapi.__file__).with_suffix(".json").read_text(encoding="utf-8"))
    paths = {path.replace("{target}", "DEAL_57").replace("{number}", "57") for path in description["paths"]}
    part = section(text, "## Control API")
    assert paths == {path for path in re.findall(r"(/_simulator/[\w/.]*)", part) if path != "/_simulator/board"}


def test_the_seed_shown_is_one(text: str):
    shown = re.search(r"```json\n(.*?)```", section(text, "### Seeds"), re.DOTALL)
    portal = Portal()
    seed.apply(portal, json.loads(shown[1]))
    assert portal.stage_of("DEAL_900") == "C7:NEW"
    assert portal.items[2].count_at(0, "NEW") == 100_000


def test_links_inside_the_page_and_its_images_lead_somewhere(text: str):
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= headings
    for image in re.findall(r"\]\((images/[^)]+)\)", text):
        assert (PAGE.parent / image).exists(), image
