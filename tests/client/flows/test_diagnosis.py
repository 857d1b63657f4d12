"""The check of a connection says what is wrong, raises nothing and changes nothing."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import Access, User


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
        ([None, error_of(404, "ERROR_METHOD_NOT_FOUND")], True, "too old for crm.item.list"),
        ([None, *[error_of(404, "ERROR_METHOD_NOT_FOUND")] * 2], False, "older than automation triggers"),
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


def test_a_check_says_that_a_user_sees_no_deals(run_with_both_clients):
    def scenario(bench):
        bench.portal.accounts.add_user(User(2, is_admin=False, access=Access.ALL))
        bench.portal.accounts.add_user(User(3, is_admin=False, access=Access.NONE))
        for user in (2, 3):
            bench.portal.accounts.add_webhook(user, f"hook{user}")
        bench.portal.add_deal(id=57)
        for user in (1, 2, 3):
            bench.do("diagnose", url=None if user == 1 else f"{bench.server.url}/rest/{user}/hook{user}/")

    admin, sees_all, sees_none = run_with_both_clients(scenario).outcomes
    assert admin.ok
    assert admin.message.endswith("; CRM can be read.")
    assert sees_all.ok
    assert sees_all.message.endswith("; CRM can be read.")
    assert sees_none.ok
    assert "CRM can be read, but this user sees no deals." in sees_none.message


def test_a_server_that_accepts_a_trigger_without_a_target_is_not_a_portal(perform):
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
