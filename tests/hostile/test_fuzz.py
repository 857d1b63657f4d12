"""Whatever a person types and whatever a portal answers: a sound value or an error of ours.

``make fuzz N=1000000`` divides that many examples among the ten properties.
"""

from __future__ import annotations

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.entity_types import MAX_ID
from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, ProtocolError
from airflow_provider_bitrix24.client.portal import parse_webhook_url
from airflow_provider_bitrix24.client.protocol.batch import CommandReply, command, read_replies
from airflow_provider_bitrix24.client.protocol.error_codes import CODES, classify
from airflow_provider_bitrix24.client.protocol.php_query import NotWritableError
from airflow_provider_bitrix24.client.protocol.wire import Call, HttpResponse, Reply, checked_method, reply_from
from airflow_provider_bitrix24.client.secret_text import LiveSecrets, forms_of
from airflow_provider_bitrix24.client.settings import ClientSettings
from airflow_provider_bitrix24.client.targets import parse_targets
from airflow_provider_bitrix24.client.trigger_code import checked_code
from airflow_provider_bitrix24.simulator import php
from tests.support.odd_values import odd, printable

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover

SECRET = "s3cr3t0fth1st3st"
URL = f"https://example.bitrix24.com/rest/1/{SECRET}/crm.automation.trigger/?target=DEAL_57&code=c5u4m"
LONGEST = 6_000
SOUND_TARGETS = ["DEAL_57", "lead_4", " SMART_INVOICE_12 ", "DYNAMIC_177_5", "DEAL_{{ID}}", "[1]", URL, "0057"]
SETTINGS = sorted({each.name for each in fields(ClientSettings)} - {"pacing_directory"})  # that one is deprecated
INSERTED = st.sampled_from(
    ["/", "_", "-", "0", "\u0131", "\u017f", "\ud800", "\x00", "\r\n", "%2F", "9" * 30, "{{", "."]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
ANY = JSON | st.binary(max_size=10) | st.tuples(st.integers(), st.text(max_size=5)) | st.decimals() | st.dates()


@st.composite
def changed(draw, sound):
    """One of the texts with some characters replaced, removed or inserted."""
    text = draw(st.sampled_from(sound))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        removed = draw(st.integers(0, 3))
        text = text[:at] + draw(INSERTED | st.text(max_size=3)) + text[at + removed :]
    return text


def refused(check, *arguments, **options):
    """The value that is read, or ``None`` where it is refused by a message that can be shown."""
    try:
        return check(*arguments, **options)
    except ConfigurationError as error:
        refusal = error
    shown = f"{refusal} {refusal!r} {vars(refusal)}"
    assert SECRET not in shown
    assert len(str(refusal)) < LONGEST
    assert "\x00" not in str(refusal)
    return None


def sound(refs):
    for ref in refs or ():
        assert 0 < ref.id <= MAX_ID
        assert EntityRef.parse(str(ref)) == ref


@given(changed(SOUND_TARGETS) | st.text(max_size=30))
def test_a_text_as_a_target(text):
    sound(refused(parse_targets, text))


@given(st.lists(ANY | changed(SOUND_TARGETS), max_size=4) | ANY, st.sampled_from([None, "DEAL", "DYNAMIC_177", URL]))
def test_rows_as_targets(rows, entity_type):
    sound(refused(parse_targets, rows, entity_type))


@given(changed([URL, f'curl "{URL}"', f"<{URL}>", f"http://127.0.0.1:8024/rest/1/{SECRET}/"]))
def test_a_webhooks_url(text):
    try:
        pasted = parse_webhook_url(text)
    except ConfigurationError as error:
        refusal = error
    else:
        portal = pasted.portal
        assert portal.base_url.startswith(("https://", "http://127.", "http://localhost", "http://[::1]"))
        shown = f"{portal} {portal!r} {pasted!r}"
        assert len(portal.secret) < len(SECRET) - 4 or portal.secret not in shown
        assert SECRET not in shown
        url = portal.method_url("profile")
        assert url.startswith(f"{portal.base_url}/rest/")
        assert url.isascii()
        assert not set(url) & set("\r\n\t \\?#")
        assert "/../" not in url
        return
    assert SECRET not in f"{refusal} {refusal!r} {vars(refusal)}"


@given(st.dictionaries(st.sampled_from(SETTINGS), ANY | changed([URL]), max_size=3))
def test_settings(values):
    settings = refused(ClientSettings, **values)
    assert settings is None or settings.read_timeout > 0


@given(changed(["c5u4m", "1_000", URL]) | ANY)
def test_a_code(code):
    read = refused(checked_code, code)
    assert read is None or read.encode()


@given(changed(["crm.item.list", URL]) | ANY)
def test_a_methods_name(name):
    read = refused(checked_method, name)
    assert read is None or (read.isascii() and not set(read) & set("/\\?#%&\r\n\x00 "))


ENVELOPES = st.fixed_dictionaries(
    {},
    optional={
        "result": JSON,
        "error": st.sampled_from(sorted(CODES)) | JSON,
        "error_description": JSON,
        "total": JSON,
        "next": JSON,
        "time": st.dictionaries(st.sampled_from(["operating", "operating_reset_at", "finish", "start"]), JSON) | JSON,
    },
)
BODIES = (
    st.binary(max_size=60)
    | (ENVELOPES | JSON).map(lambda value: json.dumps(value).encode())
    | odd.map(lambda text: b'{"result":' + text.encode() + b"}")
)


@given(st.sampled_from([200, 204, 302, 400, 401, 403, 404, 429, 500, 503]), BODIES, st.text(max_size=20))
def test_an_answer(status, body, kind):
    answer = classify("m", HttpResponse(status=status, body=body, content_type=kind))
    assert isinstance(answer, Reply | Bitrix24Error)
    assert not isinstance(answer, Bitrix24Error) or printable(str(answer))


@given(ENVELOPES)
def test_counters_and_times(envelope):
    reply = reply_from(envelope)
    assert all(each is None or type(each) is int for each in (reply.total, reply.next))
    assert reply.timing.reset_in is None or 0 <= reply.timing.reset_in <= 600


COLUMNS = ["result", "result_error", "result_total", "result_next", "result_time"]
BY_KEY = st.dictionaries(st.sampled_from(["c0", "c1", "c2", "0"]), JSON, max_size=3)


@given(st.dictionaries(st.sampled_from(COLUMNS), BY_KEY | JSON) | JSON)
def test_the_answer_to_a_batch(result):
    replies = read_replies(["a", "b"], Reply(result=result))
    if isinstance(replies, ProtocolError):
        return
    assert [type(each) for each in replies] == [CommandReply] * 2
    assert all(each.error is None or printable(str(each.error)) for each in replies)


@given(
    st.dictionaries(st.text(max_size=6), JSON, max_size=4), st.text(alphabet="a%/+ &=\u0451", min_size=6, max_size=12)
)
def test_a_command_arrives_as_it_was_meant_and_a_secret_is_hidden(params, secret):
    try:
        text = command(Call("m", params))
    except (ConfigurationError, NotWritableError):
        text = "m"
    assert text.partition("?")[0] == "m"
    assert text.isascii()
    php.parse_query(text.partition("?")[2])
    live = LiveSecrets()
    live.add(secret)
    for form in forms_of(secret):
        assert form not in live.hide(f"a {form} b")
