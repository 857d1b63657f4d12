"""Where an application's tokens are kept on Airflow's side: Variables, or a class of somebody's own."""

from __future__ import annotations

import dataclasses
import json
from importlib import import_module

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.token_store import VariableTokenStore, open_token_store, token_key
from tests.support.application import APPLICATION
from tests.support.task_runs import supervisor_of

PAIR = Pair(access_token="acc3ss" * 5, refresh_token="r3fresh" * 5, expires=10.0, lifetime=5.0, stored_at=5.0)
TOKENS = (PAIR.access_token, PAIR.refresh_token)
CLAIM = Claim(host="worker-1", pid=7, at=5.0, pair=PAIR.fingerprint)


@pytest.fixture
def variables(request, monkeypatch):
    """Airflow's Variables, as a task sees them: a supervisor's on Airflow 3, the database's on 2.11."""
    try:
        from airflow.sdk.execution_time import task_runner
    except ImportError:
        request.getfixturevalue("database")
        variable = import_module("airflow.models.variable").Variable
        create_session = import_module("airflow.utils.session").create_session

        def kept():
            with create_session() as session:
                return {row.key: row.get_val() for row in session.query(variable)}

        yield kept
        with create_session() as session:
            session.query(variable).delete()
        return
    values: dict[str, str] = {}
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor_of({}, values), raising=False)
    yield lambda: values


@pytest.fixture
def store(variables):
    return VariableTokenStore("crm_app", secret="appl1cat10n")


@pytest.mark.usefixtures("variables")
def test_nothing_is_kept_at_first(store):
    assert store.load() == Kept()


def test_pair_and_claim_are_two_variables_of_which_only_what_changes_is_written(store, variables):
    store.update(lambda kept: dataclasses.replace(kept, pair=PAIR))
    assert set(variables()) == {"bitrix24_token__crm_app"}
    pair = variables()["bitrix24_token__crm_app"]
    kept = store.update(lambda kept: dataclasses.replace(kept, claim=CLAIM))
    assert kept == Kept(pair=PAIR, claim=CLAIM)
    assert variables()["bitrix24_token__crm_app"] == pair
    assert not [text for text in variables().values() for token in TOKENS if token in text]
    assert store.update(lambda kept: dataclasses.replace(kept, claim=None)) == Kept(pair=PAIR)


def test_a_pair_that_was_stored_under_another_secret_is_refused_until_a_new_one_replaces_it(store):
    other = VariableTokenStore("crm_app", secret="an0ther")
    other.update(lambda kept: dataclasses.replace(kept, pair=PAIR))
    with pytest.raises(ConfigurationError, match="stored under another application secret"):
        store.load()
    new = dataclasses.replace(PAIR, access_token="n3w" * 5)
    assert store.update(lambda _: Kept(pair=new)) == store.load() == Kept(pair=new)


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"form": 1}', '{"form": 2, "access_token": "x"}'])
def test_what_is_not_a_pair_counts_as_none(store, text):
    from airflow_provider_bitrix24.compat_variables import set_variable

    set_variable("bitrix24_token__crm_app", text, description="")
    assert store.load() == Kept()


@pytest.mark.parametrize("name", ["bitrix24_token__crm_app", "bitrix24_token_claim__crm_app"])
def test_a_variable_that_a_secrets_backend_hides_is_noticed_before_anything_is_written(
    store, variables, monkeypatch, name
):
    monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", json.dumps(PAIR.as_record()))
    with pytest.raises(ConfigurationError, match=f"{name} is defined in EnvironmentVariablesBackend"):
        store.update(lambda kept: dataclasses.replace(kept, claim=CLAIM))
    assert variables() == {}


def test_nothing_is_refreshed_where_airflow_caches_variables(store, variables, monkeypatch):
    try:
        from airflow.sdk.execution_time.cache import SecretCache
    except ImportError:
        SecretCache = import_module("airflow.secrets.cache").SecretCache  # noqa: N806 - a class
    monkeypatch.setattr(SecretCache, "_cache", {})
    with pytest.raises(ConfigurationError, match="while DAG files are parsed"):
        store.update(lambda kept: dataclasses.replace(kept, pair=PAIR))
    assert variables() == {}


def test_a_hook_refreshes_a_pair_in_a_variable_and_masks_it(variables, application, portal):
    application.connect(token_store="variable")
    VariableTokenStore(application.key, secret=APPLICATION["client_secret"]).update(
        lambda kept: dataclasses.replace(kept, pair=application.new_pair(1000.0))
    )
    portal.clock.advance(3601)
    with Bitrix24Hook("bitrix24_app") as hook:
        assert hook.call("scope") == ["crm"]
    assert portal.portal.tokens.refreshes == 1
    new = VariableTokenStore(application.key, secret=APPLICATION["client_secret"]).load().pair
    assert f"bitrix24_token__{application.key}" in variables()
    from tests.support.secrets_masker import secrets_masker_module

    masked = secrets_masker_module()._secrets_masker().redact(f"{new.access_token} {new.refresh_token}")
    assert masked == "*** ***"


def test_the_key_does_not_depend_on_the_connections_id():
    assert token_key("example.bitrix24.com", "local.1") == token_key("example.bitrix24.com", "local.1")
    assert len({token_key(host, app) for host in ("a.example", "b.example") for app in ("local.1", "local.2")}) == 4


@pytest.mark.parametrize(
    ("kind", "key", "message"),
    [
        ("shared", "k", "hosts share no store"),
        ("variable", "a b", "token_key holds something other"),
        ("variable", "", "token_key holds something other"),
        ("no.such.module.Store", "k", "cannot be imported"),
        ("Store", "k", "cannot be imported"),
        ("os.system", "k", "is not a store of tokens"),
        ("collections.OrderedDict", "k", "is not a store of tokens"),
    ],
)
def test_a_store_that_there_is_not_is_refused(kind, key, message):
    with pytest.raises(ConfigurationError, match=message):
        open_token_store(kind, key=key, secret="s")


def test_a_pair_can_be_kept_where_hosts_share_what_they_know(application, portal, monkeypatch, tmp_path):
    monkeypatch.setenv("AIRFLOW_CONN_STORE", f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", "store")
    application.connect(token_store="shared")
    with Bitrix24Hook("bitrix24_app") as hook:
        client = hook.get_conn()
        client.portal.token_store.update(lambda kept: dataclasses.replace(kept, pair=application.new_pair(1000.0)))
        portal.clock.advance(3601)
        assert hook.call("scope") == ["crm"]
    assert portal.portal.tokens.refreshes == 1
    pair = client.portal.token_store.load().pair
    assert pair.access_token.encode() not in (tmp_path / "store.db").read_bytes()


@pytest.mark.parametrize("key", ["", "YSBrZXkgb2YgMzIgYnl0ZXMgZm9yIHRoaXMgdGVzdC4="])
def test_it_is_known_whether_airflow_encrypts_what_it_keeps(monkeypatch, key):
    from airflow_provider_bitrix24.compat_variables import variables_are_encrypted

    crypto = import_module("airflow.models.crypto")
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", key)
    forget = getattr(crypto.get_fernet, "cache_clear", lambda: monkeypatch.setattr(crypto, "_fernet", None))
    forget()
    assert variables_are_encrypted() is bool(key)
    forget()
