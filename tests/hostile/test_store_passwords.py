"""Passwords of shared stores that drivers cannot send or servers repeat: an error of ours that shows none of them."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from contextlib import closing, suppress
from functools import partial
from urllib.parse import quote

import pytest

from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, SharedStoreError
from airflow_provider_bitrix24.client.secret_text import forms_of, hide
from airflow_provider_bitrix24.client.stores.redis import RedisStore
from airflow_provider_bitrix24.client.stores.sql import SqlStore

PASSWORDS = [
    "\u043f\u0430\u0440\u043e\u043b\u044c-\u0442\u0430\u0439\u043d\u0430",
    "p\u00e4ssw\u00f6rd",
    "\u65e5\u672c\u8a9e\u306e\u5bc6",
    "p@ss/w+rd=%&?#",
    "s3cr3t\ud800x",
    "nul\x00-secret",
    "'quote\"-secret",
    "%41%42-secret",
    "x" * 5_000,
]


@pytest.fixture
def nobody():
    """A port where no server listens."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))  # and does not listen, so that nobody else does
        yield bound.getsockname()[1]


@pytest.fixture
def repeating():
    """The port of a Redis that repeats whatever it is sent as an error."""

    def answer(connection):
        with closing(connection), suppress(OSError):
            while data := connection.recv(65_536):
                connection.sendall(b"-ERR you said " + data.replace(b"\r\n", b" ") + b"\r\n")

    def accept():
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(30)


def shown_frames(error):
    """What a tracker of errors shows of the frames that are the package's: the values of variables."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if "airflow_provider_bitrix24" in frame.f_code.co_filename:
            yield from map(repr, frame.f_locals.values())


def check_refused(use, password, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(Bitrix24Error) as raised:
        use()
    error = raised.value
    assert isinstance(error, SharedStoreError | ConfigurationError)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    shown = [str(error), repr(error), repr(vars(error)), caplog.text, *shown_frames(error)]
    assert not [each for each in shown if any(form in each for form in (*forms_of(password), password[:100]))]
    return str(error)


def use(store):
    with closing(store):
        store.update("k", lambda value, _now: (value, None))


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
@pytest.mark.parametrize("driver", ["postgresql+psycopg2", "mysql+pymysql"])
def test_a_database(nobody, driver, password, caplog):
    pytest.importorskip("sqlalchemy")
    pytest.importorskip(driver.partition("+")[2])
    from sqlalchemy.engine import URL

    options = {"username": "u", "password": password, "host": "127.0.0.1", "port": nobody, "database": "d"}
    check_refused(lambda: use(SqlStore(URL.create(driver, **options), patience=30.0)), password, caplog)


@pytest.mark.parametrize("option", [{"nonsense": 1}, {"charset": "xyz"}, {"port": "x"}, {"connect_timeout": -1}])
def test_an_option_that_a_driver_refuses(nobody, option):
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("pymysql")
    url = f"mysql+pymysql://u:s3cr3t-0f-a-test@127.0.0.1:{nobody}/d"
    with pytest.raises(SharedStoreError, match=r"refuses an option \((Type|Value|Key|Attribute)Error: .+\)") as raised:
        use(SqlStore(url, connect_args=option, patience=30.0))
    assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
def test_a_redis_that_repeats_the_password(repeating, password, caplog):
    pytest.importorskip("redis")
    store = RedisStore(host="127.0.0.1", port=repeating, password=password, patience=30.0)
    check_refused(lambda: use(store), password, caplog)


@pytest.mark.parametrize("password", PASSWORDS, ids=range(len(PASSWORDS)))
@pytest.mark.parametrize(
    "url", ["redis://:{}@127.0.0.1:x/0", "http://:{}@127.0.0.1/0", "postgresql://u:{}@h:x/d", "xyz://u:{}@h/d"]
)
def test_a_url_that_cannot_be_read(url, password, caplog):
    pytest.importorskip("redis")
    pytest.importorskip("sqlalchemy")
    make = RedisStore.from_url if url.startswith(("redis", "http")) else SqlStore
    for written in (password, quote(password, safe="", errors="surrogatepass")):
        check_refused(partial(lambda text: use(make(text)), url.format(written)), password, caplog)


def test_what_a_driver_is_given_does_not_show_the_password():
    """Programs that print the attributes of variables show it otherwise."""
    pytest.importorskip("redis")
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg2")
    redis = RedisStore(host="127.0.0.1", port=1, password="s3cr3t-0f-a-test")
    sql = SqlStore("postgresql+psycopg2://u:s3cr3t-0f-a-test@127.0.0.1:1/d")
    given = [redis._redis.connection_pool.connection_kwargs, tuple(sql._engine.url)]
    assert given[0]["password"] == given[1][2] == "s3cr3t-0f-a-test"
    assert "s3cr3t" not in repr(given)


@pytest.mark.parametrize("secret", ["e", "r", "redis", "no", "", "."])
def test_a_short_secret_does_not_make_a_message_unreadable(secret):
    sentence = "Connecting to redis.example.com failed: no such user."
    hidden = hide(sentence, secret)
    assert hidden.count("***") <= sentence.replace(".", " ").split().count(secret)
    assert hide(f"AUTH {secret} x", secret) == ("AUTH *** x" if secret else "AUTH  x")
