"""The webhook's secret is part of every URL: whatever fails, it is found nowhere outside the request itself.

Every failure is played with both clients while all loggers write at DEBUG; then output, log records, tracebacks
(with chained ones and the package's local variables), texts of all objects, pickles and reports are searched.
"""

from __future__ import annotations

import io
import logging
import pickle
import socket
import traceback

import pytest

from airflow_provider_bitrix24.client import parse_webhook_url
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.protocol.wire import Call, encode
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.client_bench import ClientBench
from tests.support.downtime import taken_down
from tests.support.drivers import KINDS
from tests.support.misbehaving_server import MisbehavingServer, answering, refusing_port, resetting, send, silent

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover; tracing them takes longer than they do

NEEDLE = "s3cr3t0fth3w3bh00k"
SECRET = f"{NEEDLE}%&'(~"
ENCODED = f"{NEEDLE}%25%26%27%28~"
PROXY_NEEDLE = "pr0xyp4ssw0rd"
FORMS = (NEEDLE, PROXY_NEEDLE)
LOST = ["reset", "cut", "cut_body", "truncated", "empty:200", "html:200", "html:502", "html:503", "error:500", "refuse"]
ECHO = f"GET /rest/1/{ENCODED}/batch or {SECRET} failed"


def echoing(status, code, kind=FaultKind.ERROR):
    """A portal, or something in front of it, that repeats the URL in its answer."""
    return Fault(kind=kind, status=status, code=code, description=ECHO)


REDIRECT = Fault(kind=FaultKind.REDIRECT, location=f"https://renamed.bitrix24.com/rest/1/{ENCODED}/batch")
SCRIPTS = [
    *[[None, kind] for kind in LOST],
    *[[kind] * 12 for kind in ("reset", "html:200", "error:500", "refuse")],
    [REDIRECT],
    [None, REDIRECT],
    [None, None, REDIRECT],
    [echoing(401, "INVALID_CREDENTIALS")],
    [echoing(400, "")],
    [None, echoing(500, "ERROR_CORE")],
    [None, echoing(403, "ACCESS_DENIED")],
    [None, None, echoing(401, "INVALID_CREDENTIALS")],
    [echoing(200, "ACCESS_DENIED", FaultKind.COMMAND_ERROR)],
    [None, echoing(200, "ACCESS_DENIED", FaultKind.COMMAND_ERROR)],
    [None, echoing(200, "ERROR_CORE", FaultKind.COMMAND_ERROR)],
]


class Search:
    """Collects everything that could show a secret."""

    def __init__(self, forms=FORMS):
        self.forms = forms
        self.stream = io.StringIO()
        self.masked = 0
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))

    def __enter__(self):
        root = logging.getLogger()
        known = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
        self.levels = {logger: logger.level for logger in (root, *known)}
        for logger in self.levels:  # an application such as Airflow, imported by other tests, makes some less talkative
            logger.setLevel(logging.DEBUG)
        root.addHandler(self.handler)
        return self

    def __exit__(self, *_):
        logging.getLogger().removeHandler(self.handler)
        for logger, level in self.levels.items():
            logger.setLevel(level)

    def clean(self, *things):
        for thing in things:
            for shown in self._shown(thing):
                assert not any(form in shown for form in self.forms), shown
        logged = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        self.masked += logged.count("/rest/1/***/")
        assert not any(form in logged for form in self.forms), [
            line for line in logged.splitlines() if any(form in line for form in self.forms)
        ]

    def _shown(self, thing):
        yield repr(thing)
        yield str(thing)
        if hasattr(thing, "__dict__"):
            yield repr(vars(thing))
        if hasattr(thing, "as_dict"):
            yield repr(thing.as_dict())
        if isinstance(thing, BaseException):
            yield "".join(traceback.format_exception(thing))
            yield "".join(self._locals(thing))
            yield repr(pickle.loads(pickle.dumps(thing)))  # noqa: S301
            yield pickle.dumps(thing).decode("latin1")
        elif hasattr(thing, "results"):
            yield pickle.dumps(thing).decode("latin1")

    def _locals(self, error):
        """The local variables of the package's own frames, as a traceback with locals prints them."""
        while error is not None:
            for frame, _ in traceback.walk_tb(error.__traceback__):
                if "airflow_provider_bitrix24" in frame.f_code.co_filename:
                    yield from (f"{name} = {value!r}\n" for name, value in frame.f_locals.items())
            error = error.__cause__ or error.__context__


