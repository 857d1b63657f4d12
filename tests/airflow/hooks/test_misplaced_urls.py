"""A webhook's URL in place of a connection's id is refused, and repeated by nobody."""

from __future__ import annotations

import asyncio
import logging

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

SECRET = "gu3ssm3n0w"
URL = f"https://example.bitrix24.com/rest/1/{SECRET}/"


@pytest.mark.parametrize("conn_id", ["", " ", None, 5])
def test_the_id_of_a_connection_is_a_text_that_is_not_empty(conn_id):
    hook = Bitrix24Hook(conn_id)
    for get in (hook.get_conn, lambda: asyncio.run(hook.aget_conn())):
        with pytest.raises(ConfigurationError) as raised:
            get()
        assert raised.value.message == f"bitrix24_conn_id is {conn_id!r}."
        assert "such as bitrix24_default" in raised.value.hint


@pytest.mark.parametrize("ids", [(URL, None), ("bitrix24_default", URL), (f"1/rest/1/{SECRET}", None)])
def test_a_url_is_not_the_id_of_a_connection(ids, caplog):
    caplog.set_level(logging.DEBUG)
    own, other = ids
    hook = Bitrix24Hook(own, verify_conn_id=other)
    for get in (hook.get_conn, lambda: asyncio.run(hook.aget_conn())):
        with pytest.raises(ConfigurationError, match=r"^(bitrix24|verify)_conn_id is a URL\.") as raised:
            get()
        assert SECRET not in str(raised.value)
    assert SECRET not in str(hook.test_connection())
    assert SECRET not in caplog.text
