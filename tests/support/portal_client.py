"""A plain HTTP client of a simulated portal, and the content that the simulator's tests start with."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL
from airflow_provider_bitrix24.simulator.portal.model import Access, User
from airflow_provider_bitrix24.simulator.portal.stages import build_pipeline

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.testing import SimulatorServer

PATIENCE_SECONDS = 60
"""After how long a test that waits for an answer, a process or a thread fails instead of hanging."""
SECRET = "sec"
"""The secret of an administrator's webhook, which :func:`add_sales_content` adds."""
SALES_STAGES = (
    ("NEW", "New", None, "#39A8EF"),
    ("PREPARATION", "Preparation", None, "#2FC6F6"),
    ("EXECUTING", "Executing", None, "#47E4C2"),
    ("WON", "Won", "S", "#7BD500"),
    ("LOSE", "Lost", "F", "#FF5752"),
)


@dataclass
class Response:
    """What came back over the socket."""

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


class PortalClient:
    """A client of one portal that follows no redirect, retries nothing and hides nothing."""

    def __init__(self, server: SimulatorServer) -> None:
        self.server = server
        self.portal = server.portal
        self.base = f"/rest/1/{SECRET}/"

    def request(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> Response:
        connection = self._connect()
        try:
            connection.request(method, path, body.encode() if isinstance(body, str) else body, headers or {})
            answer = connection.getresponse()
            return Response(answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()})
        finally:
            connection.close()

    def get(self, method: str, query: str = "", headers: dict[str, str] | None = None) -> Response:
        """Call a method with a raw query string, exactly as given."""
        return self.request("GET", self.base + method + (f"?{query}" if query else ""), headers=headers)

    def post(self, method: str, params: Any, headers: dict[str, str] | None = None) -> Response:
        """Call a method with a JSON body."""
        headers = {"Content-Type": "application/json", **(headers or {})}
        return self.request("POST", self.base + method, json.dumps(params), headers)

    def form(self, method: str, params: dict[str, str]) -> Response:
        """Call a method with a form body."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.request("POST", self.base + method, urlencode(params), headers)

    def trigger(self, target: str, code: str | None = "c5u4m") -> Response:
        """Fire the webhook trigger, parameters encoded."""
        query = f"target={quote(target, safe='')}" + ("" if code is None else f"&code={quote(code, safe='')}")
        return self.get("crm.automation.trigger/", query)

    def batch(self, cmd: Any, halt: Any = 0) -> Response:
        """Send a batch as JSON."""
        return self.post("batch", {"cmd": cmd, "halt": halt})

    def update_item(self, item_id: int = 57, type_id: int = DEAL, **fields: Any) -> Response:
        """Call ``crm.item.update``."""
        return self.post("crm.item.update", {"entityTypeId": type_id, "id": item_id, "fields": fields})

    def call_with_token(self, token: str, method: str, **params: Any) -> Response:
        """Call a method as an application does."""
        self.base = "/rest/"
        return self.post(method, {**params, "auth": token})

    def oauth(self, **params: str) -> Response:
        """Ask the token endpoint."""
        return self.request("GET", f"/oauth/token/?{urlencode(params)}")

    def control(self, path: str, data: Any = None, method: str | None = None) -> tuple[int, Any]:
        """Ask the control API; with `data` by POST. Returns the status and the JSON."""
        body = None if data is None else json.dumps(data)
        answer = self.request(method or ("GET" if data is None else "POST"), f"/_simulator/{path}", body)
        return answer.status, answer.json

    def stage_of(self, target: str) -> str:
        return self.portal.stage_of(target)

    def moves_in_history(self, target: str) -> list[tuple[int, str]]:
        """Return kind and stage of every row after the one of creation."""
        return [(int(row.kind), row.stage_id) for row in self.portal.history_of(target)[1:]]

    def sign_in_as(self, user_id: int, access: Access = Access.ALL, **extra: Any) -> None:
        """Add a user who is not an administrator, and call by a webhook of that user from now on."""
        self.portal.accounts.add_user(User(user_id, login=f"user{user_id}", is_admin=False, access=access, **extra))
        self.portal.accounts.add_webhook(user_id, f"secret-of-{user_id}")
        self.base = f"/rest/{user_id}/secret-of-{user_id}/"

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.server.url)
        if parts.scheme == "https":
            context = ssl.create_default_context(cadata=self.server.certificate)
            return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=PATIENCE_SECONDS, context=context)
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE_SECONDS)


def add_sales_content(portal: Portal) -> None:
    """Add a short sales pipeline with two triggers, deal 57 at its first stage, and an administrator's webhook."""
    portal.add_pipeline(build_pipeline(DEAL, 0, "Sales", SALES_STAGES, is_default=True))
    portal.accounts.add_webhook(1, SECRET)
    portal.add_trigger("PREPARATION", code="c5u4m")
    portal.add_trigger("EXECUTING", code="exec")
    portal.add_deal(id=57)


def assert_accepted(response: Response) -> None:
    """Check that a call of the trigger got the portal's constant answer."""
    times = {"start", "finish", "duration", "processing", "date_start", "date_finish"}
    assert response.result is True
    assert set(response.json) == {"result", "time"}
    assert set(response.json["time"]) == times | {"operating_reset_at", "operating"}


def assert_moved_once(client: PortalClient) -> None:
    """Check that deal 57 has moved to PREPARATION, with one row of history and one outgoing event."""
    assert client.stage_of("DEAL_57") == "PREPARATION"
    assert client.moves_in_history("DEAL_57") == [(2, "PREPARATION")]
    assert client.portal.find("DEAL_57").moved_by == 0
    assert [event.name for event in client.portal.events.outgoing] == ["ONCRMDEALUPDATE"]
    assert client.portal.moves["DEAL_57"] == 1


def assert_nothing_happened(client: PortalClient) -> None:
    """Check that deal 57 is where it was, and that nothing at all was recorded."""
    assert client.stage_of("DEAL_57") == "NEW"
    assert client.moves_in_history("DEAL_57") == []
    assert not client.portal.events.outgoing
