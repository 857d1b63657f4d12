"""The extras of a connection: what each sets, and what is wrong with one."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.connection import read_connection, secrets_of
from airflow_provider_bitrix24.connection_form import EXTRA_FIELDS

SECRET = "s3cr3ts3cr3t0001"
URL = f"https://example.bitrix24.com/rest/1/{SECRET}/"


def conn(**parts):
    extra = parts.pop("extra", None)
    text = json.dumps(extra) if isinstance(extra, dict) else extra
    blank = {"host": None, "login": None, "password": None, "port": None, "schema": None}
    return SimpleNamespace(**(blank | parts), extra=text)


@pytest.mark.parametrize(
    ("extra", "name", "value"),
    [
        ({"plan": "enterprise"}, "plan", "enterprise"),
        ({"plan": "enterprise", "extra__bitrix24__plan": "standard"}, "plan", "enterprise"),
        ({"extra__bitrix24__plan": "enterprise"}, "plan", "enterprise"),
        ({"plan": None}, "plan", "standard"),
        ({"plan": ""}, "plan", "standard"),
        ({"max_concurrency": 2}, "max_concurrency", 2),
        ({"max_concurrency": "2"}, "max_concurrency", 2),
        ({"max_concurrency": 2.0}, "max_concurrency", 2),
        ({"max_concurrency": " "}, "max_concurrency", 4),
        ({"requests_per_second": "0.5"}, "requests_per_second", 0.5),
        ({"bucket_size": "100"}, "bucket_size", 100),
        ({"settle_after": 0}, "settle_after", 0),
        ({"connect_timeout": "3"}, "connect_timeout", 3),
        ({"read_timeout": 90.5}, "read_timeout", 90.5),
        ({"verify_tls": False}, "verify_tls", False),
        ({"verify_tls": "false"}, "verify_tls", False),
        ({"verify_tls": "No"}, "verify_tls", False),
        ({"verify_tls": 0}, "verify_tls", False),
        ({"verify_tls": "TRUE"}, "verify_tls", True),
        ({"verify_tls": None}, "verify_tls", True),
        ({"ca_bundle": "/etc/portal.pem"}, "ca_bundle", "/etc/portal.pem"),
        ({"proxy": "http://proxy.example.com:3128"}, "proxy", "http://proxy.example.com:3128"),
        ({"auth_method": "webhook"}, "plan", "standard"),
    ],
)
def test_every_extra_is_read(extra, name, value):
    read = read_connection(conn(password=URL, extra=extra))

    assert getattr(read.settings, name) == value
    assert read.warnings == ()


def test_an_untouched_form_of_airflow_3_is_valid():
    untouched = {name: field.default if field.prefill else None for name, field in EXTRA_FIELDS.items()}

    assert read_connection(conn(password=URL, extra=untouched)) == read_connection(conn(password=URL))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"plan": "free"}, ["plan is 'free'", "standard", "enterprise", "self-hosted"]),
        ({"max_concurrency": "four"}, ["max_concurrency is 'four'", "whole number of at least 1"]),
        ({"max_concurrency": 0}, ["max_concurrency is 0", "at least 1"]),
        ({"max_concurrency": 1.5}, ["max_concurrency is 1.5", "whole number"]),
        ({"max_concurrency": True}, ["max_concurrency is True"]),
        ({"bucket_size": 2}, ["bucket_size is 2", "at least 3"]),
        ({"requests_per_second": "1e999"}, ["requests_per_second is '1e999'"]),
        ({"requests_per_second": "nan"}, ["requests_per_second is 'nan'"]),
        ({"read_timeout": [70]}, ["read_timeout is [70]"]),
        ({"settle_after": -1}, ["settle_after is -1", "at least 0"]),
        ({"verify_tls": "perhaps"}, ["verify_tls is 'perhaps'", "true or false"]),
        ({"verify_tls": "/etc/ca.pem"}, ["verify_tls is", "ca_bundle"]),
        ({"verify_tls": 2}, ["verify_tls is 2"]),
        ({"ca_bundle": True}, ["ca_bundle is True", "text"]),
        ({"auth_method": "basic"}, ["auth_method is 'basic'", "webhook", "oauth"]),
        ({"default_code": ["a"]}, ["default_code is ['a']"]),
        ({"plan": "x" * 100}, ["plan is 'xxxx", "..."]),
    ],
)
def test_the_error_names_a_wrong_extra_and_what_to_write(extra, words):
    with pytest.raises(ConfigurationError) as caught:
        read_connection(conn(password=URL, extra=extra))

    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_wrong_proxy_is_not_repeated_since_it_may_contain_a_password():
    with pytest.raises(ConfigurationError) as caught:
        read_connection(conn(password=URL, extra={"proxy": "user:pr0xypass@proxy"}))

    assert "proxy is not a valid proxy URL" in str(caught.value)
    assert "pr0xypass" not in str(caught.value)


def test_unknown_extras_are_reported_by_name():
    (warning,) = read_connection(conn(password=URL, extra={"plann": "x", "region": "eu"})).warnings

    assert "plann, region" in warning
    assert "default_code, plan" in warning


def test_unknown_extras_that_are_typos_are_answered_with_the_names_that_may_be_meant():
    (warning,) = read_connection(conn(password=URL, extra={"timeout": 5, "verify_ssl": True})).warnings

    assert warning == (
        "Ignored unknown names in the connection's extra: timeout, verify_ssl. "
        "Did you mean read_timeout or connect_timeout or verify_tls?"
    )


def test_the_prefixed_names_of_airflow_2s_test_button_are_read():
    extra = {"ca_bundle": "ca.pem", "extra__bitrix24__ca_bundle": "ca.pem"}

    assert read_connection(conn(password=URL, extra=extra)).warnings == ()


def test_extras_that_airflow_has_parsed_already_are_read():
    connection = conn(password=URL)
    connection.extra = {"plan": "enterprise", "proxy": "http://me:pr0xys3cret@proxy.example.com:3128"}

    assert read_connection(connection).settings.plan == "enterprise"
    assert "pr0xys3cret" in secrets_of(connection)
