"""Answers that say something bad: secrets, forged log lines and very long texts in every place that holds a text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow_provider_bitrix24.client.secret_text import forms_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGED = (
    "ok\r\n[2026-11-25, 12:00:00] INFO - moved NEW -> WON: 1,000 deals\x1b[2K\x1b]0;x\x07"
    "\u2028\u2029\x85\x00\x9b31m\u202e"
)
"""A text that would begin a line of its own, and control a terminal."""
STATUSES = (200, 400, 401, 403, 404, 429, 500, 503)


def answer(body: bytes, *, status: str = "400 Bad Request", head: str = "", kind: str = "application/json") -> bytes:
    """One answer as it is sent."""
    lines = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    return lines.encode("utf-8", "surrogatepass") + body


def envelope(code: str, text: str, status: str = "400 Bad Request") -> bytes:
    """An error of the portal."""
    return answer(json.dumps({"error": code, "error_description": text}).encode(), status=status)


def secret_answers(secret: str) -> Iterator[tuple[str, bytes]]:
    """The secret, in each of its forms, wherever an answer can hold it."""
    for number, form in enumerate(sorted(forms_of(secret))):
        twice = quote(form, safe="")
        for where in ("https://other.example/rest/1/{}/", "/{}", "//{}/", "https://u:{}@other.example/"):
            location = f"Location: {where.format(form)}\r\n"
            yield f"Location {number} {where}", answer(b"", status="302 Found", head=location)
        yield f"a header {number}", answer(b"{}", head=f"X-Token: {form}\r\n")
        yield f"a name of a header {number}", answer(b"{}", head=f"{twice}: x\r\n")
        yield f"a header without a colon {number}", answer(b"{}", head=f"{form}\r\n")
        yield f"the status text {number}", answer(b"{}", status=f"400 {form}")
        yield f"a status that is not a number {number}", answer(b"{}", status=f"{form} Bad")
        yield f"the content type {number}", answer(b"<html>", kind=form)
        yield f"an encoding {number}", answer(b"x", head=f"Content-Encoding: {form}\r\n")
        yield f"HTML {number}", answer(f"<html>{form}".encode(), kind="text/html")
        yield f"the code {number}", envelope(form, "")
        yield f"the text {number}", envelope("X", f"see {form}!")
        yield f"a text that is cut within it {number}", envelope(form, "x" * 990 + f" {form}")
        yield f"no object {number}", answer(json.dumps([form]).encode(), status="200 OK")


def forged_answers() -> Iterator[tuple[str, bytes]]:
    """Line breaks and control characters wherever a text of the portal is repeated."""
    page = f"<html>{FORGED}</html>".encode()
    for status in STATUSES:
        yield f"the text with {status}", envelope("ERROR_CORE", FORGED, f"{status} X")
        yield f"the code with {status}", envelope(FORGED, "", f"{status} X")
        yield f"HTML with {status}", answer(page, status=f"{status} X", kind="text/html")
        yield f"the content type with {status}", answer(page, status=f"{status} X", kind="text/\x1b[2Kht\x0bml")
    yield "an error that is an object", answer(json.dumps({"error": {"code": FORGED, "message": [FORGED]}}).encode())
    yield "an error that is a list", answer(json.dumps({"error": [FORGED], "error_description": {FORGED: 1}}).encode())
