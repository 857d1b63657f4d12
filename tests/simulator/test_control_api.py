"""The control API, and seeds that come through it or from a file."""

from __future__ import annotations

import json
import time

import pytest

from airflow_provider_bitrix24.simulator.portal import Portal as State
from airflow_provider_bitrix24.simulator.portal import seed
from airflow_provider_bitrix24.simulator.portal.seed import SeedError


def ask(s1, path, data=None, method=None):
    body = None if data is None else json.dumps(data)
    reply = s1.request(method or ("GET" if data is None else "POST"), f"/_simulator/{path}", body)
    return reply.status, reply.json


def test_state(s1):
    s1.trigger("DEAL_57")
    status, state = ask(s1, "")
    assert status == 200
    assert (state["items"], state["requests"], state["moves"], state["statuses"]) == (1, 1, 1, {"200": 1})
    assert state["webhook_url"] == s1.server.webhook_url


def test_reset_and_seed(s1):
    s1.trigger("DEAL_57")
    content = {
        "users": [{"id": 2, "name": "Eve", "is_admin": False, "access": "own"}],
        "webhooks": [{"user_id": 2, "secret": "evesecret", "scopes": ["crm", "user"]}],
        "applications": [{"client_id": "local.x", "client_secret": "y", "triggers": {"paid": "Paid"}}],
        "pipelines": [
            {"type": "DEAL", "id": 7, "name": "Retail", "stages": [["NEW", "New"], ["WON", "Won", "S", "#00FF00"]]},
            {"type": "DYNAMIC_1044", "id": 3, "name": "Own process"},
        ],
        "triggers": [
            {"stage": "C7:WON", "code": "sold", "allow_backwards": True},
            {"type": "DYNAMIC_1044", "stage": "DT1044_3:CLIENT", "code": "go", "conditions": {"title": "x"}},
            {"stage": "WON", "conditions": [{"field": "opportunity", "operator": ">", "value": 5}]},
        ],
        "robots": [{"stage": "C7:WON", "seconds": 1.5}],
        "vetoes": [{"stage": "LOSE"}],
        "items": [
            {"target": "DEAL_5", "stage": "C7:NEW", "title": "Five", "opportunity": 5, "assigned_by": 2},
            {"target": "DYNAMIC_1044_6", "extra": {"ufCrm_1": "x"}},
            {"target": "DEAL_8", "category": 5},
        ],
        "generate": [{"type": "LEAD", "count": 30, "first_id": 100}],
    }
    assert ask(s1, "reset", content) == (200, {"ok": True})
    portal = s1.portal
    assert not portal.fires
    assert portal.find("DEAL_57") is None
    assert (portal.stage_of("DEAL_5"), portal.stage_of("DEAL_8")) == ("C7:NEW", "C5:NEW")
    assert portal.stage_of("DYNAMIC_1044_6") == "DT1044_3:NEW"
    assert portal.stage_of("LEAD_129") == "NEW"
    s1.base = "/rest/2/evesecret/"
    assert s1.get("user.current").result["NAME"] == "Eve"
    assert s1.trigger("DEAL_5", "sold").result is True
    assert portal.stage_of("DEAL_5") == "C7:WON"
    status, grant = ask(s1, "tokens", {"client_id": "local.x"})
    assert status == 200
    assert s1.request("GET", f"/rest/scope?auth={grant['access_token']}").result == ["crm"]
    assert ask(s1, "items/DEAL_5")[1]["fires"] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "a seed is a JSON object"),
        ({"deals": []}, "unknown key deals; a seed knows users, "),
        ({"items": {}}, "'items' must be a list"),
        ({"items": ["DEAL_5"]}, r"items\[0\] must be an object"),
        ({"items": [{"target": "DEAL_1"}, {"stage": "NEW"}]}, r"items\[1\]: 'target' is missing"),
        ({"items": [{"target": "DEAL"}]}, "'DEAL' names no entity; write TYPE_ID"),
        ({"items": [{"target": "DEAL_5", "stage": "NOPE"}]}, "DEAL has no stage 'NOPE'; there are NEW, "),
        ({"items": [{"target": "DEAL_5", "colour": 1}]}, "unknown key 'colour'"),
        ({"items": [{"target": "DEAL_5", "opportunity": "much"}]}, "'opportunity' cannot be 'much'; it is a number"),
        ({"items": [{"target": "DEAL_5"}, {"target": "DEAL_5"}]}, "DEAL_5 exists already"),
        ({"items": [{"target": "CONTACT_5"}]}, "CONTACT has no pipeline"),
        ({"triggers": [{"stage": "C5:NOPE"}]}, "has no stage 'C5:NOPE'"),
        ({"triggers": [{"stage": "WON", "type": "DEALX"}]}, "'DEALX' is no entity type"),
        ({"robots": [{"stage": "WON", "seconds": -1}]}, "'seconds' cannot be -1"),
        ({"users": [{"id": 2, "access": "sometimes"}]}, "access is one of none, read, own, all"),
        ({"pipelines": [{"id": 7, "stages": [["NEW", "New", "X"]]}]}, "semantics of stage NEW is 'X'"),
        ({"pipelines": [{"id": 7, "name": "Empty", "stages": []}]}, "'Empty' needs at least one stage"),
        ({"generate": [{"count": "many"}]}, "'count' cannot be 'many'; it is a whole number"),
    ],
)
def test_a_malformed_seed_is_named(content, message):
    with pytest.raises(SeedError, match=message):
        seed.apply(State(), content)


