"""The log of requests to a portal, secrets hidden, for tests and the board."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN = "***"
SECRET_PARAMETERS = frozenset(
    {"auth", "access_token", "refresh_token", "client_secret", "ap", "aplogin", "token", "code_verifier"}
)
SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_IN_COMMANDS: Final = re.compile(rf"(?<=[?&])({'|'.join(SECRET_PARAMETERS)})=[^&#]*")
_MAX_BYTES: Final = 16 * 1024 * 1024
"""As much of requests, counted as they were sent, is kept; one of 50 commands has some 4 kB."""
_MAX_BYTES_OF_ONE: Final = 1024 * 1024


@dataclass(slots=True)
class RecordedCommand:
    """One command of a batch, and what was answered."""

    key: str
    method: str
    params: dict[str, Any] = field(default_factory=dict)
    answer: str = ""
    """A summary: ``true``, ``50 items``, or the description of an error; empty when the command was never finished."""
    error: str | None = None
    """The `error` key of the answer; ``None`` when it has none."""


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
    answers: list[RecordedCommand] = field(default_factory=list)
    """The commands of a batch, each with its answer."""
    size: int = 0
    """Bytes of the request as it was sent."""

    def as_dict(self) -> dict[str, Any]:
        """The request as the control API shows it."""
        shown = {name: getattr(self, name) for name in self.__slots__}
        return shown | {"answers": [asdict(each) for each in self.answers]}


def hide_secrets(params: dict[str, Any]) -> dict[str, Any]:
    """`params` without the values of credentials, also of those in the commands of a batch."""
    hidden = {name: HIDDEN for name in params if name in SECRET_PARAMETERS}
    for name, value in params.items():
        if name.lower() == "cmd" and isinstance(value, (dict, list)):
            hidden[name] = _hide_in_commands(value)
    return params | hidden if hidden else params


def _hide_in_commands(commands: Any) -> Any:
    if isinstance(commands, dict):
        return {key: _hide_in_command(each) for key, each in commands.items()}
    return [_hide_in_command(each) for each in commands]


def _hide_in_command(command: Any) -> Any:
    return _IN_COMMANDS.sub(rf"\1={HIDDEN}", command) if isinstance(command, str) else command


def hide_headers(headers: dict[str, str]) -> dict[str, str]:
    """`headers` without credentials."""
    if SECRET_HEADERS.isdisjoint(headers):
        return headers
    return {name: HIDDEN if name in SECRET_HEADERS else value for name, value in headers.items()}


def summarize(result: Any) -> str:
    """A command's result in a few words.

    >>> [summarize(each) for each in (True, 57, {"items": [1, 2]}, {"item": {"id": 57}}, [])]
    ['true', '57', '2 items', 'item 57', '0 rows']
    """
    if isinstance(result, bool) or result is None:
        return str(result).lower() if result is not None else "null"
    if isinstance(result, list):
        return f"{len(result)} rows"
    if not isinstance(result, dict):
        return str(result)[:60]
    if isinstance(items := result.get("items"), list):
        return f"{len(items)} items"
    if isinstance(item := result.get("item"), dict):
        return f"item {item.get('id', '')}".strip()
    return f"{len(result)} fields"


class RequestLog:
    """The last requests, and counts of all requests.

    Of requests larger than 1 MB the parameters are not kept, and no more than 16 MB of all requests together.
    """

    def __init__(self, keep: int = 5_000) -> None:
        self._requests: deque[RecordedRequest] = deque()
        self._keep = keep
        self._bytes = 0
        self.total = 0
        self.statuses: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[RecordedRequest]:
        return iter(tuple(self._requests))

    def __getitem__(self, index: int) -> RecordedRequest:
        return self._requests[index]

    def open(
        self,
        *,
        moment: float,
        source: str,
        http_method: str,
        path: str,
        method: str,
        headers: dict[str, str],
        size: int = 0,
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
            size=size,
        )

    def close(self, recorded: RecordedRequest) -> None:
        """Add a finished record to the log."""
        if recorded.size > _MAX_BYTES_OF_ONE:
            recorded.params, recorded.answers = {}, []
            recorded.size = _MAX_BYTES_OF_ONE
        self._requests.append(recorded)
        self._bytes += recorded.size
        while len(self._requests) > self._keep or self._bytes > _MAX_BYTES:
            self._bytes -= self._requests.popleft().size
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
        self._bytes = 0
        self.total = 0
        self.statuses.clear()
