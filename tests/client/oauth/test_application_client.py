"""What only an application's client can do, through both clients."""

from __future__ import annotations

import dataclasses
import os

import pytest

from airflow_provider_bitrix24.client.errors import AuthenticationError, Bitrix24Error, ConfigurationError
from airflow_provider_bitrix24.client.oauth.refresh import this_host
from airflow_provider_bitrix24.client.oauth.triggers import ApplicationTrigger
from airflow_provider_bitrix24.client.protocol.wire import EXECUTE
from tests.support.client_bench import ClientBench
from tests.support.drivers import KINDS
from tests.support.token_rig import token_rig


@pytest.fixture
def rig(tmp_path):
    with token_rig(tmp_path) as rig:
        rig.authorize()
        yield rig


@pytest.mark.parametrize("kind", KINDS)
def test_triggers_are_registered_listed_fired_and_deleted(rig, kind):
    rig.portal.add_trigger("PREPARATION", code="paid", application="local.app1")
    for number in range(1, 61):
        rig.portal.add_deal(id=number)
    rig.do(kind, "add_trigger", "paid", "Paid")
    assert rig.do(kind, "list_triggers") == [ApplicationTrigger("paid", "Paid")]
    report = rig.do(kind, "execute_trigger", [f"DEAL_{number}" for number in range(1, 61)], "paid")
    assert (report.moved, report.code) == (60, "paid")
    assert set(rig.server.fires.values()) == {1}
    rig.do(kind, "delete_trigger", "paid")
    assert rig.do(kind, "list_triggers") == []


def test_an_empty_code_or_name_is_refused(rig):
    for arguments in (("add_trigger", "", "Paid"), ("add_trigger", "paid", " "), ("delete_trigger", "")):
        with pytest.raises(ConfigurationError, match="is empty"):
            rig.do("sync", *arguments)
    with pytest.raises(ConfigurationError, match="code is empty"):
        rig.do("sync", "execute_trigger", "DEAL_1", "")
    assert rig.server.requests.total == 0


@pytest.mark.parametrize("kind", KINDS)
def test_one_unverified_target_is_the_documented_call(rig, kind):
    rig.do("sync", "add_trigger", "paid", "Paid")
    report = rig.do(kind, "execute_trigger", "DEAL_57", "paid", verify=False)
    assert report.unverified == 1
    [request] = rig.server.requests.of_method(EXECUTE)
    assert request.params == {"CODE": "paid", "OWNER_TYPE_ID": 2, "OWNER_ID": 57, "auth": "***"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_webhook_is_refused_and_nothing_is_sent(kind):
    with ClientBench(kind) as bench:
        for arguments in (
            ("add_trigger", "paid", "Paid"),
            ("list_triggers",),
            ("delete_trigger", "paid"),
            ("execute_trigger", "DEAL_1", "paid"),
            ("token_info",),
            ("refresh_tokens",),
        ):
            bench.do(*arguments)
        assert all("only for OAuth applications" in str(each) for each in bench.outcomes)
        assert bench.server.requests.total == 0


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_are_described_and_refreshed_when_they_are_old(rig, kind):
    info = rig.do(kind, "token_info")
    assert (info.user_id, info.user_name, info.is_admin, info.scopes) == (1, "Admin Simulator", True, ("crm",))
    assert not info.ends_soon
    assert rig.do(kind, "refresh_tokens", older_than=60) is False
    rig.server.clock.advance(61)
    assert rig.do(kind, "refresh_tokens", older_than=60) is True
    assert rig.do(kind, "refresh_tokens") is True
    assert rig.refreshes == 2


def test_a_token_of_nobody_known_is_described(rig):
    rig.store.kept = dataclasses.replace(
        rig.store.kept, pair=dataclasses.replace(rig.store.kept.pair, user_id=None, scopes=())
    )
    rig.server.faults.script(["html:502"] * 2)
    assert "as an unknown user." in rig.do("sync", "token_info").lines()[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_diagnosis_refreshes_nothing(rig, kind):
    assert rig.do(kind, "diagnose").message.startswith("Connected: CRM can be read.")
    rig.portal.accounts.users[1].is_admin = False
    assert "not an administrator" in rig.do(kind, "diagnose").message
    rig.server.faults.script([None, "expired_token"])
    found = rig.do(kind, "diagnose")
    assert found.ok
    assert "the next call refreshes it" in found.message
    rig.server.faults.script([None, {"kind": "error", "status": 403, "code": "ACCESS_DENIED", "description": "x"}])
    assert not rig.do(kind, "diagnose").ok
    rig.server.clock.advance(31 * 86400)
    found = rig.do(kind, "diagnose")
    assert (found.ok, "They have ended." in found.message) == (False, True)
    rig.store.kept = dataclasses.replace(rig.store.kept, pair=None)
    assert "no tokens yet" in rig.do(kind, "diagnose").message
    assert rig.refreshes == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_diagnosis_names_the_process_whose_refresh_brought_nothing(rig, kind):
    assert not rig.do(kind, "token_info").claim
    rig.expire()
    rig.server.faults.script([{"kind": "cut", "when": "after", "method": "oauth.token"}])
    with pytest.raises(AuthenticationError, match="no longer valid"):
        rig.do(kind, "call", "scope")
    lost = f"process {os.getpid()} of host {this_host()} asked for new tokens at"
    assert lost in rig.do(kind, "diagnose").message
    assert lost in "".join(rig.do(kind, "token_info").lines())
    rig.authorize()
    rig.new_process()
    assert rig.do(kind, "token_info").claim is None


def test_a_code_or_an_installation_authorizes_the_client(rig):
    from airflow_provider_bitrix24.client.oauth.grants import AuthorizationCode

    grant = rig.portal.tokens.issue("local.app1", 1, frozenset({"crm"}), rig.server.clock.now())
    rig.do("sync", "install", f"auth[access_token]={grant.access_token}&auth[refresh_token]={grant.refresh_token}")
    assert rig.store.kept.pair.access_token == grant.access_token
    code = rig.portal.tokens.make_code("local.app1", 1, rig.server.clock.now())
    rig.do("sync", "authorize", AuthorizationCode(code.code))
    assert rig.store.kept.pair.access_token != grant.access_token
    assert rig.do("sync", "call", "scope") == ["crm"]


def test_what_is_not_a_list_of_triggers_is_none(rig):
    rig.server.faults.script([{"kind": "html", "status": 200}] * 9)
    with pytest.raises(Bitrix24Error):
        rig.do("sync", "list_triggers")


def test_a_refused_token_of_a_client_that_must_not_refresh_stays_refused(rig):
    source = dataclasses.replace(rig.source(), rotates=False)
    flow = source.renew(AuthenticationError(code="expired_token", description="", method="m", status=401), None)
    with pytest.raises(StopIteration) as ended:
        next(flow)
    assert ended.value.value is False
