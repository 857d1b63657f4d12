from __future__ import annotations

import pytest


def test_state(client):
    client.trigger("DEAL_57")
    status, state = client.control("")
    assert status == 200
    assert (state["items"], state["requests"], state["moves"], state["statuses"]) == (1, 1, 1, {"200": 1})
    assert state["webhook_url"] == client.server.webhook_url


def test_a_reset_fills_the_portal_with_a_seed(client):
    client.trigger("DEAL_57")
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
    assert client.control("reset", content) == (200, {"ok": True})
    portal = client.portal
    assert not portal.fires
    assert portal.find("DEAL_57") is None
    assert (portal.stage_of("DEAL_5"), portal.stage_of("DEAL_8")) == ("C7:NEW", "C5:NEW")
    assert portal.stage_of("DYNAMIC_1044_6") == "DT1044_3:NEW"
    assert portal.stage_of("LEAD_129") == "NEW"
    client.base = "/rest/2/evesecret/"
    assert client.get("user.current").result["NAME"] == "Eve"
    assert client.trigger("DEAL_5", "sold").result is True
    assert portal.stage_of("DEAL_5") == "C7:WON"
    status, grant = client.control("tokens", {"client_id": "local.x"})
    assert status == 200
    assert client.request("GET", f"/rest/scope?auth={grant['access_token']}").result == ["crm"]
    assert client.control("items/DEAL_5")[1]["fires"] == 1


def test_clock(client):
    before = client.control("clock")[1]["now"]
    assert client.control("clock", {"advance": 90})[1]["now"] == before + 90
    for wrong in ({}, {"advance": "1"}, {"advance": -1}, {"advance": True}):
        assert client.control("clock", wrong)[0] == 400


def test_faults(client):
    assert client.control("faults", {"script": [None, "html:502"], "repeat": True}) == (
        200,
        {"pending": 2, "injected": []},
    )
    assert [client.get("scope").status for _ in range(4)] == [200, 502, 200, 502]
    assert client.control("faults")[1] == {"pending": 2, "injected": ["html", "html"]}
    assert client.control("faults", method="DELETE") == (200, {"ok": True})
    assert client.control("faults", {"random": {"probability": 1, "kinds": ["error"], "seed": 3}})[0] == 200
    assert client.get("scope").status == 500
    client.portal.faults.clear()
    for wrong in (
        {"script": ["nope"]},
        {"script": [1]},
        {"script": {}},
        {"random": {"probability": 2, "kinds": ["cut"]}},
        {"random": {"kinds": ["cut"]}},
        {"typo": []},
    ):
        status, answer = client.control("faults", wrong)
        assert (status, bool(answer["error"])) == (400, True)


def test_limits(client):
    changed = {"capacity": 1, "drain": "steps", "refused_count": True, "operating": {"seconds": 10}}
    answer = client.control("limits", changed)[1]
    assert (answer["capacity"], answer["drain"], answer["operating"]["seconds"]) == (1, "steps", 10)
    assert [client.get("scope").status for _ in range(2)] == [200, 503]
    assert client.control("limits")[1]["refused"] == 1
    assert client.control("limits", {"plan": "enterprise"})[1]["capacity"] == 250
    for wrong in ({"plan": "free"}, {"drain": "never"}, {"capacity": "x"}, {"operating": 5}, {"nope": 1}):
        assert client.control("limits", wrong)[0] == 400
    assert client.control("limits")[1]["plan"] == "enterprise"


def test_a_profile_sets_the_operating_limit_and_other_values_override_it(client):
    answer = client.control("limits", {"operating": {"profile": "2026-09", "seconds": 30}})[1]["operating"]
    assert (answer["profile"], answer["seconds"], answer["ban_seconds"], answer["bans"]) == ("2026-09", 30, 300, 0)
    assert client.control("limits", {"operating": {"commands_billed_to": "portal"}})[0] == 200
    for wrong in ({"profile": "2027"}, {"commands_billed_to": "me"}, {"batch_weight": -1}, {"bans": 1}):
        assert client.control("limits", {"operating": wrong})[0] == 400
    assert client.control("limits", {"operating": {"profile": "2026-05"}})[1]["operating"]["seconds"] == 480


def test_latency(client):
    assert client.control("latency", {"request_ms": 20, "command_ms": 5})[1] == {"request_ms": 20.0, "command_ms": 5.0}
    assert client.get("scope").json["time"]["duration"] == pytest.approx(0.025, abs=1e-4)
    for wrong in ({"request_ms": -1}, {"nope": 1}, {"request_ms": None}):
        assert client.control("latency", wrong)[0] == 400


def test_settings(client):
    assert client.control("settings", {"is_closed": True, "request_seconds": None})[1]["is_closed"] is True
    assert client.get("scope").status == 403
    for wrong in ({"is_closed": "yes"}, {"statuses": "mine"}, {"nope": 1}, {"request_seconds": "x"}):
        assert client.control("settings", wrong)[0] == 400
    assert client.portal.settings.statuses == "source"


def test_fires_and_moves_per_entity(client):
    for _ in range(3):
        client.trigger("DEAL_57")
    client.trigger("DEAL_99")
    assert client.control("fires")[1] == {"DEAL_57": {"fires": 3, "moves": 1}, "DEAL_99": {"fires": 1, "moves": 0}}
    assert client.control("items/DEAL_57")[1]["stage"] == "PREPARATION"
    assert client.control("items/DEAL_99")[0] == 404
    assert client.control("items/nonsense")[0] == 400


def test_an_unknown_application_gets_no_tokens(client):
    assert client.control("tokens", {"client_id": "nope"}) == (
        400,
        {"error": "no such application; installed: none; seed some"},
    )
