"""What becomes of a request with a fault: refused at once, or how far its commands run and what is answered.

| kind | commands | answer |
|---|---|---|
| ``refused`` ``operating`` ``redirect`` ``denied`` | none | 503, 429, 302, 401 |
| ``unreachable`` | none | no connection |
| ``lost_before`` | none | none |
| ``lost_after`` ``no_answer`` | all | none (at once, after the client's patience) |
| ``html_after`` ``empty_after`` ``cut_after`` | all | a page of a proxy, nothing, half of the JSON |
| ``midway`` | some before, the rest later or never | none |
| ``late`` | all, later | none |
| ``core_after`` ``encoding`` | all | 500, 200 with an error |
| ``server_error`` | none | 500 |
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.histories.plan import RequestFault


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back; without a status nothing does."""

    status: int = 0
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"

    @property
    def certain(self) -> bool:
        """Whether it shows that nothing was executed."""
        return HTTPStatus.OK < self.status != HTTPStatus.INTERNAL_SERVER_ERROR


def failure(status: int, code: str, text: str = "") -> Answer:
    """Return the answer that stands for an error."""
    return Answer(status, json.dumps({"error": code, "error_description": text}).encode())


NOTHING = Answer()
GATEWAY_TIMEOUT = Answer(504, b"<html>Gateway Time-out</html>", "text/html")
_REFUSALS = {
    "refused": failure(503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
    "operating": failure(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
    "redirect": Answer(302, b"", "text/html"),
    "denied": failure(401, "INVALID_CREDENTIALS", "Invalid request credentials"),
    "lost_before": NOTHING,
    "server_error": failure(500, "INTERNAL_SERVER_ERROR"),
}
_LAST_WORDS: dict[str, Callable[[Answer], Answer]] = {
    "lost_after": lambda _: NOTHING,
    "html_after": lambda _: Answer(502, b"<html>nginx</html>", "text/html"),
    "empty_after": lambda _: Answer(200, b"", "text/html"),
    "cut_after": lambda whole: Answer(200, whole.body[: len(whole.body) // 2], whole.content_type),
    "core_after": lambda _: failure(500, "INTERNAL_SERVER_ERROR"),
    "encoding": lambda _: failure(200, "WRONG_ENCODING"),
    "midway": lambda _: NOTHING,
    "late": lambda _: NOTHING,
}


@dataclass(frozen=True, slots=True)
class Course:
    """How a request goes that is not refused.

    :param cut_before: the command before which the client loses it; the rest runs ``resumes_after`` seconds later,
        or never if that is negative.
    :param silent: no answer ever comes.
    :param certain: the answer is an error of the portal's own, so that execution is over.
    """

    answer: Callable[[Answer], Answer] = lambda whole: whole
    cut_before: int | None = None
    resumes_after: float = 0.0
    silent: bool = False
    certain: bool = False


_HEALTHY = Course()


def refusal(fault: RequestFault | None) -> Answer | None:
    """Return the answer to a request of which no command runs."""
    return None if fault is None else _REFUSALS.get(fault.kind)


def course(fault: RequestFault | None, commands: int) -> Course:
    """Return how a request of so many commands goes."""
    if fault is None:
        return _HEALTHY
    answer = _LAST_WORDS.get(fault.kind, _HEALTHY.answer)
    match fault.kind:
        case "midway":
            return Course(answer, int(fault.share * commands), fault.delay)
        case "late":
            return Course(answer, 0, max(0.0, fault.delay))
        case "no_answer":
            return Course(silent=True)
        case "core_after" | "encoding":
            return Course(answer, certain=True)
    return Course(answer)
