from __future__ import annotations

import json
from types import SimpleNamespace
from urllib.parse import quote

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.connection import URL_IN_HOST, read_connection, secrets_of
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

SECRET = "s3cr3ts3cr3t0001"
URL = f"https://example.bitrix24.com/rest/1/{SECRET}/"
TRIGGER_URL = URL + "crm.automation.trigger/?target=DEAL_{{ID}}&code=nwly5"


def conn(**parts):
    extra = parts.pop("extra", None)
    text = json.dumps(extra) if isinstance(extra, dict) else extra
    blank = {"host": None, "login": None, "password": None, "port": None, "schema": None}
    return SimpleNamespace(**(blank | parts), extra=text)


@pytest.fixture
def from_airflow(monkeypatch):
    """Let this Airflow read a connection from the text of an environment variable."""

    def read(text):
        monkeypatch.setenv("AIRFLOW_CONN_WRITTEN_HERE", text)
        return Bitrix24Hook.get_connection("written_here")

    return read


def located(connection):
    read = read_connection(connection)
    return read.portal.base_url, read.portal.user_id, read.portal.secret


HERE = ("https://example.bitrix24.com", "1", SECRET)
LOCAL = ("http://127.0.0.1:8024", "1", SECRET)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"host": "example.bitrix24.com", "login": "1", "password": SECRET}, HERE),
        ({"host": "https://example.bitrix24.com/", "login": "1", "password": SECRET}, HERE),
        ({"host": " example.bitrix24.com ", "login": " 1", "password": f"{SECRET}\n"}, HERE),
        ({"password": URL}, HERE),
        ({"password": f"  {URL}  "}, HERE),
        ({"password": URL.rstrip("/")}, HERE),
        ({"password": URL.removeprefix("https://")}, HERE),
        ({"password": TRIGGER_URL}, HERE),
        ({"password": f'"{URL}"'}, HERE),
        ({"password": f"<{TRIGGER_URL}>"}, HERE),
        ({"password": f"\ufeff{URL}"}, HERE),
        ({"password": f"curl '{TRIGGER_URL}'"}, HERE),
        ({"host": f"'{URL}'"}, HERE),
        ({"host": "<example.bitrix24.com>", "login": "1", "password": f'"{SECRET}"'}, HERE),
        ({"host": "портал.рф", "login": "1", "password": SECRET}, ("https://xn--80awhdgm.xn--p1ai", "1", SECRET)),
        (
            {"host": "xn--80awhdgm.xn--p1ai", "password": f"https://портал.рф/rest/1/{SECRET}/"},
            ("https://xn--80awhdgm.xn--p1ai", "1", SECRET),
        ),
        ({"password": URL, "host": "example.bitrix24.com", "login": "1"}, HERE),
        ({"password": URL, "host": "https://EXAMPLE.bitrix24.com/"}, HERE),
        ({"password": URL, "port": 443}, HERE),
        ({"host": "example.bitrix24.com", "port": 443, "login": "1", "password": SECRET}, HERE),
        ({"host": URL}, HERE),
        ({"host": TRIGGER_URL}, HERE),
        ({"host": URL, "password": URL}, HERE),
        ({"host": "http://127.0.0.1:8024", "login": "1", "password": SECRET}, LOCAL),
        ({"host": "http://127.0.0.1", "port": 8024, "login": "1", "password": SECRET}, LOCAL),
        ({"host": "127.0.0.1", "port": 8024, "schema": "http", "login": "1", "password": SECRET}, LOCAL),
        ({"host": "127.0.0.1:8024", "schema": "http", "login": "1", "password": SECRET}, LOCAL),
        ({"host": "http://127.0.0.1:8024", "port": 8024, "login": "1", "password": SECRET}, LOCAL),
        ({"password": f"http://127.0.0.1:8024/rest/1/{SECRET}/"}, LOCAL),
        (
            {"host": "::1", "port": 8024, "schema": "http", "login": "1", "password": SECRET},
            ("http://[::1]:8024", "1", SECRET),
        ),
        (
            {"host": "crm.example.com/portal", "port": 8443, "login": "1", "password": SECRET},
            ("https://crm.example.com:8443/portal", "1", SECRET),
        ),
    ],
)
def test_every_way_to_name_the_portal(parts, expected):
    assert located(conn(**parts)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"bitrix24://1:{SECRET}@example.bitrix24.com", HERE),
        (f"bitrix24://1:{SECRET}@example.bitrix24.com/https", HERE),
        (f"bitrix24://1:{SECRET}@127.0.0.1:8024/http", LOCAL),
        (f"bitrix24://http://1:{SECRET}@127.0.0.1:8024", LOCAL),
        (f"bitrix24://:{quote(TRIGGER_URL, safe='')}@", HERE),
        (f"bitrix24://{URL}", HERE),
        (URL, HERE),
        (TRIGGER_URL, HERE),
        (f"http://127.0.0.1:8024/rest/1/{SECRET}/", LOCAL),
        (f"http://127.0.0.1:8024/rest/1/{SECRET}/crm.automation.trigger/?target=DEAL_{{{{ID}}}}&code=x", LOCAL),
        (f"http://1:{SECRET}@127.0.0.1:8024", LOCAL),
        (f"http://localhost:8024/rest/1/{SECRET}/", ("http://localhost:8024", "1", SECRET)),
        (f"bitrix24://{TRIGGER_URL}", HERE),
        (json.dumps({"conn_type": "bitrix24", "password": URL}), HERE),
        (json.dumps({"conn_type": "bitrix24", "host": "127.0.0.1", "port": 8024, "schema": "http"})[:-1]
         + f', "login": "1", "password": "{SECRET}"}}', LOCAL),
    ],
)  # fmt: skip
def test_every_way_to_write_it_into_an_environment_variable(from_airflow, text, expected):
    assert located(from_airflow(text)) == expected