class Failing(ClientBench):
    """A bench whose client uses the secret, and hands out everything it was made of."""

    def __enter__(self):
        super().__enter__()
        self.portal.accounts.add_webhook(1, SECRET)
        self.url = f"{self.server.url}/rest/1/{ENCODED}/"
        self.log.propagate = True
        self.made = []
        return self

    def client_parts(self, url=None):
        portal, options = super().client_parts(url or self.url)
        self.made += [portal, *options.values()]
        return portal, options

    def do(self, method, *args, **kwargs):
        try:
            return super().do(method, *args, **kwargs)
        finally:
            self.made += self.outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_failures_of_the_portal_show_no_secret(kind, capfd):
    with Search() as search:
        for script in SCRIPTS:
            with Failing(kind) as bench:
                targets = bench.stairs(30)
                bench.server.faults.script(script)
                bench.fire(targets)
                bench.server.faults.script(script)
                bench.fire(targets[:1], verify=False)
                bench.server.faults.script([step for step in script if step] * 3)
                bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 1})
                bench.do("batch", {"a": ("crm.item.get", {"entityTypeId": 2, "id": 999})})
                bench.do("list", "crm.item.list", {"entityTypeId": 2})
                bench.do("get_stages", targets)
                bench.do("diagnose")
                bench.server.faults.script(script)
                bench.do("find_entities", "DEAL", {"stageId": "NEW"})
                bench.server.faults.script([None, *script])
                bench.do("update_entities", [{"target": each, "fields": {"stageId": "WON"}} for each in targets])
                search.clean(*bench.made, *bench.logged, *bench.outcomes)
                assert any(isinstance(outcome, Bitrix24Error) or outcome for outcome in bench.outcomes)
        with Failing(kind) as bench:
            bench.portal.accounts.remove_webhook(SECRET)
            bench.fire(bench.deals(2))
            bench.portal.settings.renamed_to = "renamed.bitrix24.com"
            bench.fire(["DEAL_1"])
            with taken_down(bench.server):
                bench.fire(["DEAL_1"])
            search.clean(*bench.made, *bench.logged)
        assert search.masked > 100, "the libraries' own lines are there, without the secret"
    search.clean(*capfd.readouterr())


def failures_of_sockets(kind, monkeypatch):
    path = f"rest/1/{ENCODED}/"
    echo = f"HTTP/1.1 200 OK\r\nContent-Type: /rest/1/{ENCODED}/x\r\nContent-Length: 1\r\n\r\n<".encode()
    refusal = b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"
    for behave in (answering(b""), resetting, answering(b"nonsense\r\n"), answering(echo)):
        with MisbehavingServer(behave) as server:
            yield send(kind, f"http://127.0.0.1:{server.port}/{path}")
    with MisbehavingServer(silent) as server:
        yield send(kind, f"http://127.0.0.1:{server.port}/{path}", read_timeout=0.05)
        yield send(kind, f"https://127.0.0.1:{server.port}/{path}", connect_timeout=0.05, read_timeout=0.05)
    with MisbehavingServer(answering(refusal)) as proxy:
        address = f"http://user:{PROXY_NEEDLE}@127.0.0.1:{proxy.port}"
        yield send(kind, f"https://example.bitrix24.com/{path}", proxy=address)
    with refusing_port() as port:
        yield send(kind, f"https://example.bitrix24.com/{path}", proxy=f"http://user:{PROXY_NEEDLE}@127.0.0.1:{port}")
        yield send(kind, f"http://127.0.0.1:{port}/{path}")
    with SimulatorServer(tls=True) as server:
        yield send(kind, f"{server.url}/{path}")
    with SimulatorServer() as server:
        yield send(kind, f"https://127.0.0.1:{server.port}/{path}")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: (_ for _ in ()).throw(socket.gaierror(-2, "No")))
    yield send(kind, f"https://no-such-portal.invalid/{path}")


@pytest.mark.parametrize("kind", KINDS)
def test_failures_of_the_network_show_no_secret(kind, capfd, monkeypatch):
    with Search() as search:
        outcomes = [outcome for [outcome] in failures_of_sockets(kind, monkeypatch)]
        assert all(isinstance(outcome.reply, Bitrix24Error) for outcome in outcomes)
        search.clean(*outcomes, *(outcome.reply for outcome in outcomes))
    search.clean(*capfd.readouterr())


def test_what_holds_the_secret_does_not_show_it(capfd):
    pasted = parse_webhook_url(f"https://example.bitrix24.com/rest/1/{ENCODED}/")
    with Search() as search:
        search.clean(pasted, pasted.portal, encode(pasted.portal, Call("scope")))
        for call in (Call("m", {"x": object()}), Call("m", {"x": "\ud800"})):
            with pytest.raises(Bitrix24Error) as caught:
                encode(pasted.portal, call)
            search.clean(caught.value)
    search.clean(*capfd.readouterr())


@pytest.mark.parametrize("text", [f"a {SECRET} b", f"a {ENCODED} b", f"https://x/rest/1/{ENCODED}/m"])
def test_a_portal_masks_its_secret_in_any_text(text):
    portal = parse_webhook_url(f"https://example.bitrix24.com/rest/1/{ENCODED}/").portal
    assert NEEDLE not in portal.redact(text)
    assert "***" in portal.redact(text)
