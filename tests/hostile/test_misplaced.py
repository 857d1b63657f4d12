"""A URL in the wrong argument, odd letters and odd names: refused before anything is sent, and never repeated."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from airflow_provider_bitrix24.client import AsyncBitrix24Client, Bitrix24Client
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.number_range import SECONDS
from airflow_provider_bitrix24.client.plain import parse_flag, quoted
from airflow_provider_bitrix24.client.portal import Portal, address_host, check_no_url, parse_webhook_url
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.targets import parse_targets
from tests.support.misbehaving_server import FINE, MisbehavingServer, answering

SECRET = "gu3ssm3n0w"
URL = f"https://example.bitrix24.com/rest/1/{SECRET}/"
PARTS = [
    URL,
    f"rest/1/{SECRET}/",
    f"1/{SECRET}",
    f"https%3A%2F%2Fexample.bitrix24.com%2Frest%2F1%2F{SECRET}",
    f"1%252F{SECRET}",
    f"rest%25252f1%25252f{SECRET}",
    URL.replace("/", "\\"),
    f"1\\{SECRET}",
    URL.replace("/", "\uff0f"),
    f"1\u2215{SECRET}",
    f"rest=2F1=2F{SECRET}",
    f"1&#47;{SECRET}",
    f"1&#x2F;{SECRET}",
]
METHODS = {
    "line breaks": "profile\r\nX-Forwarded-For: 127.0.0.1",
    "a line break at the end": "profile\n",
    "a step up": "../profile",
    "two dots": "..",
    "a path": "1/profile",
    "a query": "profile?auth=1",
    "a second parameter": "profile&auth=1",
    "a fragment": "profile#",
    "a blank": "crm.item list",
    "percent signs": "%2e%2e",
    "letters that are not ASCII": "prof\u0131le",
    "nothing": "",
    "half a character": "\ud800",
    "not a text": 5,
    "None": None,
    "a URL": f"{URL}profile",
    "very long": "a" * 256,
}


@pytest.mark.parametrize("pasted", PARTS)
@pytest.mark.parametrize(
    "refuse",
    [
        lambda client, text: client.trigger_automation("DEAL_1", expected_stage=[text, 5]),
        lambda client, text: client.trigger_automation("DEAL_1", expected_stage=text, fail_on=text),
        lambda client, text: client.trigger_automation("DEAL_1", expected_stage="WON", or_later=text),
        lambda client, text: client.trigger_automation("DEAL_1", preview=text),
        lambda client, text: client.trigger_automation(5, entity_type=text),
        lambda client, text: client.trigger_automation([text, [text], {"id": text}], entity_type="DEAL"),
        lambda client, text: client.trigger_automation([text, [text], (text, 1)]),
        lambda client, text: client.find_entities("DEAL", {"stageId": "WON"}, limit=text),
        lambda client, text: client.find_entities("DEAL", {"stageId": "WON"}, on_excess=text),
        lambda client, text: client.find_entities(text, {}),
        lambda client, text: client.update_entities([{"target": text, "fields": {"title": "x"}}]),
        lambda client, text: client.update_entities([{"id": text, "title": "x"}], entity_type="DEAL"),
        lambda client, text: client.call(text),
        lambda client, text: client.batch({"a": (text, None)}),
        lambda _client, text: ClientSettings(plan=text),
        lambda _client, text: ClientSettings(read_timeout=text),
        lambda _client, text: SECONDS.check("wait_timeout", text),
        lambda _client, text: parse_flag("preview", text),
    ],
)
def test_a_url_in_the_wrong_argument_is_refused_and_not_repeated(refuse, pasted):
    with (
        Bitrix24Client.from_webhook_url("http://127.0.0.1:9/rest/1/an0ther-secret/") as client,
        pytest.raises(ConfigurationError) as raised,
    ):
        refuse(client, pasted)
    assert SECRET not in f"{raised.value} {raised.value!r} {vars(raised.value)}"


@pytest.mark.parametrize(
    "text", [URL, f"/rest/1/{SECRET}", f"rest/1/{SECRET}", f"example.bitrix24.com/rest/1/{SECRET}"]
)
def test_the_id_of_a_connection_is_not_a_url(text):
    with pytest.raises(ConfigurationError, match=r"^bitrix24_conn_id is a URL\. Pass") as raised:
        check_no_url("bitrix24_conn_id", text, hint="Pass the id of a connection.")
    assert SECRET not in str(raised.value)
    check_no_url("bitrix24_conn_id", "team/crm:1", hint="")


@pytest.mark.parametrize("value", ["WON", None, 5, ["WON", 5], 1.5, "9" * 20, "a\n'b", ["a\tb"], "100 % = 2"])
def test_what_is_no_url_is_shown(value):
    assert quoted(value) == repr(value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (10**5000, "an int"),
        ([[URL]], "a list"),
        ({"a": URL}, "a dict"),
        (b"https://x/rest/1/" + SECRET.encode(), "bytes"),
    ],
    ids=["int", "list", "dict", "bytes"],
)
def test_of_other_values_a_message_names_the_type(value, shown):
    assert quoted(value) == shown


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("call", ["call", "batch", "list"])
def test_both_clients_refuse_a_method_with_an_odd_name_before_anything_is_sent(method, call):
    with MisbehavingServer(answering(*[FINE % b""] * 9)) as server:
        url = f"http://127.0.0.1:{server.port}/rest/1/an0ther-secret/"

        def in_thread():
            with Bitrix24Client.from_webhook_url(url) as client:
                return {
                    "call": lambda: client.call(method),
                    "batch": lambda: client.batch({"a": ("profile", None), "b": (method, None)}),
                    "list": lambda: list(client.list(method)),
                }[call]()

        async def in_loop():
            async with AsyncBitrix24Client.from_webhook_url(url) as client:
                if call == "list":
                    return [each async for each in client.list(method)]
                return await (client.call(method) if call == "call" else client.batch({"b": (method, None)}))

        for send in (in_thread, lambda: asyncio.run(in_loop())):
            with pytest.raises(ConfigurationError, match="A method's name has only letters") as raised:
                send()
            assert SECRET not in str(raised.value)
        assert server.heard == []


@pytest.mark.parametrize("name", ["crm.item.list", "profile.json", "user.option.set", "im.v2.Chat.get", "a-b_c.9"])
def test_a_method_with_a_sound_name_is_sent(name):
    with MisbehavingServer(answering(FINE % b"")) as server:
        with Bitrix24Client.from_webhook_url(f"http://127.0.0.1:{server.port}/rest/1/an0ther-secret/") as client:
            assert client.call(name) is True
        assert server.heard[0].startswith(f"POST /rest/1/an0ther-secret/{name} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("user", [".", "..", "%2e%2e", " .. "])
def test_a_user_id_is_not_a_step_of_a_path(user):
    with pytest.raises(ConfigurationError, match="user id is made of dots only"):
        parse_webhook_url(f"https://example.bitrix24.com/rest/{user}/{SECRET}/")
    with pytest.raises(ConfigurationError, match="secret is made of dots only"):
        Portal(base_url="https://example.bitrix24.com", user_id="1", secret="..")


@pytest.mark.parametrize(
    "text",
    [
        "\u017fmart_invoice_3",
        "smart_\u0131nvoice_3",
        "SMART_\u0130NVOICE_3",
        "deal_\u2460",
        "\uff24\uff25\uff21\uff2c_1",
        "dynam\u0131c_177_5",
        "lead_1\u0307",
    ],
)
def test_letters_of_other_alphabets_do_not_become_those_of_a_type(text):
    with pytest.raises(ConfigurationError, match="malformed"):
        parse_targets(text)
    with pytest.raises(ConfigurationError):
        parse_targets([3], text.rpartition("_")[0] + "\u0131")


@pytest.mark.parametrize(
    "address",
    ["https:/{}", "http:/{}", "HTTPS:/{}", "https:/\x80/{}", "x\x80/../{}", "{}/..", "{}/a\\b", "{}/./a", "{}/a b"],
)
def test_an_address_with_a_missing_slash_or_an_odd_path_is_refused(address):
    host = address.format("example.bitrix24.com")
    for refuse in (lambda: parse_webhook_url(f"{host}/rest/1/{SECRET}/"), lambda: address_host(host)):
        with pytest.raises(ConfigurationError) as raised:
            refuse()
        assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    "setting", [{"proxy": (0, "")}, {"plan": ["x"]}, {"ca_bundle": 5}, {"shared_store_directory": b"x"}]
)
def test_a_setting_of_another_type_is_refused(setting):
    with pytest.raises(ConfigurationError):
        ClientSettings(**setting)


@pytest.mark.parametrize("name", ["ca_bundle", "shared_store_directory"])
@pytest.mark.parametrize("path", ["a\x00b", "a\ud800b", Path("a\x00b")])
def test_a_path_that_no_file_can_have_is_refused(name, path):
    with pytest.raises(ConfigurationError, match=f"{name} holds a character"):
        ClientSettings(**{name: path})


def test_a_url_without_the_users_number_does_not_show_the_secret_that_stands_in_its_place():
    pasted = parse_webhook_url(f"https://example.bitrix24.com/rest/{SECRET}/crm.automation.trigger/?code=c")
    assert SECRET not in f"{pasted!r} {pasted.portal}"
    assert "user_id='7'" in repr(parse_webhook_url(f"https://example.bitrix24.com/rest/7/{SECRET}/"))
