"""The description of the control API is true: its routes, its examples, what it says of bodies and answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_type_hints

import pytest
import requests
from jsonschema import Draft202012Validator

from airflow_provider_bitrix24.simulator.portal import Portal
from airflow_provider_bitrix24.simulator.portal.faults import FaultKind
from airflow_provider_bitrix24.simulator.portal.seed import FORMS
from airflow_provider_bitrix24.simulator.portal.settings import Plan, PortalSettings
from airflow_provider_bitrix24.simulator.server import PortalServer
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = {
    "users": [
        {
            "id": 2,
            "name": "Bo",
            "last_name": "Li",
            "login": "bo",
            "is_admin": False,
            "is_active": True,
            "has_logged_in": True,
            "access": "own",
        },
        {"id": 3, "access": "read", "denied_types": [31], "denied_items": [[2, 57]]},
    ],
    "webhooks": [{"user_id": 2, "secret": "bosecret", "scopes": ["crm", "user"], "is_system": False}],
    "applications": [
        {
            "client_id": "local.1",
            "client_secret": "appsecret",
            "scopes": ["crm"],
            "redirect_uri": "https://app.example/back",
            "is_installed": True,
            "is_paid": True,
            "is_blocked": False,
            "triggers": {"from_app": "From the application"},
        }
    ],
    "pipelines": [
        {
            "type": "DEAL",
            "id": 7,
            "name": "Retail",
            "is_default": False,
            "stages": [["NEW"], ["WON", "Won", "S", "#00ff00"], ["LOSE", None, "F", None]],
        },
        {"id": 8},
    ],
    "triggers": [
        {"type": "DEAL", "stage": "C7:WON", "code": "sold", "conditions": {"title": "x"}, "allow_backwards": True},
        {"stage": "C8:WON", "conditions": [{"field": "opportunity", "operator": ">", "value": 10}], "execute_by": 2},
        {"stage": "WON", "code": "from_app", "application": "local.1"},
    ],
    "robots": [{"type": "DEAL", "stage": "C8:NEW", "seconds": 0.5, "move_to": "C8:PREPARATION", "fails": False}],
    "vetoes": [{"type": "DEAL", "stage": "C8:LOSE"}],
    "items": [
        {
            "target": "DEAL_900",
            "stage": "C7:NEW",
            "category": 7,
            "title": "Scales",
            "opportunity": 99.5,
            "contact_id": 1,
        },
        {"target": "LEAD_900", "company_id": 2, "assigned_by": 2, "moved_by": 2, "extra": {"ufCrm_1": "x"}},
    ],
    "generate": [{"type": "QUOTE", "count": 3, "stage": "SENT", "first_id": 100}],
}
"""A seed that uses every key."""


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(seed="demo") as running:
        requests.post(
            f"{running.url}/_simulator/seed", json={"applications": SEED["applications"]}, timeout=PATIENCE_SECONDS
        )
        yield running
        assert running.crashes == []


@pytest.fixture
def description(server: SimulatorServer) -> dict[str, Any]:
    return requests.get(f"{server.url}/_simulator/openapi.json", timeout=PATIENCE_SECONDS).json()


def validator(description: dict[str, Any], name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": description["components"]}
    return Draft202012Validator(schema)


def complaints(description: dict[str, Any], name: str, value: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator(description, name).iter_errors(value)]


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, entry in description["paths"].items():
        for method, operation in entry.items():
            yield method.upper(), path, operation


def schema_of(content: dict[str, Any]) -> str:
    return content["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]


def test_the_description_is_well_formed(description: dict[str, Any]):
    assert description["openapi"] == "3.1.0"
    for schema in description["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(names) == len(set(names))


def test_an_openapi_validator_agrees(description: dict[str, Any]):
    validate = pytest.importorskip("openapi_spec_validator", reason="openapi-spec-validator is not installed").validate
    validate(description)


def test_it_has_every_key_of_a_seed_and_no_other(description: dict[str, Any]):
    schemas = description["components"]["schemas"]
    described = {}
    for name, entries in schemas["Seed"]["properties"].items():
        reference = entries["items"].get("$ref", "").rpartition("/")[2]
        described[name] = set((schemas[reference] if reference else entries["items"])["properties"])
    assert described == {name: set(keys) for name, keys in FORMS.items()}


def test_it_has_every_route_of_the_control_api_and_no_other(description: dict[str, Any]):
    routes = PortalServer(Portal()).application().router.routes()
    served = {
        (route.method, route.resource.canonical)
        for route in routes
        if route.resource.canonical.startswith("/_simulator") and route.method != "HEAD"
    }
    page = {(method, path) for method, path in served if path == "/_simulator/board" or path.endswith((".css", ".js"))}
    assert {(method, path) for method, path, _ in operations(description)} == served - page
    assert len(page) > 3


def test_every_example_is_accepted_and_every_answer_is_as_described(
    server: SimulatorServer, description: dict[str, Any]
):
    requests.post(f"{server.webhook_url}batch", json={"cmd": ["profile"], "auth": "secret"}, timeout=PATIENCE_SECONDS)
    requests.get(f"{server.webhook_url}crm.automation.trigger?target=DEAL_57&code=c5u4m", timeout=10)
    tried = 0
    for method, path, operation in operations(description):
        described = operation["responses"]["200"]["content"].get("application/json", {}).get("schema", {})
        if "$ref" not in described:
            continue  # the streams, which have no end, and the description itself
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if body:
            name = body["schema"]["$ref"].rpartition("/")[2]
            assert complaints(description, name, body["example"]) == [], path
        address = f"{server.url}{path}".replace("{target}", "DEAL_57" if method == "GET" else "DEAL_60")
        address = address.replace("{number}", "1")
        if path.endswith("reset"):
            continue  # has its own test: it would take away what the others need
        answer = requests.request(method, address, json=body.get("example"), timeout=PATIENCE_SECONDS)
        assert answer.status_code == 200, (method, path, answer.text)
        assert complaints(description, schema_of(operation["responses"]["200"]), answer.json()) == [], (method, path)
        tried += 1
    assert tried == 19


def test_a_reset_with_the_example_leaves_exactly_its_content(server: SimulatorServer, description: dict[str, Any]):
    reset = description["paths"]["/_simulator/reset"]["post"]
    example = reset["requestBody"]["content"]["application/json"]["example"]
    answer = requests.post(f"{server.url}/_simulator/reset", json=example, timeout=PATIENCE_SECONDS)
    assert complaints(description, "Ok", answer.json()) == []
    assert server.portal.stage_of("DEAL_157") == "NEW"
    assert server.portal.find("DEAL_57") is None


def test_a_seed_that_uses_every_key_is_as_described_and_accepted(server: SimulatorServer, description: dict[str, Any]):
    assert complaints(description, "Seed", SEED) == []
    assert SEED.keys() == description["components"]["schemas"]["Seed"]["properties"].keys()
    answer = requests.post(f"{server.url}/_simulator/reset", json=SEED, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    assert server.portal.stage_of("DEAL_900") == "C7:NEW"
    assert server.portal.find("LEAD_900").extra == {"ufCrm_1": "x"}


@pytest.mark.parametrize("record", ["User", "Webhook", "Application", "Pipeline", "Trigger", "Robot", "Item"])
def test_the_seed_above_uses_every_key_of_every_record(description: dict[str, Any], record: str):
    lists = {"User": "users", "Webhook": "webhooks", "Application": "applications", "Pipeline": "pipelines"}
    entries = SEED[lists.get(record) or f"{record.lower()}s"]
    used = {name for entry in entries for name in entry}
    assert used == description["components"]["schemas"][f"Seed{record}"]["properties"].keys()


def test_misuse_is_refused_with_a_sentence(server: SimulatorServer, description: dict[str, Any]):
    with_body = [each for each in operations(description) if "requestBody" in each[2]]
    for method, path, operation in sorted(with_body, key=lambda each: each[1].endswith("reset")):
        answer = requests.request(
            method, f"{server.url}{path}".replace("{target}", "DEAL_60"), json={"nonsense": 1}, timeout=PATIENCE_SECONDS
        )
        assert answer.status_code == 400, (method, path, answer.text)
        refused = operation["responses"]["400"]["$ref"].rpartition("/")[2]
        named = schema_of(description["components"]["responses"][refused])
        assert complaints(description, named, answer.json()) == [], (method, path)
    missing = requests.get(f"{server.url}/_simulator/items/DEAL_404", timeout=PATIENCE_SECONDS)
    assert missing.status_code == 404
    assert complaints(description, "Error", missing.json()) == []


def test_closed_sets_are_complete(description: dict[str, Any]):
    schemas = description["components"]["schemas"]
    assert schemas["FaultKind"]["enum"] == [kind.value for kind in FaultKind]
    assert schemas["Plan"]["enum"] == [plan.value for plan in Plan]
    switches = get_type_hints(PortalSettings).keys() - {"plan"}
    assert schemas["Settings"]["properties"].keys() == schemas["SettingsChange"]["properties"].keys() == switches


def test_the_demo_comes_back(server: SimulatorServer):
    def reset(**body: Any) -> int:
        return requests.post(f"{server.url}/_simulator/reset", json=body, timeout=PATIENCE_SECONDS).status_code

    server.portal.move("DEAL_57", "WON")
    assert reset(demo=True, items=[{"target": "DEAL_900"}]) == 200
    assert server.portal.stage_of("DEAL_57") == server.portal.stage_of("DEAL_900") == "NEW"
    assert server.portal.moves == {}
    assert reset(demo="yes") == 400
    assert server.portal.find("DEAL_57") is not None
    assert reset(demo=False) == 200
    assert server.portal.find("DEAL_57") is None


def test_triggers_and_the_history_of_an_entity_are_shown(server: SimulatorServer):
    state = requests.get(f"{server.url}/_simulator/", timeout=PATIENCE_SECONDS).json()
    codes = {(each["type"], each["stage"]): each["code"] for each in state["triggers"]}
    assert codes["DEAL", "PREPARATION"] == codes["LEAD", "IN_PROCESS"] == "c5u4m"
    server.portal.move("DEAL_57", "PREPARATION")
    item = requests.get(f"{server.url}/_simulator/items/DEAL_57", timeout=PATIENCE_SECONDS).json()
    assert (item["stage_name"], item["pipeline"], item["amount"]) == ("Prepare documents", "Sales", 12400)
    assert [(each["event"], each["stage_name"]) for each in item["history"]] == [
        ("created", "New"),
        ("moved", "Prepare documents"),
    ]
    assert item["moved"] == item["history"][-1]["time"]


def test_a_body_is_needed_where_it_is_said_to_be(server: SimulatorServer, description: dict[str, Any]):
    for method, path, operation in operations(description):
        if "requestBody" not in operation or path.endswith("reset"):
            continue
        address = f"{server.url}{path}".replace("{target}", "DEAL_60")
        answer = requests.request(method, address, timeout=PATIENCE_SECONDS)
        assert (answer.status_code == 400) is operation["requestBody"]["required"], (method, path, answer.text)
