"""An application's secret, its tokens and its codes are found nowhere but in the bodies of requests.

Every failure is played with both clients while all loggers write at DEBUG, as for webhooks.
"""

from __future__ import annotations

import dataclasses
import pickle
import sys

import pytest

from airflow_provider_bitrix24.client.errors import Bitrix24Error, SharedStoreError
from airflow_provider_bitrix24.client.oauth.authorization import Authorization, read_redirect
from airflow_provider_bitrix24.client.oauth.grants import AuthorizationCode, code_request, refresh_request
from airflow_provider_bitrix24.client.oauth.token_store import Claim
from tests.client.test_no_secret_escapes import Search
from tests.support.drivers import KINDS
from tests.support.frames import shown_by_frames
from tests.support.token_rig import CLIENT_ID, CLIENT_SECRET, token_rig

pytestmark = pytest.mark.no_cover
LOST = ("reset", "cut", "cut_body", "truncated", "empty", "html")


def token_faults(echo):
    """What can go wrong at the authorization server, each with an answer that repeats what it was sent."""
    for kind in LOST:
        for when in ("before", "after"):
            yield [{"kind": kind, "when": when, "method": "oauth.token"}] * 2
    for code, status in (("wrong_client", 200), ("invalid_client", 400), ("PAYMENT_REQUIRED", 401), ("", 500)):
        yield [{"kind": "error", "status": status, "code": code, "description": echo, "method": "oauth.token"}] * 3
    location = "https://evil.example/?client_secret=SECRET&refresh_token=REFRESH&auth=ACCESS"
    yield [{"kind": "redirect", "location": location, "method": "oauth.token"}]


def rest_faults(echo):
    """What can go wrong at the portal."""
    for kind in (*LOST, "expired_token", "invalid_token"):
        yield [kind] * 6
    for code, status in (("ACCESS_DENIED", 403), ("ERROR_CORE", 500), ("expired_token", 401), ("", 400)):
        yield [{"kind": "error", "status": status, "code": code, "description": echo}] * 4


class Hunt:
    """Does things that fail, and searches all that comes of them for every secret that there has been."""

    def __init__(self, rig, kind, search):
        self.rig, self.kind, self.search = rig, kind, search
        self.search.forms = {CLIENT_SECRET}
        self.failures = 0

    def remember(self):
        tokens = self.rig.portal.tokens
        self.search.forms |= set(tokens._by_access) | set(tokens._by_refresh) | set(tokens._codes)

    def do(self, method, *args, **options):
        try:
            outcome = self.rig.do(self.kind, method, *args, **options)
        except Bitrix24Error as error:
            outcome = error
            self.failures += 1
        self.remember()
        self.search.clean(outcome, *self.rig.logged)
        self.rig.logged.clear()


@pytest.mark.parametrize("kind", KINDS)
def test_failures_show_neither_secret_nor_token(tmp_path, kind, capfd):
    with Search() as search, token_rig(tmp_path) as rig:
        hunt = Hunt(rig, kind, search)
        rig.portal.add_deal(id=1)
        rig.application.triggers["paid"] = "Paid"
        for step in (*token_faults("ECHO"), *rest_faults("ECHO")):
            pair = rig.authorize()
            rig.new_process()
            hunt.remember()
            script = [each if isinstance(each, str) else {**each, **_with(each, pair)} for each in step]
            if any(isinstance(each, dict) and each.get("method") for each in script):
                rig.expire()
            for method, *arguments in (
                ("call", "scope"),
                ("execute_trigger", ["DEAL_1"], "paid"),
                ("diagnose",),
                ("token_info",),
            ):
                rig.server.faults.clear()
                rig.server.faults.script(script)
                hunt.do(method, *arguments)
            rig.server.faults.clear()
        assert hunt.failures > 30
        assert len(search.forms) > 60
    search.clean(*capfd.readouterr())


def _with(fault, pair):
    """A fault whose texts repeat what was sent."""
    sent = {"SECRET": CLIENT_SECRET, "ACCESS": pair.access_token, "REFRESH": pair.refresh_token}
    filled = {}
    for name, value in fault.items():
        if isinstance(value, str):
            for word, secret in {"ECHO": " ".join(sent.values()), **sent}.items():
                value = value.replace(word, secret)  # noqa: PLW2901
            filled[name] = value
    return filled


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_is_not_shown(tmp_path, kind, capfd):
    with Search() as search, token_rig(tmp_path) as rig:
        hunt = Hunt(rig, kind, search)
        for fault in (None, *({"kind": each, "when": "after", "method": "oauth.token"} for each in LOST)):
            made = rig.portal.tokens.make_code(CLIENT_ID, 1, rig.server.clock.now())
            hunt.remember()
            search.forms |= {made.code}
            code = read_redirect(f"https://x.example/?code={made.code}&state=s", state="s", host="h")
            rig.server.faults.script([fault] if fault else [])
            try:
                outcome = rig.run(kind, Authorization(rig.application_portal(), rig.clock).with_code(code))
            except Bitrix24Error as error:
                outcome = error
            hunt.remember()
            search.clean(outcome, code, *rig.logged)
    search.clean(*capfd.readouterr())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "problem", [OSError("sealed"), KeyboardInterrupt("signal"), SharedStoreError("away")], ids=repr
)
def test_the_frames_of_a_store_that_fails_show_no_token(tmp_path, kind, problem):
    """Its own frames hold the pair that it should write; a note says where it failed."""

    def failing(change):
        after = change(rig.store.kept)
        tokens = f"{after.pair.access_token} {after.pair.refresh_token}"
        if after.pair == rig.store.kept.pair:
            return claimed(change)
        raise problem.with_traceback(None) from ValueError(f"{len(tokens)} characters")

    with token_rig(tmp_path) as rig:
        rig.authorize()
        rig.expire()
        claimed, rig.store.update = rig.store.update, failing
        with pytest.raises(type(problem)) as caught:
            rig.do(kind, "call", "scope")
        tokens = rig.portal.tokens
        secrets = [CLIENT_SECRET, *tokens._by_access, *tokens._by_refresh, *tokens.used]
        lines = [line for line in shown_by_frames(caught.value) if line.startswith("LOCAL") and "/tests/" not in line]
        assert [line for line in lines for each in secrets if each in line] == []
        assert len(lines) > 20
    noted = "".join(getattr(caught.value, "__notes__", ()))
    assert ("in failing" in noted) is isinstance(problem, OSError)


def test_what_holds_a_secret_does_not_show_it(tmp_path):
    with Search() as search, token_rig(tmp_path) as rig:
        pair = rig.authorize()
        code = AuthorizationCode("c0de" * 9)
        search.forms = {CLIENT_SECRET, pair.access_token, pair.refresh_token, "c0de"}
        portal = rig.application_portal()
        claim = Claim(host="h", pid=1, at=1.0, pair=pair.fingerprint)
        kept = dataclasses.replace(rig.store.kept, claim=claim)
        search.clean(portal, pair, code, kept, claim.as_record(), portal.authorize_url("state"))
        search.clean(refresh_request(portal, pair), code_request(portal, "https://oauth.bitrix.info", code))
        with rig.client() as client:
            search.clean(client.portal, client._channel, client._channel.tokens, client.token_info())
        assert portal.authorize_url("s").endswith(f"client_id={CLIENT_ID}&state=s")
        assert pickle.loads(pickle.dumps(pair)) == pair, "a pair can be kept anywhere"  # noqa: S301
        assert sys.exc_info() == (None, None, None)
