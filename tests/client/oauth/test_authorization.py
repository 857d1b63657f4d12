"""How an application gets its first pair."""

from __future__ import annotations

import dataclasses

import pytest

from airflow_provider_bitrix24.client.errors import AuthenticationError, Bitrix24Error, ConfigurationError
from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
from airflow_provider_bitrix24.client.oauth.authorization import Authorization, read_redirect
from airflow_provider_bitrix24.client.oauth.grants import AuthorizationCode
from airflow_provider_bitrix24.client.oauth.token_store import Kept
from airflow_provider_bitrix24.simulator.oauth import authorization
from tests.support.drivers import KINDS
from tests.support.token_rig import token_rig


@pytest.fixture
def rig(tmp_path):
    with token_rig(tmp_path, oauth_port=0) as rig:
        yield rig


def code_of(rig):
    made = rig.portal.tokens.make_code("local.app1", 1, rig.server.clock.now())
    return AuthorizationCode(made.code)


def authorize(rig, kind, code, **other):
    application = rig.application_portal(oauth_server=rig.server.oauth_url, **other)
    return rig.run(kind, Authorization(application, rig.clock).with_code(code))


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_becomes_a_pair_at_the_server_that_the_connection_names(rig, kind):
    pair = authorize(rig, kind, code_of(rig))
    assert rig.store.kept == Kept(pair=pair)
    assert pair.access_token in rig.masked
    assert pair.server_endpoint == f"{rig.server.oauth_url}/rest/"
    assert rig.do(kind, "call", "scope") == ["crm"]


def test_the_next_pair_comes_from_the_server_that_issued_the_first(rig):
    authorize(rig, "sync", code_of(rig))
    rig.expire()
    assert rig.do("sync", "call", "scope") == ["crm"]
    assert rig.refreshes == 1


def test_a_pair_of_another_portal_replaces_nothing(rig):
    rig.store.kept = Kept(pair=dataclasses.replace(rig.new_pair(), member_id="another"))
    with pytest.raises(ConfigurationError, match="Tokens of another portal") as caught:
        authorize(rig, "sync", code_of(rig))
    assert "token_key" in caught.value.hint
    assert rig.store.kept.pair.member_id == "another"


def test_a_store_that_shows_something_else_is_noticed(rig):
    rig.store.shadow = Kept()
    with pytest.raises(ConfigurationError, match="something else is read back"):
        authorize(rig, "sync", code_of(rig))


def test_a_code_that_was_used_is_refused(rig):
    code = code_of(rig)
    authorize(rig, "sync", code)
    with pytest.raises(AuthenticationError, match="older than 30 seconds"):
        authorize(rig, "sync", code)


def test_a_lost_answer_takes_the_code_with_it(rig):
    rig.server.faults.script([{"kind": "cut", "when": "after", "method": "oauth.token"}])
    with pytest.raises(Bitrix24Error) as caught:
        authorize(rig, "sync", code_of(rig))
    assert "Open the address again" in caught.value.hint


def test_a_wrong_secret_has_a_hint(rig):
    with pytest.raises(AuthenticationError) as caught:
        authorize(rig, "sync", code_of(rig), secret="wr0ngs3cret")
    assert "Password" in caught.value.hint
    assert "wr0ngs3cret" not in str(caught.value)


def test_an_unknown_application_is_sought_at_the_other_server_too(tmp_path, monkeypatch):
    with token_rig(tmp_path) as rig:
        asked = (rig.server.url, rig.server.url)
        monkeypatch.setattr(ApplicationPortal, "token_servers", lambda _: asked)
        rig.server.faults.script([{"kind": "error", "status": 200, "code": "wrong_client", "method": "oauth.token"}])
        pair = rig.run("sync", Authorization(rig.application_portal(), rig.clock).with_code(code_of(rig)))
        assert rig.store.kept.pair == pair
        monkeypatch.setattr(ApplicationPortal, "token_servers", lambda _: ())
        with pytest.raises(ConfigurationError, match="no authorization server"):
            rig.run("sync", Authorization(rig.application_portal(), rig.clock).with_code(code_of(rig)))


def granting(monkeypatch, **fields):
    """Let the authorization server put other values into its answers; ``None`` leaves a field out."""
    honest = authorization._grant_body

    def grant_body(*args):
        answered = honest(*args) | fields
        return {name: value for name, value in answered.items() if value is not None}

    monkeypatch.setattr(authorization, "_grant_body", grant_body)