def test_a_seed_file(tmp_path):
    path = tmp_path / "portal.json"
    path.write_text('{"items": [{"target": "DEAL_5"}]}', encoding="utf-8")
    state = State()
    seed.load(state, path)
    assert state.stage_of("DEAL_5") == "NEW"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SeedError, match=r"portal\.json is no JSON"):
        seed.load(state, path)


def test_the_demo_is_a_seed():
    state = State()
    seed.apply(state, seed.DEMO)
    assert state.stage_of("DEAL_57") == "NEW"


def test_a_hundred_thousand_deals_take_less_than_five_seconds():
    state = State()
    began = time.process_time()
    seed.generate(state, 2, 100_000, stage="NEW")
    assert time.process_time() - began < 5
    assert len(state.items[2]) == 100_000


def test_a_hundred_thousand_deals_are_served(s1):
    seed.generate(s1.portal, 2, 100_000, stage="NEW", first_id=1000)
    began = time.process_time()
    listed = s1.post("crm.item.list", {"entityTypeId": 2, "filter": {">id": 50_000}, "start": -1, "select": ["id"]})
    assert [item["id"] for item in listed.result["items"]] == list(range(50_001, 50_051))
    assert s1.post("crm.item.list", {"entityTypeId": 2, "filter": {"@id": [57, 90_000]}}).json["total"] == 2
    assert s1.trigger("DEAL_99999").result is True
    history = s1.post("crm.stagehistory.list", {"entityTypeId": 2, "filter": {"OWNER_ID": 99999}}).result["items"]
    assert [row["STAGE_ID"] for row in history] == ["NEW", "PREPARATION"]
    assert time.process_time() - began < 2


def test_clock(s1):
    before = ask(s1, "clock")[1]["now"]
    assert ask(s1, "clock", {"advance": 90})[1]["now"] == before + 90
    for wrong in ({}, {"advance": "1"}, {"advance": -1}, {"advance": True}):
        assert ask(s1, "clock", wrong)[0] == 400


def test_faults(s1):
    assert ask(s1, "faults", {"script": [None, "html:502"], "repeat": True}) == (200, {"pending": 2, "injected": []})
    assert [s1.get("scope").status for _ in range(4)] == [200, 502, 200, 502]
    assert ask(s1, "faults")[1] == {"pending": 2, "injected": ["html", "html"]}
    assert ask(s1, "faults", method="DELETE") == (200, {"ok": True})
    assert ask(s1, "faults", {"random": {"probability": 1, "kinds": ["error"], "seed": 3}})[0] == 200
    assert s1.get("scope").status == 500
    s1.portal.faults.clear()
    for wrong in (
        {"script": ["nope"]},
        {"script": [1]},
        {"script": {}},
        {"random": {"probability": 2, "kinds": ["cut"]}},
        {"random": {"kinds": ["cut"]}},
        {"typo": []},
    ):
        status, answer = ask(s1, "faults", wrong)
        assert (status, bool(answer["error"])) == (400, True)


