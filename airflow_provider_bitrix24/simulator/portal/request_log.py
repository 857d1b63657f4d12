"""The log of requests to a portal, secrets hidden, for tests and the board."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "***"
SECRET_PARAMETERS = frozenset(
    {"auth", "access_token", "refresh_token", "client_secret", "ap", "aplogin", "token", "code_verifier"}
)
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(slots=True)
class RecordedRequest:
    """One request. `moment` and `duration` are seconds of the portal's clock."""

    number: int
    moment: float
    source: str
    http_method: str
    path: str
    method: str
    params: dict[str, Any]
    user_agent: str
    commands: int = 0
    status: int = 0
    error: str | None = None
    """The `error` key of the response; ``None`` when it has none."""
    duration: float = 0.0
    fault: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The request as the control API shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


def hide_secrets(params: dict[str, Any]) -> dict[str, Any]:
    """`params` without the values of credentials."""
    if SECRET_PARAMETERS.isdisjoint(params):
        return params
    return {name: HIDDEN if name in SECRET_PARAMETERS else value for name, value in params.items()}


def hide_headers(headers: dict[str, str]) -> dict[str, str]:
    """`headers` without credentials."""
    if SECRET_HEADERS.isdisjoint(headers):
        return headers
    return {name: HIDDEN if name in SECRET_HEADERS else value for name, value in headers.items()}


class RequestLog:
    """The last requests, and counts of all requests."""

    def __init__(self, keep: int = 5_000) -> None:
        self._requests: deque[RecordedRequest] = deque(maxlen=keep)
        self.total = 0
        self.statuses: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(tuple(self._requests))

    def __getitem__(self, index: int) -> RecordedRequest:
        return self._requests[index]

    def open(
        self, *, moment: float, source: str, http_method: str, path: str, method: str, headers: dict[str, str]
    ) -> RecordedRequest:
        """Start the record of a request; the caller fills in the rest."""
        self.total += 1
        return RecordedRequest(
            number=self.total,
            moment=moment,
            source=source,
            http_method=http_method,
            path=path,
            method=method,
            params={},
            user_agent=headers.get("user-agent", ""),
            headers=headers,
        )

    def close(self, recorded: RecordedRequest) -> None:
        """Add a finished record to the log."""
        self._requests.append(recorded)
        self.statuses[recorded.status] = self.statuses.get(recorded.status, 0) + 1

    def last(self, count: int) -> list[RecordedRequest]:
        """The newest `count` requests, the newest last."""
        return list(self._requests)[-count:]

    def of_method(self, method: str) -> list[RecordedRequest]:
        """The kept requests that called a REST method."""
        return [each for each in self._requests if each.method == method]

    def clear(self) -> None:
        """Forget all requests."""
        self._requests.clear()
        self.total = 0
        self.statuses.clear()
