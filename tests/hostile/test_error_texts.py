"""What a portal says in its errors is cut and cleaned, and never shows the secret, whatever it is put into."""

from __future__ import annotations

import json
import logging
import traceback

import pytest

from airflow_provider_bitrix24.client import Bitrix24Client
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.secret_text import forms_of
from tests.support.drivers import KINDS
from tests.support.error_texts import forged_answers, secret_answers
from tests.support.misbehaving_server import MisbehavingServer, answering, send
from tests.support.odd_values import OddPortal

SECRET = "h0st1le+s3cr3t%&"
URL_PART = "rest/1/h0st1le%2Bs3cr3t%25%26"
CONTROLS = {chr(number) for number in (*range(32), *range(127, 160), 0x2028, 0x2029, 0x202E)}
LONGEST = 1_500


@pytest.fixture
def logged():
    """Every record of every logger, as a handler of the root writes it."""
    lines = []

    class Keeping(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    handler, root = Keeping(logging.DEBUG), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(before)


def replies(kind, answers):
    """The replies to one request for each answer, each over a connection of its own."""
    left = iter(answers)
    found = []

    def behave(server, connection):
        return answering(next(left))(server, connection)

    with MisbehavingServer(behave) as server:
        for _ in answers:
            [attempt] = send(kind, f"http://127.0.0.1:{server.port}/{URL_PART}/", read_timeout=60)
            found.append(attempt.reply)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_no_form_of_the_secret_is_shown_wherever_an_answer_holds_it(kind, logged):
    answers = dict(secret_answers(SECRET))
    found = dict(zip(answers, replies(kind, list(answers.values())), strict=True))
    log = "\n".join(logged)
    assert log
    for form in forms_of(SECRET):
        assert form not in log
        for name, error in found.items():
            shown = "".join(traceback.format_exception(error)) if isinstance(error, Bitrix24Error) else ""
            for each in (shown, repr(error), str(vars(error)) if isinstance(error, Bitrix24Error) else ""):
                assert form not in each, name


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_of_an_answer_begins_a_line_or_controls_a_terminal(kind, logged):
    answers = dict(forged_answers())
    for name, error in zip(answers, replies(kind, list(answers.values())), strict=True):
        assert isinstance(error, Bitrix24Error), name
        for text in (str(error), error.message, getattr(error, "code", ""), getattr(error, "description", "")):
            assert CONTROLS.isdisjoint(text), name
            assert len(text) < LONGEST
    ours = [line for line in logged if line.startswith(("some.method", "Waiting", "Trying"))]
    assert all(CONTROLS.isdisjoint(line) for line in ours)


class Talkative(OddPortal):
    """A portal that refuses every trigger with an error text of 50 kB, fifty of them in one answer."""

    text = "Refused.\r\n12:00 INFO - moved NEW -> WON: 1,000 deals \x1b[2J" + "lorem ipsum " * 4_000

    def _batch(self, commands):
        answer = super()._batch(commands)
        fires = [key for key, text in commands.items() if text.startswith("crm.automation.trigger")]
        if fires:
            answer["result"] = {key: value for key, value in answer["result"].items() if key not in fires}
            answer["result_error"] = {
                key: {"error": "ACCESS_DENIED", "error_description": f"{key} {self.text}"} for key in fires
            }
        return answer


def test_a_text_of_50_kilobytes_for_each_of_1000_targets_leaves_a_small_report_and_log():
    portal = Talkative([])
    with Bitrix24Client.from_webhook_url(
        "https://example.bitrix24.com/rest/1/secret12345/", plan="self-hosted"
    ) as client:
        targets = [f"DEAL_{number}" for number in range(1, 1001)]
        report = portal.perform(client._trigger_automation(targets, "c", None, verify=True, now=1000.0))
    assert report.failed == 1000
    written = json.dumps(report.as_dict())
    assert len(written) < 1_500_000
    assert CONTROLS.isdisjoint(written)
    assert CONTROLS.isdisjoint("".join(portal.logged))
    assert sum(map(len, portal.logged)) < 100_000
