"""An answer ends: by itself, at its deadline, or at its limit. What was cut counts as lost, for both drivers alike."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.errors import ConnectFailed, OutcomeUnknown, ProtocolError
from airflow_provider_bitrix24.client.protocol.wire import Reply
from airflow_provider_bitrix24.client.transports import bounds as bounds_module
from airflow_provider_bitrix24.client.transports.bounds import (
    MAX_ANSWER,
    MAX_HEAD,
    AnswerBounds,
    Body,
    UnusableAnswerError,
)
from airflow_provider_bitrix24.client.transports.failures import certain, timed_out
from tests.support.hostile_server import (
    FLOODS,
    GZIP,
    RESULT,
    SLOW,
    SLOW_PROXIES,
    bomb,
    greeting_slowly,
    of_length,
    packed,
    quickly,
)
from tests.support.misbehaving_server import NOT_SENT, PATH, MisbehavingServer, failure, send

both_kinds = pytest.mark.parametrize("kind", ["sync", "async"])
SMALL = 100_000


def reply(kind, behave, **settings):
    with MisbehavingServer(behave) as server:
        [outcome] = send(kind, f"http://127.0.0.1:{server.port}/{PATH}/", **settings)
    return outcome.reply


def lost(kind, behave, **settings):
    """The message of the lost answer that a behaviour leads to."""
    error = reply(kind, behave, **settings)
    assert type(error) is OutcomeUnknown
    assert (error.executed, error.permanent) == ("unknown", False)
    assert "s3cr3t" not in str(error)
    return error.message


# -- time


@both_kinds
@pytest.mark.parametrize("behave", SLOW.values(), ids=SLOW)
def test_an_answer_that_comes_a_little_at_a_time_has_one_deadline(kind, behave):
    message = lost(kind, behave, connect_timeout=30, read_timeout=0.3)
    assert message == "some.method: no complete answer within 0.3 s."


@both_kinds
def test_a_tls_handshake_that_comes_a_little_at_a_time_has_one_deadline(kind):
    with MisbehavingServer(greeting_slowly) as server:
        url = f"https://127.0.0.1:{server.port}/{PATH}/"
        assert failure(kind, url, connect_timeout=0.3, read_timeout=30) == NOT_SENT


@both_kinds
@pytest.mark.parametrize("behave", SLOW_PROXIES.values(), ids=SLOW_PROXIES)
def test_a_tunnel_that_is_never_ready_has_one_deadline_and_nothing_was_sent(kind, behave):
    with MisbehavingServer(behave) as proxy:
        url = f"https://example.bitrix24.com/{PATH}/"
        address = f"http://127.0.0.1:{proxy.port}"
        assert failure(kind, url, proxy=address, connect_timeout=0.3, read_timeout=30) == NOT_SENT


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def on_a_clock(**more):
    clock = Clock()
    return clock, AnswerBounds(connect_timeout=10, read_timeout=70, clock=clock, **more)


def test_an_answers_time_counts_from_the_sending_however_long_the_connection_took():
    clock, bounds = on_a_clock()
    bounds.connect()
    clock.now += 9
    assert bounds.left() == 1
    assert bounds.connecting
    bounds.send()
    assert bounds.left() == 70
    assert not bounds.connecting
    clock.now += 69
    bounds.send()
    bounds.connect()
    assert bounds.before_read() == 1
    clock.now += 1
    with pytest.raises(TimeoutError):
        bounds.before_read()


def test_a_connection_that_was_kept_begins_with_the_sending():
    clock, bounds = on_a_clock()
    assert not bounds.connecting
    clock.now += 500
    bounds.send()
    assert bounds.left() == 70


def test_a_deadline_says_whether_the_request_was_sent():
    _, bounds = on_a_clock()
    assert timed_out("m", "Kind", bounds).executed == "unknown"
    bounds.connect()
    assert type(timed_out("m", "Kind", bounds)) is ConnectFailed
    bounds.send()
    assert str(timed_out("m", "Kind", bounds)) == "m: no complete answer within 70 s."


def test_what_was_sent_is_never_said_not_to_have_been_sent():
    _, bounds = on_a_clock()
    refused = ConnectFailed("m: no TLS connection (ALERT).", hint="Https?", permanent=True)
    assert certain("m", "SSLError", refused, bounds) is refused
    bounds.connect()
    assert certain("m", "SSLError", refused, bounds) is refused
    assert certain("m", "SSLError", OutcomeUnknown("m"), bounds).executed == "no"
    bounds.send()
    error = certain("m", "SSLError", refused, bounds)
    assert (type(error), error.executed, error.permanent, error.hint) == (OutcomeUnknown, "unknown", False, "Https?")


# -- size


@both_kinds
@pytest.mark.parametrize("behave", FLOODS.values(), ids=FLOODS)
def test_an_answer_without_end_is_cut_at_its_limit(kind, behave):
    message = lost(kind, behave, read_timeout=600)
    assert "no complete answer" not in message


@both_kinds
def test_a_compressed_answer_is_measured_as_it_is_when_it_is_read(kind):
    message = lost(kind, of_length(bomb(MAX_ANSWER // 1_000_000 + 1), GZIP))
    assert message == "some.method: the answer is larger than 64 MB; it was not read."


@both_kinds
def test_answers_that_come_together_share_the_limit(kind, monkeypatch):
    monkeypatch.setattr(bounds_module, "MAX_ANSWER", SMALL)
    monkeypatch.setattr(bounds_module, "MIN_SHARE", 1)
    for size, together, fits in [(SMALL - 100, 1, True), (SMALL - 100, 2, False), (SMALL // 2 - 100, 2, True)]:
        body = b'{"result":"' + b"x" * size + b'"}'
        with MisbehavingServer(of_length(packed([body]), GZIP)) as server:
            outcomes = send(kind, f"http://127.0.0.1:{server.port}/{PATH}/", together=together)
        assert [isinstance(outcome.reply, Reply) for outcome in outcomes] == [fits] * together


@both_kinds
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("identity", RESULT),
        ("gzip", packed([RESULT])),
        ("X-GZIP", packed([RESULT])),
        ("deflate", packed([RESULT], window=15)),
        ("deflate", packed([RESULT], window=-15)),
        ("gzip, gzip", packed([packed([RESULT])])),
        ("deflate, gzip", packed([packed([RESULT], window=15)])),
    ],
)
def test_an_answer_may_be_compressed(kind, encoding, body):
    head = b"Content-Encoding: " + encoding.encode() + b"\r\n"
    assert reply(kind, of_length(body, head)) == Reply(result=True)


@both_kinds
@pytest.mark.parametrize(
    ("encoding", "body", "problem"),
    [
        ("gzip", RESULT, "cannot be decompressed"),
        ("deflate", b"\xff\xff\xff\xff", "cannot be decompressed"),
        ("gzip, gzip, gzip", packed([packed([packed([RESULT])])]), "compressed 3 times"),
    ],
)
def test_an_answer_that_cannot_be_decompressed_is_lost(kind, encoding, body, problem):
    head = b"Content-Encoding: " + encoding.encode() + b"\r\n"
    assert problem in lost(kind, of_length(body, head))


@both_kinds
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n{}",
    ],
)
def test_a_length_that_no_answer_has(kind, answer):
    error = reply(kind, quickly(answer, []))
    assert error.executed == "unknown"


@both_kinds
def test_informational_answers_come_before_the_answer(kind):
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n"
    body = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + RESULT
    assert reply(kind, quickly(early + body, [])) == Reply(result=True)


@both_kinds
@pytest.mark.parametrize(("count", "expected"), [(90, Reply), (150, OutcomeUnknown)])
def test_an_answer_has_a_number_of_headers(kind, count, expected):
    assert type(reply(kind, of_length(RESULT, b"X-Header: a\r\n" * count))) is expected


LINES = b"""
HTTP/1.1 200 OK|HTTP/1.1 302 Found|HTTP/1.1 100 Continue|HTTP/2 200|HTTP/1.1 999 x|HTTP/1.1 0 x|Location: http://[::1
Content-Length: 15|Content-Length: -1|Content-Length: 15, 16|Content-Length: \xc2\xb2|Content-Length:|no colon|: no name
Transfer-Encoding: chunked|Transfer-Encoding: \xff|f|0|-5|f;|{"result":true}|\x00\xff| folded|Connection: upgrade
Content-Encoding: gzip|Content-Encoding: deflate, br|Content-Type: a/b; charset=\xff|Content-Type: \xff
Set-Cookie: \xff=;,|Set-Cookie: a=b; expires=Wed, 99 Foo 99999 25:61:61 GMT; max-age=99999999999|Connection: keep-alive
""".replace(b"\n", b"|").split(b"|")


@settings(max_examples=60)
@given(lines=st.lists(st.sampled_from(LINES), max_size=10), begins=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n"]))
def test_whatever_lines_come_the_answer_is_read_or_lost(lines, begins):
    for kind in ("sync", "async"):
        answered = reply(kind, quickly(begins + b"\r\n".join(lines), []))
        assert isinstance(answered, Reply | OutcomeUnknown | ProtocolError)


def test_the_head_is_measured_until_the_body_begins():
    _, bounds = on_a_clock()
    bounds.received(MAX_HEAD)
    bounds.before_read()
    bounds.received(1)
    with pytest.raises(UnusableAnswerError, match="headers are longer than 64 kB"):
        bounds.before_read()
    bounds.body("")
    bounds.before_read()


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "raw", "", "br"]), st.integers(1, 50))
def test_a_body_is_the_same_however_it_is_cut(body, encoding, size):
    sent = body if encoding in ("", "br") else packed([body], window={"gzip": 31, "deflate": 15, "raw": -15}[encoding])
    taken = Body(encoding.replace("raw", "deflate"))
    for start in range(0, len(sent), size):
        taken.feed(sent[start : start + size])
    assert taken.content() == body


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "gzip, deflate", "deflate, identity, gzip"]))
def test_a_body_of_any_bytes_is_decoded_or_refused(sent, encoding):
    body = Body(encoding)
    try:
        body.feed(sent)
    except UnusableAnswerError:
        return
    assert isinstance(body.content(), bytes | bytearray)


@pytest.mark.parametrize("window", [31, 15])
@pytest.mark.parametrize("size", [MAX_HEAD, 3 * MAX_HEAD, 3 * MAX_HEAD + 1])
def test_nothing_is_left_behind_in_the_decompressor(window, size):
    packer = zlib.compressobj(9, wbits=window)
    sent = packer.compress(b"x" * size) + packer.flush(zlib.Z_SYNC_FLUSH)
    body = Body("gzip" if window == 31 else "deflate")
    body.feed(sent)
    assert len(body.content()) == size
