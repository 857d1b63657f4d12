"""A portal in the state that the numbered cases start from, and a plain HTTP client to speak to it."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL
from airflow_provider_bitrix24.simulator.portal.model import Access, User
from airflow_provider_bitrix24.simulator.portal.stages import build_pipeline
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORT_STAGES = (
    ("NEW", "New", None, "#39A8EF"),
    ("PREPARATION", "Preparation", None, "#2FC6F6"),
    ("EXECUTING", "Executing", None, "#47E4C2"),
    ("WON", "Won", "S", "#7BD500"),
    ("LOSE", "Lost", "F", "#FF5752"),
)


@dataclass
class Reply:
    """What came over the socket."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def result(self) -> Any:
        assert self.status == 200, (self.status, self.body)
        return self.json["result"]

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.json["error"], self.json["error_description"]


class Portal:
    """A client of one portal that follows nothing, retries nothing and hides nothing."""

    def __init__(self, server: SimulatorServer) -> None:
        self.server = server
        self.portal = server.portal
        self.base = "/rest/1/sec/"

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Reply:
        parts = urlsplit(self.server.url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cadata=self.server.certificate)
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=10, context=context)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
        finally:
            connection.close()

    def get(self, method: str, query: str = "", headers: dict[str, str] | None = None) -> Reply:
        """Call a method with a raw query string, exactly as given."""
        return self.request("GET", self.base + method + (f"?{query}" if query else ""), headers=headers)

    def post(self, method: str, params: Any, headers: dict[str, str] | None = None) -> Reply:
        """Call a method with a JSON body."""
        headers = {"Content-Type": "application/json", **(headers or {})}
        return self.request("POST", self.base + method, json.dumps(params), headers)

    def form(self, method: str, params: dict[str, str]) -> Reply:
        """Call a method with a form body."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", self.base + method, urlencode(params), headers)

    def trigger(self, target: str, code: str | None = "c5u4m") -> Reply:
        """Fire the webhook trigger, parameters encoded."""
        query = f"target={quote(target, safe='')}" + ("" if code is None else f"&code={quote(code, safe='')}")
        return self.get("crm.automation.trigger/", query)

    def batch(self, cmd: Any, halt: Any = 0) -> Reply:
        """Send a batch as JSON."""
        return self.post("batch", {"cmd": cmd, "halt": halt})

    def oauth(self, **params: str) -> Reply:
        """Ask the token endpoint."""
        return self.request("GET", f"/oauth/token/?{urlencode(params)}")

    def at(self, target: str) -> str:
        return self.portal.stage_of(target)

    def moves_in_history(self, target: str) -> list[tuple[int, str]]:
        """Return kind and stage of every row behind the one of creation."""
        return [(int(row.kind), row.stage_id) for row in self.portal.history_of(target)[1:]]

    def add_user(self, user_id: int, secret: str, access: Access = Access.ALL, **extra: Any) -> None:
        """Add a user who is no administrator, with a webhook."""
        self.portal.accounts.add_user(User(user_id, login=f"user{user_id}", is_admin=False, access=access, **extra))
        self.portal.accounts.add_webhook(user_id, secret)


def set_up_s1(server: SimulatorServer) -> None:
    """Set the stage for the numbered cases: deal 57 at NEW, two triggers, an administrator's webhook ``sec``."""
    portal = server.portal
    portal.add_pipeline(build_pipeline(DEAL, 0, "Sales", SHORT_STAGES, is_default=True))
    portal.accounts.add_webhook(1, "sec")
    portal.add_trigger("PREPARATION", code="c5u4m")
    portal.add_trigger("EXECUTING", code="exec")
    portal.add_deal(id=57)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still unless a test advances it or a request takes time."""
    return Clock(virtual=True)


@pytest.fixture
def s1(clock: Clock) -> Iterator[Portal]:
    """The portal of the numbered cases. No test may make the simulator itself fail."""
    with SimulatorServer(clock=clock) as server:
        set_up_s1(server)
        yield Portal(server)
        assert server.crashes == []
