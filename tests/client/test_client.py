"""What both clients offer beside firing: calls, batches, lists, stages, and the check of a connection."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.errors import (
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
)
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.stages import Stage
from airflow_provider_bitrix24.client.stores.file import FileStore
from airflow_provider_bitrix24.client.stores.process import PROCESS_STORE
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import Access, User

URL = "https://example.bitrix24.com/rest/1/s3cr3t/"
CLASSES = pytest.mark.parametrize("kind", [Bitrix24Client, AsyncBitrix24Client])


@CLASSES
def test_a_client_is_made_from_the_url_that_bitrix24_shows(kind, tmp_path):
    authority = tmp_path / "ca.pem"
    made = kind.from_webhook_url(f"{URL}crm.automation.trigger/?target=DEAL_{{{{ID}}}}&code=c5u4m", plan="enterprise")
    assert made.portal == Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s3cr3t")
    assert (made.default_code, made.settings.bucket, made.settings.verify_tls) == ("c5u4m", (250, 5.0), True)
    assert kind.from_webhook_url(URL, verify_tls=False, max_concurrency=1).settings.tls is False
    with pytest.raises(ConfigurationError, match="ca_bundle cannot be used"):
        kind.from_webhook_url(URL, verify_tls=str(authority))


@CLASSES
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"plan": "gold"}, "plan is 'gold'"),
        ({"colour": "red"}, "colour"),
        ({"verify_tls": "/ca.pem", "ca_bundle": "/ca.pem"}, "ca_bundle"),
        ({"reader": "https://other.bitrix24.com/rest/1/s3cr3t/"}, "second connection is to other.bitrix24.com"),
        ({"reader": "nonsense"}, "not a webhook URL"),
    ],
)
def test_a_wrong_option_is_named(kind, options, named):
    with pytest.raises(ConfigurationError) as caught:
        kind.from_webhook_url(URL, **options)
    assert named in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@CLASSES
def test_a_limited_portal_shares_its_bucket_in_files_and_another_needs_none(kind, tmp_path):
    shared = kind.from_webhook_url(URL, pacing_directory=str(tmp_path))
    assert isinstance(shared._pacer.store, FileStore)
    assert shared._pacer.store._directory == tmp_path
    assert kind.from_webhook_url(URL)._pacer.store._directory == FileStore()._directory
    assert kind.from_webhook_url(URL, plan="self-hosted")._pacer.store is PROCESS_STORE


def test_clients_are_context_managers_that_close_their_connections(bench):
    bench.deals(1)
    assert bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 1})["item"]["id"] == 1


def test_a_call_gives_the_bare_result_and_raises_what_the_portal_answers(run_with_both_clients):
    def scenario(bench):
        bench.deals(1)
        bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 1})
        bench.do("call", "scope")
        bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 9})
        bench.do("call", "crm.automation.trigger")
        bench.do("execute_trigger", "DEAL_1", "c")
        bench.do("execute_trigger", "D_1", "c")
        bench.do("call", "scope", {"x": {1, 2}})

    item, scope, *errors = run_with_both_clients(scenario).outcomes
    assert item["item"]["stageId"] == "NEW"
    assert "crm" in scope
    expected = [NotFoundError, InvalidRequestError, PermissionDeniedError, ConfigurationError, ConfigurationError]
    assert [type(error) for error in errors] == expected


def test_a_batch_of_any_size_keeps_the_callers_keys(run_with_both_clients):
    def scenario(bench):
        bench.deals(120)
        commands = {f"deal {n}": ("crm.item.get", {"entityTypeId": 2, "id": n}) for n in range(1, 122)}
        bench.do("batch", commands)
        bench.do("batch", {})
        bench.do("batch", {0: ("scope", None), 1: ("no.such.method", None)})

    whole, empty, numbered = run_with_both_clients(scenario).outcomes
    assert list(whole.results) == [f"deal {n}" for n in range(1, 121)]
    assert isinstance(whole.errors["deal 121"], NotFoundError)
    assert (empty.results, empty.errors) == ({}, {})
    assert list(numbered.results) == [0]
    assert list(numbered.errors) == [1]


def test_lists_are_read_to_their_end_with_or_without_a_count(run_with_both_clients):
    def scenario(bench):
        bench.deals(120)
        bench.do("list", "crm.item.list", {"entityTypeId": 2, "select": ["id"]})
        bench.do("list", "crm.item.list", {"entityTypeId": 2, "order": {"id": "DESC"}})
        bench.do("list", "crm.status.list", {"filter": {"ENTITY_ID": "STATUS"}})
        bench.do("list", "crm.item.list", {"entityTypeId": 2, "filter": {"stageId": "WON"}})
        bench.do("list", "crm.item.get", {"entityTypeId": 2, "id": 1})

    bench = run_with_both_clients(scenario)
    by_id, counted, dictionary, nothing, error = bench.outcomes
    assert [row["id"] for row in by_id] == list(range(1, 121))
    assert [row["id"] for row in counted] == list(range(120, 0, -1))
    assert dictionary[0]["STATUS_ID"] == "NEW"
    assert nothing == []
    assert isinstance(error, ProtocolError)
    behind = [request.params.get("filter", {}).get(">id") for request in bench.server.requests]
    assert behind == [None, 50, 100, *[None] * 6]


def test_a_list_is_read_page_by_page_as_it_is_used(bench):
    bench.deals(120)
    if bench.kind == "sync":
        portal, options = bench.client_parts()
        with Bitrix24Client(portal, **options) as made:
            rows = made.list("crm.item.list", {"entityTypeId": 2})
            assert len(bench.server.requests) == 0
            next(rows)
            assert len(bench.server.requests) == 1


def test_stages_are_told_by_canonical_target(run_with_both_clients):
    def scenario(bench):
        bench.deals(2)
        bench.portal.add_item(7, 3, stage="SENT")
        bench.do("get_stages", ["deal_1", "DYNAMIC_2_2", "DEAL_9", "QUOTE_3"])
        bench.do("get_stages", ["DEAL_1", "CONTACT_7", "ORDER_8"])
        bench.do("get_stages", "DYNAMIC_9999_1")
        bench.do("get_stages", [])
        bench.do("get_stages", None)

    stages, unreadable, unsupported, nothing, error = run_with_both_clients(scenario).outcomes
    result = {target: info.stage for target, info in stages.items()}
    assert result == {"DEAL_1": "NEW", "DEAL_2": "NEW", "QUOTE_3": "SENT"}
    assert isinstance(unreadable, ConfigurationError)
    assert "CONTACT_7, ORDER_8" in str(unreadable)
    assert isinstance(unsupported, NotFoundError | InvalidRequestError)
    assert nothing == {}
    assert isinstance(error, ConfigurationError)


@pytest.mark.parametrize(
    ("type_id", "category", "first", "last"),
    [
        (1, None, "NEW", "F"),
        (2, 0, "NEW", "F"),
        (2, None, "NEW", "F"),
        (2, 5, "C5:NEW", "F"),
        (7, None, "DRAFT", "F"),
        (31, 2, "DT31_2:N", "F"),
        (177, 12, "DT177_12:NEW", "F"),
    ],
)
def test_the_stages_of_each_pipeline_come_in_their_order(run_with_both_clients, type_id, category, first, last):
    def scenario(bench):
        bench.do("pipeline_stages", type_id, category)

    [stages] = run_with_both_clients(scenario).outcomes
    assert (stages[0].id, stages[0].semantics, stages[-1].semantics) == (first, None, last)
    assert all(isinstance(stage, Stage) and stage.name for stage in stages)


def denied(method=""):
    return Fault(kind=FaultKind.ERROR, status=401, code="ACCESS_DENIED", description="No.", method=method)


def error_of(status, code, description=""):
    return Fault(kind=FaultKind.ERROR, status=status, code=code, description=description)


@pytest.mark.parametrize(
    ("script", "ok", "said"),
    [
        ([], True, "as Admin Simulator (user 1), an administrator; CRM can be read."),
        ([None, None, denied()], True, "as user 1; CRM can be read."),
        ([denied()], True, "may only fire automation triggers"),
        ([None, denied()], True, "may only fire automation triggers"),
        ([denied(), denied()], False, "ACCESS_DENIED"),
        ([denied(), error_of(400, "", "Access denied.")], False, "may read nothing in the CRM"),
        ([denied(), error_of(403, "PORTAL_DELETED", "Portal was deleted")], False, "closed or deleted"),
        ([denied(), error_of(404, "ERROR_METHOD_NOT_FOUND")], False, "ERROR_METHOD_NOT_FOUND"),
        ([denied(), *[error_of(500, "INTERNAL_SERVER_ERROR")] * 2], False, "INTERNAL_SERVER_ERROR"),
        ([denied(), *["refuse"] * 3], False, "QUERY_LIMIT_EXCEEDED"),
        ([denied(), *["html:502"] * 2], False, "does not look like a Bitrix24 portal"),
        ([error_of(401, "INVALID_CREDENTIALS")], False, "Check the webhook's user id and secret"),
        (["redirect"], False, "does not look like a Bitrix24 portal"),
        (["html:200", "html:200"], False, "does not look like a Bitrix24 portal"),
        (["reset", "reset"], False, "the connection broke"),
        (["html:502"], True, "CRM can be read."),
        ([None, error_of(400, "100", "x")], False, "100 x"),
    ],
)
def test_a_check_says_what_is_wrong_and_raises_nothing(run_with_both_clients, script, ok, said):
    def scenario(bench):
        bench.server.faults.script(script)
        bench.do("diagnose")

    bench = run_with_both_clients(scenario)
    [diagnosis] = bench.outcomes
    assert diagnosis.ok is ok, diagnosis
    assert said in diagnosis.message
    assert sum(bench.sleeps) < 10
    assert bench.portal.fires == {}


def test_a_check_names_missing_scopes_and_people(run_with_both_clients):
    def scenario(bench):
        bench.portal.accounts.add_user(User(2, is_admin=False, access=Access.ALL, name="Ann", last_name="Lee"))
        bench.portal.accounts.add_webhook(2, "fine")
        bench.portal.accounts.add_webhook(2, "scopeless", scopes=frozenset({"user", "task"}))
        for secret in ("fine", "scopeless"):
            bench.do("diagnose", url=f"{bench.server.url}/rest/2/{secret}/")

    fine, scopeless = run_with_both_clients(scenario).outcomes
    assert fine.ok
    assert "Ann Lee (user 2), not an administrator" in fine.message
    assert not scopeless.ok
    assert "lacks the scope 'crm' (it has: " in scopeless.message


def test_what_answers_yes_to_a_trigger_without_a_target_is_no_portal(perform):
    from airflow_provider_bitrix24.client.flows.calls import Channel
    from airflow_provider_bitrix24.client.flows.diagnosis import diagnose

    channel = Channel(portal=Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s"))
    diagnosis = perform(
        diagnose(channel),
        ("acquire 1", 0.0),
        ("send scope", [(401, {"error": "ACCESS_DENIED"})]),
        ("acquire 1", 0.0),
        ("send crm.automation.trigger", [{"result": True}]),
    )
    assert not diagnosis.ok
    assert "is it a Bitrix24 portal?" in diagnosis.message
