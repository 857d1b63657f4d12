"""Troubleshooting against the package: it explains what users see, and all that ends a task."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.messages import FEW, FILLED_IN, errors_in_code, explained, fits, own_length, texts_in_code

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
RUSSIAN = (DOCS / "ru" / "troubleshooting.md").read_text(encoding="utf-8")
AIRFLOWS_OWN = {
    "unknown",
    "Bad Request",
    "Out of range float values are not JSON compliant",
    "Testing connections is disabled in Airflow configuration.",
    "... finished with state success, but the task instance's state attribute is queued",
    "The conn_id ... isn't defined",
}


@pytest.mark.parametrize("message", sorted(set(explained(PAGE)) - AIRFLOWS_OWN))
def test_every_message_that_is_explained_is_one_that_users_see(message):
    assert any(fits(message, text) for text in texts_in_code())


def test_every_error_that_ends_a_task_is_explained():
    telling = [message for message in explained(PAGE) if own_length(message) >= FEW]
    assert "`... is ...`" in PAGE
    assert [
        (where, text.replace(FILLED_IN, "..."))
        for where, text in errors_in_code()
        if own_length(text) >= FEW and not any(fits(message, text) for message in telling)
    ] == []


def test_both_editions_explain_the_same_messages():
    assert explained(RUSSIAN) == explained(PAGE)