@pytest.mark.parametrize(
    "parts",
    [
        {"host": "http://127.0.0.1:8024", "login": "1", "password": SECRET},
        {"password": TRIGGER_URL, "extra": {"plan": "enterprise", "settle_after": 30, "proxy": None}},
        {"host": TRIGGER_URL},
        {"host": "127.0.0.1", "port": 8024, "schema": "http", "login": "1", "password": SECRET},
    ],
)
def test_a_connection_survives_the_uri_that_the_test_button_makes_of_it(from_airflow, parts):
    stored = from_airflow(json.dumps({"conn_type": "bitrix24"} | parts))

    again = from_airflow(stored.get_uri())

    assert read_connection(again) == read_connection(stored)


@pytest.mark.parametrize("field", ["password", "host"])
def test_a_pasted_urls_code_becomes_the_default(field):
    assert read_connection(conn(**{field: TRIGGER_URL})).default_code == "nwly5"


def test_the_code_of_a_url_in_an_environment_variable_becomes_the_default(from_airflow):
    read = read_connection(from_airflow(f"bitrix24://{TRIGGER_URL}"))

    assert read.default_code == "nwly5"
    assert read.warnings == (URL_IN_HOST,)


def test_a_default_code_in_extra_takes_precedence_over_the_urls():
    read = read_connection(conn(password=TRIGGER_URL, extra={"default_code": "mine"}))

    assert read.default_code == "mine"


@pytest.mark.parametrize("url", [URL, TRIGGER_URL])
def test_a_url_in_host_works_with_a_warning(url):
    assert read_connection(conn(host=url)).warnings == (URL_IN_HOST,)


def test_a_valid_connection_has_no_warnings():
    assert read_connection(conn(password=URL)).warnings == ()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, ["address is missing", "Host"]),
        ({"host": "example.bitrix24.com", "password": SECRET}, ["user id is missing", "Login"]),
        ({"host": "example.bitrix24.com", "login": "1"}, ["secret is missing", "Password"]),
        ({"password": URL, "login": "2"}, ["Login is '2'", "user 1"]),
        ({"password": URL, "port": 8443}, ["Port is 8443", "port 443"]),
        ({"password": URL, "host": "other.bitrix24.com"}, ["https://other.bitrix24.com", "https://example"]),
        ({"host": "http://example.com", "login": "1", "password": SECRET}, ["plain http", "https://"]),
        ({"password": URL.replace("https", "http")}, ["plain http"]),
        ({"host": "example.com", "schema": "ftp", "login": "1", "password": SECRET}, ["Schema is 'ftp'"]),
        ({"host": "a.com:1", "port": 2, "login": "1", "password": SECRET}, ["port 1", "Port is 2"]),
        ({"host": "https://a.com:x", "port": 2, "login": "1", "password": SECRET}, ["cannot be read"]),
        ({"password": URL, "extra": "plan=standard"}, ["not valid JSON", "Use the form"]),
        ({"password": URL, "extra": "[" * 100_000}, ["not valid JSON"]),
        ({"password": URL, "extra": "[1]"}, ["not a JSON object"]),
        ({"password": "https://example.bitrix24.com/"}, ["address is missing", "/rest/", "Host"]),
    ],
)  # fmt: skip
def test_the_error_says_what_is_wrong_without_the_secret(parts, words):
    with pytest.raises(ConfigurationError) as caught:
        read_connection(conn(**parts))

    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert SECRET not in str(caught.value)


SPECIAL = "a+b%c&d"


@pytest.mark.parametrize(
    ("connection", "secrets"),
    [
        (conn(password=SECRET), {SECRET}),
        (conn(password=URL), {SECRET, URL}),
        (conn(host=URL), {SECRET}),
        (conn(host="example.bitrix24.com", schema=f"rest/1/{SECRET}/"), {SECRET}),
        (conn(password=SPECIAL), {SPECIAL, quote(SPECIAL, safe="")}),
        (conn(password=f"https://a.com/rest/1/{quote(SPECIAL, safe='')}/"), {SPECIAL, quote(SPECIAL, safe="")}),
        (conn(extra={"proxy": "http://user:pr0xypass@proxy:3128"}), {"pr0xypass"}),
        (conn(extra={"proxy": "http://user:pr0xy@p:ss@proxy:3128", "x": "a@b"}), {"pr0xy@p:ss"}),
        (conn(extra={"proxy": "http://user:p\u00e4ss%C3%A4@proxy:3128"}), {"p\u00e4ss%C3%A4", "p\u00e4ss\u00e4"}),
        (conn(extra={"proxy": 'http://user:pr0xy"\\pass@proxy:3128'}), {'pr0xy"\\pass'}),
        (conn(password="https://example.bitrix24.com/rest/1/"), {"https://example.bitrix24.com/rest/1/"}),
        (conn(), set()),
    ],
)  # fmt: skip
def test_every_form_of_a_secret_is_masked(connection, secrets):
    assert secrets <= set(secrets_of(connection))


def test_empty_texts_are_not_masked():
    assert "" not in secrets_of(conn(password=" ", host="", schema="", extra=""))


def test_the_configuration_names_the_directory_that_processes_share(monkeypatch):
    monkeypatch.delenv("AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY", raising=False)
    assert read_connection(conn(password=URL)).settings.shared_store_directory is None

    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY", "/var/lib/airflow/bitrix24")

    assert read_connection(conn(password=URL)).settings.shared_store_directory == "/var/lib/airflow/bitrix24"