NOT_SERVERS = [
    "https://oauth.example.com/rest/",
    "http://oauth.bitrix.info/rest/",
    "https://user@oauth.bitrix.info/rest/",
    "https://oauth.bitrix.info:8443/rest/",
    "nonsense",
    "https://[::1",
]


@pytest.mark.parametrize("endpoint", [*NOT_SERVERS, None, 5])
def test_a_pair_names_the_server_that_issued_it_where_it_names_none_that_is_trusted(rig, monkeypatch, endpoint):
    granting(monkeypatch, server_endpoint=endpoint)
    asked = (rig.server.oauth_url,)
    monkeypatch.setattr(ApplicationPortal, "token_servers", lambda _: asked)
    pair = rig.run("sync", Authorization(rig.application_portal(), rig.clock).with_code(code_of(rig)))
    assert pair.server_endpoint == f"{rig.server.oauth_url}/rest/"
    for number in (1, 2):
        rig.expire()
        assert rig.do("sync", "call", "scope") == ["crm"]
        assert rig.refreshes == number
        assert rig.store.kept.pair.server_endpoint == f"{rig.server.oauth_url}/rest/"
    warned = [line for line in rig.logged if "not one of Bitrix24's; 127.0.0.1 will be asked" in line]
    assert len(warned) == (0 if endpoint is None else 3)


def test_a_server_that_the_connection_names_is_asked_whatever_the_pair_says(rig, monkeypatch):
    granting(monkeypatch, server_endpoint="https://oauth.example.com/rest/")
    authorize(rig, "sync", code_of(rig))
    rig.expire()
    with rig.client(oauth_server=rig.server.oauth_url) as client:
        assert client.call("scope") == ["crm"]
    assert [line for line in rig.logged if "will be asked" in line] == []


@pytest.mark.parametrize("endpoint", NOT_SERVERS)
def test_an_installation_that_names_a_server_that_is_not_trusted_is_refused_at_once(rig, endpoint):
    pair = dataclasses.replace(rig.new_pair(), server_endpoint=endpoint)
    with pytest.raises(ConfigurationError, match="not one of Bitrix24's") as caught:
        rig.run("sync", Authorization(rig.application_portal(), rig.clock).with_pair(pair))
    assert "oauth_server" in caught.value.hint
    assert rig.store.kept == Kept()


def test_a_portal_elsewhere_than_the_connections_host_is_refused(rig, monkeypatch):
    monkeypatch.setattr(ApplicationPortal, "base_url_of", lambda *_: "https://other.bitrix24.com")
    with pytest.raises(ConfigurationError, match=r"authorized on https://other.bitrix24.com"):
        authorize(rig, "sync", code_of(rig))
    assert rig.store.kept == Kept()


REDIRECT = "https://app.example/back?code=c0de&state=st4te&domain=example.bitrix24.com&member_id=m"


@pytest.mark.parametrize(
    "pasted",
    [
        REDIRECT,
        f" {REDIRECT}\n",
        f"{REDIRECT}#top",
        REDIRECT.replace("app.example", "[app.example"),
        REDIRECT.partition("?")[2],
        "c0de",
        " c0de ",
    ],
)
def test_the_code_is_read_from_an_address_or_by_itself(pasted):
    code = read_redirect(pasted, state="st4te", host="Example.bitrix24.com")
    assert code.text == "c0de"
    assert read_redirect(pasted, state="st4te", host=None) == code
    assert repr(code) == "AuthorizationCode()"


@pytest.mark.parametrize(
    ("pasted", "message"),
    [
        ("", "no code"),
        ("https://app.example/back?error=access_denied", "no code"),
        ("two words", "no code"),
        ("https://app.example/back?code=&state=st4te", "no code"),
        ("https://app.example/back?error_code=c0de&state=st4te", "no code"),
        ("https://[app.example/back?error_code=c0de&state=st4te", "no code"),
        ("https://app.example/back?code=c0de%ED%A0%80&state=st4te", "no code"),
        (f"https://app.example/back?code={'c0de' * 600}&state=st4te", "no code"),
        ("c0de\udcd0", "no code"),
        ("c0de" * 600, "no code"),
        (REDIRECT.replace("st4te", "other"), "another attempt"),
        ("https://app.example/?code=c0de", "another attempt"),
        (REDIRECT.replace("example.bitrix24", "other.bitrix24"), "another portal"),
    ],
)
def test_what_holds_no_code_of_this_attempt_is_refused(pasted, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        read_redirect(pasted, state="st4te", host="example.bitrix24.com")
    assert "c0de" not in str(caught.value)
