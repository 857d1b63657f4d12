"""A wrong connection: no frame of the package shows its secret, as tracebacks with local variables would."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.hooks import bitrix24
from tests.support.frames import shown_by_frames

try:
    from airflow.sdk import Connection

    IS_3 = True
except ImportError:
    from airflow.models.connection import Connection  # noqa: TID251 - 2.11

    IS_3 = False

SECRET = "s3cr3tw3bh00k001"
HOST = {"host": "example.bitrix24.com"}
OWN = {**HOST, "login": "1", "password": SECRET}
APPLICATION = {**HOST, "login": "local.x"}
WRONG = {
    "port 0": {"password": f"https://example.bitrix24.com:0/rest/1/{SECRET}/"},
    "plain http": {"password": f"http://example.bitrix24.com/rest/1/{SECRET}/"},
    "no user": {**HOST, "password": SECRET},
    "blanks": {**OWN, "password": f"{SECRET} x y"},
    "unknown plan": {**OWN, "extra": {"plan": "nosuch"}},
    "a time that is not a number": {**OWN, "extra": {"read_timeout": "x"}},
    "a proxy with a login": {**OWN, "extra": {"proxy": f"ftp://user:{SECRET}@x"}},
    "a URL that was cut": {"password": f"https://example.bitrix24.com/rest/{SECRET}"},
    "no host name": {**OWN, "host": "a_.b..x"},
    "half a character": {**OWN, "password": f"{SECRET}\udc80"},
    "half a character in a URL": {"password": f"https://example.bitrix24.com/rest/1/{SECRET}\udc80/"},
    "an application's half a character": {
        **APPLICATION,
        "password": f"{SECRET}\udc80",
        "extra": {"auth_method": "oauth"},
    },
    "an application without a store": {
        **APPLICATION,
        "password": SECRET,
        "extra": {"auth_method": "oauth", "token_store": "no.such.Class"},
    },
    "an application's webhook": {
        "host": f"https://example.bitrix24.com/rest/1/{SECRET}/",
        "login": "local.x",
        "password": SECRET,
        "extra": {"auth_method": "oauth"},
    },
}


@pytest.fixture(params=WRONG)
def hook(request, monkeypatch):
    parts = WRONG[request.param]
    if not IS_3 and not parts["password"].isascii():
        pytest.skip("Airflow 2.11 encrypts the password at once, and so refuses half a character itself")
    extra = json.dumps(parts["extra"]) if "extra" in parts else None
    connection = Connection(conn_id="c", conn_type="bitrix24", **{**parts, "extra": extra})

    async def aget_connection(_):
        return connection

    monkeypatch.setattr(bitrix24.Bitrix24Hook, "get_connection", lambda *_: connection)
    monkeypatch.setattr(bitrix24, "aget_connection", aget_connection)
    return bitrix24.Bitrix24Hook("c")


def shown(error):
    """Message, and whatever the frames of the package and those that it calls hold, attributes included."""
    lines = [line for line in shown_by_frames(error) if line.startswith("LOCAL") and __file__ not in line]
    assert lines
    return "\n".join([str(error), repr(error), *lines])


def test_a_worker_shows_no_secret(hook):
    with pytest.raises(ConfigurationError) as caught:
        hook.get_conn()
    assert SECRET not in shown(caught.value)
    assert caught.value.__suppress_context__


async def test_the_triggerer_shows_no_secret(hook):
    with pytest.raises(ConfigurationError) as caught:
        await hook.aget_conn()
    assert SECRET not in shown(caught.value)


class Sealed:
    """A store of tokens that cannot be opened."""

    load = update = dict

    def __init__(self, key):
        raise OSError(f"the vault has no {key}")


class Nameless(Sealed):
    """A store of tokens that does not take the key."""

    def __init__(self):
        pass


@pytest.mark.parametrize(("name", "kind"), [("Sealed", OSError), ("Nameless", TypeError)])
async def test_a_token_store_that_cannot_be_opened_shows_no_secret(monkeypatch, name, kind):
    extra = json.dumps({"auth_method": "oauth", "token_store": f"{__name__}.{name}"})
    connection = Connection(conn_id="c", conn_type="bitrix24", **APPLICATION, password=SECRET, extra=extra)

    async def aget_connection(_):
        return connection

    monkeypatch.setattr(bitrix24.Bitrix24Hook, "get_connection", lambda *_: connection)
    monkeypatch.setattr(bitrix24, "aget_connection", aget_connection)
    hook = bitrix24.Bitrix24Hook("c")
    with pytest.raises(kind) as caught:
        hook.get_conn()
    assert SECRET not in shown(caught.value)
    with pytest.raises(kind) as caught:
        await hook.aget_conn()
    assert SECRET not in shown(caught.value)
    assert "_own_class" in "".join(caught.value.__notes__)


def test_the_test_button_shows_no_secret(hook):
    works, message = hook.test_connection()
    assert not works
    assert SECRET not in message
