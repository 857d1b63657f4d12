"""Whatever a client sends, there is no traceback and no hang, and the portal stays consistent."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal.entity_types import traits
from airflow_provider_bitrix24.simulator.portal.model import Access, Application, User
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PATIENCE_SECONDS, add_sales_content
from tests.support.rest_call_strategies import CALLS, COMMANDS, DATA, PARAMETERS, query_of

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover; tracing them takes longer than they do

FUZZ = settings(
    max_examples=4 * settings.default.max_examples,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
TRACES = re.compile(rb"Traceback|File \"|\.py\b|airflow_provider|line \d+, in")


@pytest.fixture
def server():
    """A portal with something of everything."""
    with SimulatorServer(clock=Clock(virtual=True), plan="self-hosted", seed="demo") as started:
        portal = started.portal
        portal.remove("DEAL_57")
        add_sales_content(portal)
        portal.add_robot("PREPARATION", seconds=0.5, move_to="EXECUTING")
        portal.accounts.add_user(User(2, login="user2", is_admin=False, access=Access.OWN))
        portal.accounts.add_webhook(2, "sec2", scopes=frozenset({"crm", "user"}))
        portal.accounts.add_application(Application("local.app1", "secret", redirect_uri="https://app.example/"))
        yield started


def restore_deals(portal):
    """Bring back what earlier examples deleted or moved to the end."""
    for number in range(57, 65):
        item = portal.find(f"DEAL_{number}")
        if item is None:
            portal.add_deal(id=number)
        elif item.stage_id != "NEW":
            pipeline = portal.pipelines[2, 0]
            portal.place(item, 0, pipeline.stages[0], moved_by=1)


def send(server, http_method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_SECONDS)
    try:
        connection.request(http_method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def assert_sound(server, status, body, headers):
    """Check a response, and the state of the portal."""
    assert 200 <= status < 600
    assert not TRACES.search(body), body
    if headers.get_content_type() == "application/json" and body:
        envelope = json.loads(body)
        assert isinstance(envelope, dict)
        assert ("error" in envelope) is (status != 200 or "result" not in envelope)
    assert server.crashes == []
    assert_consistent(server.portal)


def assert_consistent(portal):
    """Every item stands at a stage of its pipeline, is indexed there, and its history ends there."""
    for type_id, store in portal.items.items():
        if not traits(type_id).has_stages:
            continue
        at_stages = 0
        for pipeline in (each for each in portal.pipelines.values() if each.type_id == type_id):
            for stage in pipeline.stages:
                count = store.count_at(pipeline.id, stage.id)
                ids = store.newest_at(pipeline.id, stage.id, count + 1)
                assert len(ids) == count
                at_stages += len(ids)
                for item_id in ids:
                    item = store.get(item_id)
                    assert (item.category_id, item.stage_id) == (pipeline.id, stage.id)
        assert at_stages == len(store)
        assert [item.id for item in store.after(0)] == sorted(item.id for item in store.descending())
        for item in store.after(0):
            rows = portal.history.of_owner(type_id, item.id)
            assert not rows or (rows[-1].category_id, rows[-1].stage_id) == (item.category_id, item.stage_id)
    assert sum(portal.moves.values()) == portal.events.total_moves


@FUZZ
@given(call=CALLS, how=st.sampled_from(["get", "json", "form", "text", "none", "both"]))
def test_calls(server, call, how):
    restore_deals(server.portal)
    name, parameters = call
    path = f"/rest/1/sec/{quote(name, safe='/', errors='replace')}"
    form = query_of(parameters)
    body = {"json": json.dumps(parameters), "both": json.dumps(parameters), "form": form, "text": form, "none": form}
    kinds = {"json": "application/json", "both": "application/vnd.x+json", "text": "text/plain"}
    kinds["form"] = "application/x-www-form-urlencoded"
    headers = {"Content-Type": kinds[how]} if how in kinds else {}
    if how in ("get", "both"):
        path += f"?{form}"
    answer = send(server, "GET" if how == "get" else "POST", path, body.get(how, "").encode(), headers)
    assert_sound(server, *answer)


@FUZZ
@given(
    body=st.binary(max_size=300),
    kind=st.sampled_from(
        [
            "application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "text/xml",
            "",
            "application/json; charset=nonsense",
        ]
    ),
    method=st.sampled_from(["batch", "crm.automation.trigger", "crm.item.update", "crm.deal.list"]),
)
def test_bodies(server, body, kind, method):
    assert_sound(server, *send(server, "POST", f"/rest/1/sec/{method}", body, {"Content-Type": kind}))


@FUZZ
@given(
    commands=st.one_of(
        st.dictionaries(st.one_of(st.sampled_from("abc"), st.text(max_size=5)), COMMANDS, max_size=8),
        st.lists(COMMANDS, max_size=8),
        DATA,
    ),
    halt=DATA,
)
def test_batches(server, commands, halt):
    restore_deals(server.portal)
    body = json.dumps({"cmd": commands, "halt": halt})
    status, answer, headers = send(server, "POST", "/rest/1/sec/batch", body, {"Content-Type": "application/json"})
    assert_sound(server, status, answer, headers)
    if status == 200 and answer and "result" in json.loads(answer):
        result = json.loads(answer)["result"]
        assert set(result) == {"result", "result_error", "result_total", "result_next", "result_time"}
        done, failed = dict(php.array_items(result["result"])), dict(php.array_items(result["result_error"]))
        assert len(done) == len(dict(php.array_items(result["result_time"])))
        if isinstance(commands, (dict, list)):
            assert len(done) + len(failed) <= len(commands)


@FUZZ
@given(
    path=st.one_of(
        st.text(max_size=40), st.sampled_from(["1/sec", "1", "", "api/1/sec/x", "2/sec2/scope", "admin/sec/scope"])
    ),
    headers=st.dictionaries(
        st.sampled_from(["Authorization", "Content-Type", "Accept", "X-Forwarded-For", "Cookie"]),
        st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
        max_size=4,
    ),
    http_method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]),
)
def test_paths_and_headers(server, path, headers, http_method):
    answer = send(server, http_method, f"/rest/{quote(path, safe='/?&=', errors='replace')}", None, headers)
    assert_sound(server, *answer)


@FUZZ
@given(raw=st.binary(max_size=200))
def test_bytes_that_are_no_http(server, raw):
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(raw + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # it did not want to read all of this
            while block := connection.recv(65536):
                answer += block
    assert not TRACES.search(answer), answer
    assert server.crashes == []


@FUZZ
@given(parameters=PARAMETERS, what=st.sampled_from(["token/", "authorize/"]))
def test_oauth(server, parameters, what):
    parameters = {"grant_type": "refresh_token", "client_id": "local.app1", **parameters}
    assert_no_trace(send(server, "GET", f"/oauth/{what}?{query_of(parameters)}"))


@FUZZ
@given(
    path=st.sampled_from(
        ["reset", "seed", "clock", "faults", "limits", "latency", "settings", "tokens", "requests", "items/x"]
    ),
    data=st.one_of(DATA, PARAMETERS),
)
def test_control(server, path, data):
    for http_method in ("GET", "POST"):
        assert_no_trace(send(server, http_method, f"/_simulator/{path}", json.dumps(data)))


def test_the_calls_are_worth_sending(server):
    """Some of the calls drawn here succeed, others are refused in each of the portal's ways, and items move."""

    @settings(FUZZ, max_examples=150, derandomize=True, database=None)
    @given(call=CALLS)
    def send_calls(call):
        restore_deals(server.portal)
        name, parameters = call
        path = f"/rest/1/sec/{quote(name, safe='/', errors='replace')}"
        send(server, "POST", path, json.dumps(parameters), {"Content-Type": "application/json"})

    send_calls()
    log = server.portal.request_log
    assert {200, 400, 404} <= set(log.statuses)
    assert {"", "100", "ERROR_METHOD_NOT_FOUND"} <= {recorded.error for recorded in log}
    assert server.portal.events.total_moves > 15


def assert_no_trace(answer):
    status, body, _ = answer
    assert status < 500, (status, body)
    assert not TRACES.search(body), body


@FUZZ
@given(text=st.text(max_size=60))
def test_parse_query_never_fails(text):
    def depth(value):
        return 1 + max(map(depth, value.values()), default=0) if isinstance(value, dict) else 0

    assert depth(php.parse_query(text)) <= php.MAX_NESTING + 2


@FUZZ
@given(value=DATA)
def test_casts_never_fail(value):
    assert isinstance(php.to_int(value), int)
    assert isinstance(php.to_str(value), str)
    assert isinstance(php.truthy(value), bool)
