"""Inputs of any size or shape leave a portal usable."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.simulator.clock import END, Clock
from airflow_provider_bitrix24.simulator.portal import Portal, items, request_log, seed
from airflow_provider_bitrix24.simulator.portal.faults import Fault
from airflow_provider_bitrix24.simulator.portal.seed import SeedError


@pytest.mark.parametrize(
    "seconds", ["1e308", "1e11", "32503680000", "1e400", "NaN", "Infinity", "-1", '"x"', "null", "9" * 400, "9" * 9999]
)
def test_a_clock_cannot_be_broken(client, seconds):
    answer = client.request("POST", "/_simulator/clock", f'{{"advance": {seconds}}}')
    assert answer.status == 400
    assert client.control("clock")[0] == client.get("server.time").status == 200


def test_a_clock_ends_with_a_year_that_can_be_written(client):
    clock = client.server.clock
    clock.advance(END - clock.now() - 1)
    client.portal.limits.enabled = False
    for _ in range(3):
        client.portal.latency.set(request_ms=3_600_000)
        assert client.get("scope").status in (200, 504)
    client.portal.latency.set(request_ms=0)
    with pytest.raises(ValueError, match="2999"):
        clock.advance(10)
    assert client.get("server.time").result.startswith(("2999", "3000"))


@pytest.mark.parametrize("milliseconds", [1e308, 86_400_001, -1, float("nan")])
def test_no_step_of_work_lasts_longer_than_a_day(milliseconds):
    portal = Portal(clock=Clock(virtual=True))
    with pytest.raises(ValueError, match="seconds"):
        portal.latency.set(request_ms=milliseconds)
    with pytest.raises(ValueError, match="seconds"):
        portal.add_robot("NEW", seconds=milliseconds)
    with pytest.raises(ValueError, match="seconds"):
        Fault.parse({"kind": "delay", "seconds": milliseconds})


@pytest.mark.parametrize("entry", [{"count": 10**12}, {"count": 1_000_001}, {"count": 5, "first_id": 2**31}])
def test_no_more_items_are_generated_than_fit(entry):
    portal = Portal()
    with pytest.raises(SeedError, match=r"at most 1,000,000 items|ids end at"):
        seed.apply(portal, {"generate": [{"type": "DEAL", **entry}]})
    assert len(portal.items[2]) == 0


def test_a_full_portal_refuses_more(client, monkeypatch):
    monkeypatch.setattr(items, "MAX_ITEMS", 1)
    assert client.post("crm.item.add", {"entityTypeId": 2, "fields": {}}).status == 400
    assert client.control("seed", {"items": [{"target": "DEAL_9"}]})[0] == 400


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_an_amount_that_is_not_a_number_breaks_nothing(client, amount):
    body = f'{{"items": [{{"target": "DEAL_9", "opportunity": {amount}}}]}}'
    assert client.request("POST", "/_simulator/seed", body).status == 400
    sent = f'{{"entityTypeId": 2, "id": 57, "fields": {{"opportunity": {amount}, "ufCrm_1": {amount}}}}}'
    client.request("POST", f"{client.base}crm.item.update", sent, {"Content-Type": "application/json"})
    assert json.loads(client.get("crm.item.list", "entityTypeId=2&select[]=opportunity").body)
    assert client.get("crm.deal.list").result[0]["OPPORTUNITY"] == "0.00"
    with pytest.raises(ValueError, match="finite"):
        client.portal.add_deal(opportunity=float(amount))


@pytest.mark.parametrize(
    "body", [{}, {"user_id": 1}, {"client_id": ""}, {"client_id": 5}, {"client_id": "local.app1", "user_id": 4064}]
)
def test_tokens_need_an_application_and_a_user(client, application, body):
    status, answer = client.control("tokens", body)
    assert status == 400
    assert answer["error"]
    assert client.control("tokens", {"client_id": application.client_id})[0] == 200


def test_the_parameters_of_a_huge_request_are_not_kept(client):
    client.post("crm.item.update", {"entityTypeId": 2, "id": 57, "fields": {"title": "x" * 1_100_000}})
    client.get("scope")
    assert [(each.params == {}, each.status) for each in client.server.requests] == [(True, 200), (True, 200)]
    assert client.portal.find("DEAL_57").title.startswith("xxx")


def test_the_requests_kept_have_a_bound_in_bytes(client, monkeypatch):
    monkeypatch.setattr(request_log, "_MAX_BYTES", 100_000)
    for _ in range(30):
        client.post("scope", {"x": "x" * 10_000})
    kept = client.server.requests
    assert 5 <= len(kept) < 10
    assert sum(each.size for each in kept) <= 100_000
    assert kept.total == 30


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        *((name, depth) for name in ("filter", "select", "fields", "order", "cmd") for depth in (60, 500, 900, 5_000)),
        ("filter", 200_000),
    ],
)
def test_deeply_nested_json_breaks_nothing(client, name, depth):
    nested = '{"0":' * depth + "{}" + "}" * depth
    body = f'{{"entityTypeId": 2, "id": 57, "{name}": {nested}}}'
    for method in ("crm.item.list", "crm.item.update", "crm.deal.list", "batch"):
        client.request("POST", f"{client.base}{method}", body, {"Content-Type": "application/json"})
    user_field = f'{{"entityTypeId": 2, "id": 57, "fields": {{"ufCrm_1": {nested}}}}}'
    client.request("POST", f"{client.base}crm.item.update", user_field, {"Content-Type": "application/json"})
    assert client.get("crm.item.get", "entityTypeId=2&id=57").status == 200
    assert client.control("requests")[0] == 200


@pytest.mark.parametrize("path", ["clock", "reset", "seed", "limits", "latency", "faults", "settings", "tokens"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json; charset=nobody-knows"),
        (b"\xff\xfe\x00", "application/json"),
        (b"\xff", "text/plain; charset=utf-7"),
        (b"[" * 100_000, "application/json"),
        (b'{"x": ' + b"9" * 9999 + b"}", "application/json"),
        (b'"\\ud800"', "application/json"),
        (b'{"capacity": ' + b"9" * 400 + b', "request_ms": 1, "advance": 1}', "application/json"),
    ],
)
def test_no_body_makes_the_control_api_fail(client, path, body, content_type):
    answer = client.request("POST", f"/_simulator/{path}", body, {"Content-Type": content_type})
    assert answer.status in (200, 400)
    assert answer.status == 200 or answer.json["error"]


@pytest.mark.parametrize(
    "part",
    [
        b'Content-Disposition: form-data; name="target"\r\nContent-Type: text/plain; charset=nobody-knows',
        b'Content-Disposition: form-data; name="target"\r\nContent-Transfer-Encoding: nobody-knows',
        b'Content-Disposition: form-data; name="target"\r\nContent-Encoding: nobody-knows',
        b"Content-Disposition: nonsense",
    ],
)
def test_no_multipart_body_makes_a_request_fail(client, part):
    body = b"--x\r\n" + part + b"\r\n\r\nDEAL_57\r\n--x--\r\n"
    answer = client.request("POST", f"{client.base}scope", body, {"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == 200