def test_limits(s1):
    changed = {"capacity": 1, "drain": "steps", "refused_count": True, "operating": {"seconds": 10}}
    answer = ask(s1, "limits", changed)[1]
    assert (answer["capacity"], answer["drain"], answer["operating"]["seconds"]) == (1, "steps", 10)
    assert [s1.get("scope").status for _ in range(2)] == [200, 503]
    assert ask(s1, "limits")[1]["refused"] == 1
    assert ask(s1, "limits", {"plan": "enterprise"})[1]["capacity"] == 250
    for wrong in ({"plan": "free"}, {"drain": "never"}, {"capacity": "x"}, {"operating": 5}, {"nope": 1}):
        assert ask(s1, "limits", wrong)[0] == 400
    assert ask(s1, "limits")[1]["plan"] == "enterprise"


def test_latency(s1):
    assert ask(s1, "latency", {"request_ms": 20, "command_ms": 5})[1] == {"request_ms": 20.0, "command_ms": 5.0}
    assert s1.get("scope").json["time"]["duration"] == pytest.approx(0.025, abs=1e-4)
    for wrong in ({"request_ms": -1}, {"nope": 1}, {"request_ms": None}):
        assert ask(s1, "latency", wrong)[0] == 400


def test_settings(s1):
    assert ask(s1, "settings", {"is_closed": True, "request_seconds": None})[1]["is_closed"] is True
    assert s1.get("scope").status == 403
    for wrong in ({"is_closed": "yes"}, {"statuses": "mine"}, {"nope": 1}, {"request_seconds": "x"}):
        assert ask(s1, "settings", wrong)[0] == 400
    assert s1.portal.settings.statuses == "source"


def test_requests_are_shown_without_secrets(s1):
    s1.portal.accounts.add_webhook(1, "very-secret-indeed")
    s1.base = "/rest/1/very-secret-indeed/"
    s1.batch({"a": "scope"})
    s1.get("scope", "access_token=hidden-token&ap=hidden-too", {"Authorization": "Basic hidden-header"})
    raw = s1.request("GET", "/_simulator/requests?last=5").body.decode()
    assert "very-secret-indeed" not in raw
    assert "hidden-" not in raw
    answer = json.loads(raw)
    assert [(each["method"], each["path"], each["commands"]) for each in answer["requests"]] == [
        ("batch", "/rest/1/***/batch", 1),
        ("scope", "/rest/1/***/scope", 0),
    ]
    assert ask(s1, "requests?after=1")[1]["requests"][0]["number"] == 2


def test_fires_and_moves_per_entity(s1):
    for _ in range(3):
        s1.trigger("DEAL_57")
    s1.trigger("DEAL_99")
    assert ask(s1, "fires")[1] == {"DEAL_57": {"fires": 3, "moves": 1}, "DEAL_99": {"fires": 1, "moves": 0}}
    assert ask(s1, "items/DEAL_57")[1]["stage"] == "PREPARATION"
    assert ask(s1, "items/DEAL_99")[0] == 404
    assert ask(s1, "items/nonsense")[0] == 400


@pytest.mark.parametrize("body", ["{", "[]", '"x"', "[" * 100_000])
@pytest.mark.parametrize("path", ["reset", "seed", "clock", "faults", "limits", "latency", "settings", "tokens"])
def test_malformed_bodies(s1, path, body):
    reply = s1.request("POST", f"/_simulator/{path}", body)
    assert reply.status == 400
    assert reply.json["error"]


def test_an_unknown_application_gets_no_tokens(s1):
    assert ask(s1, "tokens", {"client_id": "nope"}) == (
        400,
        {"error": "no such application; installed: none; seed some"},
    )
