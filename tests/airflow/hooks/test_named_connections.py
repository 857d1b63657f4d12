"""Errors that lie in what a person has entered name the connection: a task may have two, and a DAG many."""

from __future__ import annotations

import asyncio
import socket

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    Bitrix24Error,
    ConnectFailed,
    NotFoundError,
    OutcomeUnknown,
    PermissionDeniedError,
    ProtocolError,
)
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.simulator.portal.model import Access, User
from airflow_provider_bitrix24.simulator.testing import connection_json

GET = ("crm.item.get", {"entityTypeId": 2, "id": 57})


@pytest.fixture
def connect(portal, monkeypatch):
    """Set the connection "crm" to the portal, with another user, secret or scope than that of the demo."""

    def connect(*, user=1, access=Access.ALL, scopes=("crm",), known=True):
        accounts = portal.portal.accounts
        if user != 1:
            accounts.add_user(User(user, is_admin=False, access=access))
        if known:
            accounts.add_webhook(user, "othersecret00002", scopes=frozenset(scopes))
        monkeypatch.setenv("AIRFLOW_CONN_CRM", connection_json(f"{portal.url}/rest/{user}/othersecret00002/"))

    return connect


def error_of(method, *arguments):
    with Bitrix24Hook("crm") as hook, pytest.raises(Bitrix24Error) as caught:
        getattr(hook, method)(*arguments)
    return caught.value


def test_a_wrong_secret(connect):
    connect(known=False)

    error = error_of("call", *GET)

    assert isinstance(error, AuthenticationError)
    assert str(error) == (
        "crm.item.get: INVALID_CREDENTIALS Invalid request credentials (HTTP 401). Check the webhook's user id and "
        "secret in the connection; it may have been changed, deleted or blocked. Connection: crm."
    )


def test_a_wrong_secret_in_an_event_loop(connect):
    connect(known=False)

    async def call():
        async with Bitrix24Hook("crm") as hook:
            await hook.acall(*GET)

    with pytest.raises(AuthenticationError, match=r"Connection: crm\.$"):
        asyncio.run(call())


def test_a_missing_scope(connect):
    connect(scopes=("task",))

    error = error_of("call", *GET)

    assert isinstance(error, PermissionDeniedError)
    assert str(error).endswith("Give the webhook the scope 'crm'. Connection: crm.")


def test_an_entity_that_the_owner_may_not_reach(connect):
    connect(user=2, access=Access.READ)

    report = Bitrix24Hook("crm").trigger_automation("DEAL_57", "c5u4m")

    assert report.results[0].error.message.endswith("Connection: crm.")


@pytest.mark.parametrize(("fault", "kind"), [("reset", OutcomeUnknown), ("redirect", ProtocolError)])
def test_an_address_where_no_portal_answers(portal, connect, fault, kind):
    connect()
    portal.faults.script([fault] * 50)

    error = error_of("call", *GET)

    assert isinstance(error, kind)
    assert str(error).endswith("Connection: crm.")
    assert str(error).count("Connection: ") == 1


def test_a_port_where_nothing_listens(connect, monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/rest/1/othersecret00002/"
        monkeypatch.setenv("AIRFLOW_CONN_CRM", connection_json(url))

        error = error_of("call", *GET)

    assert isinstance(error, ConnectFailed)
    assert str(error).endswith("Connection: crm.")


def test_the_second_connection_is_named_where_it_is_the_one_that_is_wrong(connect, portal):
    connect(known=False)
    portal.portal.accounts.add_webhook(1, "firingsecret0003", is_system=True)

    hook = Bitrix24Hook("bitrix24_default", verify_conn_id="crm")
    reader = hook.get_conn()._reader

    assert (hook.get_conn()._channel.portal.name, reader.portal.name) == ("bitrix24_default", "crm")


def test_an_error_that_lies_in_the_request_does_not_name_it(connect):
    connect()

    error = error_of("call", "crm.item.get", {"entityTypeId": 2, "id": 99999})

    assert isinstance(error, NotFoundError)
    assert "Connection" not in str(error)


def test_the_test_button_does_not_name_the_id_under_which_it_stores_what_it_tests(connect):
    connect(known=False)

    ok, message = Bitrix24Hook("crm").test_connection()

    assert not ok
    assert "Connection: " not in message
