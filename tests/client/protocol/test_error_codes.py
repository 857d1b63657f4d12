"""What each answer means: the whole table, its edges, and that no answer can break it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client import errors
from airflow_provider_bitrix24.client.protocol.error_codes import CODES, SCOPE_CODES, TOKEN_CODES, classify, error_from
from airflow_provider_bitrix24.client.protocol.wire import HttpResponse, Reply

AUTH, DENIED, BAD = "AuthenticationError", "PermissionDeniedError", "InvalidRequestError"
DOWN, FAILED, RATE = "PortalUnavailableError", "ServerError", "RateLimitError"

TABLE = [
    # code, statuses it is met with, class, executed
    ("QUERY_LIMIT_EXCEEDED", (503, 429), RATE, "no"),
    ("OPERATION_TIME_LIMIT", (429,), "OperatingLimitError", "no"),
    ("OVERLOAD_LIMIT", (401, 503), DOWN, "no"),
    ("expired_token", (401,), AUTH, "no"),
    ("invalid_token", (401,), AUTH, "no"),
    ("NO_AUTH_FOUND", (401,), AUTH, "no"),
    ("INVALID_CREDENTIALS", (401, 403), AUTH, "no"),
    ("insufficient_scope", (401, 403), DENIED, "no"),
    ("ACCESS_DENIED", (401, 403, 400), DENIED, "no"),
    ("user_access_error", (401, 403), DENIED, "no"),
    ("authorization_error", (401,), AUTH, "no"),
    ("APPLICATION_NOT_FOUND", (401,), AUTH, "no"),
    ("ERROR_OAUTH", (401,), AUTH, "no"),
    ("NOT_INSTALLED", (401,), AUTH, "no"),
    ("CONNECTION_ERROR", (401,), FAILED, "no"),
    ("PAYMENT_REQUIRED", (401,), AUTH, "no"),
    ("INVALID_REQUEST", (401, 400), BAD, "no"),
    ("ERROR_METHOD_NOT_FOUND", (404,), "NotFoundError", "no"),
    ("ERROR_BATCH_METHOD_NOT_ALLOWED", (200, 405), BAD, "no"),
    ("ERROR_BATCH_LENGTH_EXCEEDED", (200, 400), BAD, "no"),
    ("PORTAL_DELETED", (403, 500, 410), DOWN, "no"),
    ("WRONG_AUTH_TYPE", (403,), AUTH, "no"),
    ("METHOD_CONFIRM_WAITING", (401,), DENIED, "no"),
    ("METHOD_CONFIRM_DENIED", (403,), DENIED, "no"),
    ("WRONG_LICENSE", (403,), DENIED, "no"),
    ("ERROR_MANIFEST_IS_NOT_AVAILABLE", (404,), BAD, "no"),
    ("INTERNAL_WRONG_TRANSPORT", (500,), FAILED, "no"),
    ("INTERNAL_WRONG_HANDLER_CLASS", (500,), FAILED, "no"),
    ("INTERNAL_SERVER_ERROR", (500, 200), FAILED, "unknown"),
    ("ERROR_UNEXPECTED_ANSWER", (500, 200), FAILED, "unknown"),
    ("ERROR_CORE", (500, 400), FAILED, "unknown"),
    ("ERROR_ARGUMENT", (400,), BAD, "no"),
    ("NOT_FOUND", (400,), "NotFoundError", "no"),
    ("ENTITY_TYPE_NOT_SUPPORTED", (400,), BAD, "no"),
    ("INVALID_ARG_VALUE", (400,), BAD, "no"),
    ("100", (400,), BAD, "no"),
    ("allowed_only_intranet_user", (400, 403), DENIED, "no"),
    ("session_failed", (401,), AUTH, "no"),
    ("access_denied", (401,), DENIED, "no"),
    ("WRONG_ENCODING", (200,), FAILED, "yes"),
    ("invalid_grant", (400,), AUTH, "no"),
    ("invalid_client", (400,), AUTH, "no"),
    ("wrong_client", (200,), AUTH, "no"),
    ("invalid_request", (400,), BAD, "no"),
    ("invalid_scope", (400,), DENIED, "no"),
    # no code of its own: the status decides
    ("", (400,), BAD, "no"),
    ("", (401,), AUTH, "no"),
    ("", (403,), DENIED, "no"),
    ("", (404,), "NotFoundError", "no"),
    ("", (405, 410, 422), BAD, "no"),
    ("", (429,), RATE, "no"),
    ("0", (400,), BAD, "no"),
    ("", (500, 502, 503, 504, 200), FAILED, "unknown"),
    # an undocumented code proves nothing about what ran
    ("SOME_PLUGIN", (400,), BAD, "unknown"),
    ("SOME_PLUGIN", (403,), DENIED, "unknown"),
    ("SOME_PLUGIN", (500, 200), FAILED, "unknown"),
    ("query_limit_exceeded", (503,), FAILED, "unknown"),
]


def answer(body: object, status: int = 200, content_type: str = "application/json; charset=utf-8") -> HttpResponse:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status=status, body=raw, content_type=content_type)


@pytest.mark.parametrize(("code", "statuses", "name", "executed"), TABLE)
def test_a_code_means_one_error(code, statuses, name, executed):
    for status in statuses:
        error = classify("some.method", answer({"error": code, "error_description": "Why."}, status))
        assert type(error).__name__ == name, status
        assert error.executed == executed, status
        assert (error.code, error.description, error.method, error.status) == (code, "Why.", "some.method", status)
        assert "some.method" in str(error)
        assert "Why." in str(error)


def test_every_code_of_the_table_is_tried_above():
    assert set(CODES) <= {code for code, *_ in TABLE}


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("code", ["", "0", 0, None, False])
def test_the_presence_of_error_counts_not_its_value(code, status):
    error = classify("x", answer({"error": code, "error_description": "", "result": True}, status))
    assert isinstance(error, errors.ApiError)
    assert "x:" in str(error)


def test_a_code_may_be_a_number_a_structure_or_without_text():
    assert classify("x", answer({"error": 100}, 400)).code == "100"
    assert str(classify("x", answer({"error": ""}, 400))).startswith("x: an error without code or text (HTTP 400).")
    newer = {"error": {"code": "BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION", "message": "No."}}
    error = classify("x", answer(newer, 401))
    assert (error.code, error.description) == ("BITRIX_REST_V3_EXCEPTION_ACCESSDENIEDEXCEPTION", "No.")
    assert isinstance(error, errors.AuthenticationError)
    assert classify("x", answer({"error": {}}, 500)).code == ""
    assert classify("x", answer({"error": "", "error_description": ["a"]}, 400)).description == "['a']"


@pytest.mark.parametrize("result", [True, False, None, [], {}, 0, "", {"error": "inside"}])
def test_a_result_without_error_is_a_reply_whatever_it_is(result):
    reply = classify("x", answer({"result": result, "total": 3, "next": 50}))
    assert reply == Reply(result=result, total=3, next=50)


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (200, b"<html>", "text/html; charset=utf-8"),
        (200, b"", ""),
        (200, b'{"result": {"item"', "application/json"),
        (200, b"[]", "application/json"),
        (200, b'{"time": {}}', "application/json"),
        (201, b'{"result": true}', "application/json"),
        (400, b"<html>", "text/html"),
        (403, b"<html>", "text/html"),
        (500, b"", "text/html"),
        (502, b"<html>", "text/html"),
        (503, b"<html>", "text/html"),
        (504, b"", "text/html"),
    ],
)
def test_an_answer_that_is_not_an_envelope_leaves_open_what_the_portal_did(status, body, content_type):
    error = classify("x", answer(body, status, content_type))
    assert type(error) is errors.ProtocolError
    assert (error.executed, error.permanent, error.status) == ("unknown", False, status)
    assert f"HTTP {status}, {content_type.partition(';')[0] or 'no content type'}, {len(body)} bytes" in str(error)
    assert "<html>" not in str(error)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
def test_a_redirect_is_permanent_and_not_followed(status):
    error = classify("x", answer(b"", status, "text/html"))
    assert type(error) is errors.ProtocolError
    assert (error.executed, error.permanent) == ("no", True)
    assert "renamed" in error.hint


@pytest.mark.parametrize(
    ("entry", "name", "executed"),
    [
        ({"error": "ACCESS_DENIED", "error_description": "Access denied!"}, DENIED, "no"),
        ({"error": "", "error_description": "Target is not set."}, BAD, "no"),
        ({"error": 0}, BAD, "no"),
        ({"error": "OPERATION_TIME_LIMIT"}, "OperatingLimitError", "no"),
        ({"error": "ERROR_CORE", "error_description": "Robot failed"}, FAILED, "unknown"),
        ({"error": "WRONG_ENCODING"}, FAILED, "yes"),
        ({"error": "INTERNAL_SERVER_ERROR"}, FAILED, "unknown"),
        ({"error": "ERROR_UNEXPECTED_ANSWER"}, FAILED, "unknown"),
        ({"error": "SOME_PLUGIN"}, BAD, "unknown"),
        ({"error_description": "No code at all."}, BAD, "no"),
    ],
)
def test_inside_a_batch_the_code_alone_decides(entry, name, executed):
    error = error_from("x", entry, 200, in_batch=True)
    assert (type(error).__name__, error.executed, error.status) == (name, executed, 200)


def test_the_codes_of_a_missing_scope_are_those_that_advise_to_give_it():
    hints = {code: classify("x", answer({"error": code}, 400)).hint for code in CODES}
    assert {code for code, hint in hints.items() if "the scope 'crm'" in hint} == SCOPE_CODES


@pytest.mark.parametrize(("status", "executed"), [(400, "no"), (499, "no"), (500, "unknown")])
def test_an_unnamed_error_of_the_client_is_told_from_one_of_the_portal_by_its_status(status, executed):
    error = classify("x", answer({"error": "", "error_description": ""}, status))
    assert isinstance(error, errors.InvalidRequestError) is (executed == "no")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["error", "error_description", "result", "total", "next", "time", "x"]), JSON),
    st.integers(100, 599),
)
def test_no_json_breaks_the_table(body, status):
    outcome = classify("x", answer(body, status))
    assert isinstance(outcome, Reply | errors.Bitrix24Error)
    if "error" in body:
        assert isinstance(outcome, errors.ApiError)


@given(st.binary(max_size=40), st.integers(100, 599), st.text(max_size=20))
def test_no_bytes_break_the_table(body, status, content_type):
    outcome = classify("x", HttpResponse(status=status, body=body, content_type=content_type))
    assert isinstance(outcome, Reply | errors.Bitrix24Error)


@pytest.mark.parametrize("body", [b"<html>Too Many Requests</html>", b"", b'{"broken', b"[]", b"Slow down"])
def test_a_page_that_says_too_many_requests_was_refused_before_anything_ran(body):
    error = classify("crm.item.list", HttpResponse(status=429, body=body, content_type="text/html"))
    assert isinstance(error, errors.RateLimitError)
    assert (error.executed, error.permanent, error.limit) == ("no", False, "requests")
    assert "html" not in str(error).replace("text/html", "")


def test_advice_is_given_only_where_there_is_some():
    assert classify("x", answer({"error": "NOT_FOUND", "error_description": "Gone."}, 400)).hint == ""
    assert "scope 'crm'" in classify("x", answer({"error": "insufficient_scope"}, 403)).hint


def test_an_answer_that_takes_too_much_memory_is_not_read_and_leaves_open_what_the_portal_did():
    lists = b'{"result": [' + b"[]," * 360_000 + b"[]]}"
    assert isinstance(classify("x", answer(lists)), Reply)
    error = classify("x", answer(lists), share=2)
    assert type(error) is errors.OutcomeUnknown
    assert "reading the answer (1.1 MB) would take too much memory" in str(error)


def test_codes_after_which_a_token_is_replaced_are_refusals_of_a_credential():
    found = [classify("x", answer({"error": code}, 401)) for code in sorted(TOKEN_CODES)]
    assert [(type(each), each.executed, each.code) for each in found] == [
        (errors.AuthenticationError, "no", "expired_token"),
        (errors.AuthenticationError, "no", "invalid_token"),
    ]
