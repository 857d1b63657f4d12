"""The effects that a flow can request from its driver, and the results that it gets back. Values only.

A flow is a generator that yields effects; a driver (:mod:`..transports`) performs them. For example, one call that is
refused once::

    Acquire(1)              -> Acquired(count=1, wait=0.0, now=10.0)
    Send((request,))        -> (HttpResponse(status=503, ...),)
    Log("...")              -> None
    Sleep(1.2, "retry")     -> 11.3
    Acquire(1, refused=1)   -> Acquired(count=1, wait=0.4, now=11.3)
    Sleep(0.4, "pace")      -> 11.7
    Send((request,))        -> (HttpResponse(status=200, ...),)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.limits.operating import Knowledge
    from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim
    from airflow_provider_bitrix24.client.protocol.wire import HttpRequest


@dataclass(frozen=True, slots=True)
class Send:
    """Send these requests together and wait for all of them.

    Result: a tuple with an :class:`~..protocol.wire.HttpResponse` or :class:`NoResponse` for each, in the same order.
    """

    requests: tuple[HttpRequest, ...]


@dataclass(frozen=True, slots=True)
class NoResponse:
    """A request that got no answer. Times are seconds of the driver's monotonic clock."""

    error: Bitrix24Error
    sent_at: float
    received_at: float


SleepKind = Literal["pace", "retry", "operating", "settle", "token"]
"""Why a flow waits: to keep the request limit (``pace``), after a refusal or failure (``retry``), for the limit of
working time (``operating``), until a request without an answer is certainly over (``settle``), or while another process
refreshes an application's tokens (``token``)."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for some seconds. Result: the time afterwards."""

    seconds: float
    kind: SleepKind


@dataclass(frozen=True, slots=True)
class Acquire:
    """Take tokens from the portal's bucket before sending. Result: :class:`Acquired`.

    ``refused`` counts the requests that the portal has refused since tokens were last taken.
    """

    want: int
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Acquired:
    """``count`` requests may be sent after ``wait`` seconds; ``now`` is the time at which they were taken."""

    count: int
    wait: float
    now: float


@dataclass(frozen=True, slots=True)
class ShareCost:
    """Exchange with other processes what a command called ``name`` costs.

    ``measured`` is what this process found, in seconds, or ``None`` to ask. Result:
    :class:`~..limits.cost.SharedCost`.
    """

    name: str
    measured: float | None = None


@dataclass(frozen=True, slots=True)
class ShareWorkingTime:
    """Report what is known about a credential's working time, and hold some of it before requests are sent.

    ``credential`` names it without giving it away. Times of the report and of the result, a
    :class:`~..limits.working_time.WorkingTimeGrant`, are seconds from now on.
    """

    credential: str
    report: Knowledge
    claim: WorkingTimeClaim


@dataclass(frozen=True, slots=True)
class Save:
    """Keep a part of the firing's checkpoint where a next try finds it, before anything else is done.

    Result: the time then.

    ``ahead`` says that requests leave next, which the part lists as open.
    """

    part: str
    value: dict[str, Any]
    ahead: bool


@dataclass(frozen=True, slots=True)
class Consult:
    """Call a function that may block, such as one that reads a store of tokens. Result: what it returns.

    In an event loop it is called in another thread. What it raises ends the flow.
    """

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Uninterrupted:
    """Perform a flow that must not end in its middle. Result: what it returns.

    A caller that is cancelled or signalled meanwhile ends after the flow, for which there is a time limit.
    """

    flow: Generator[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Log:
    """Write a log message. Result: none."""

    message: str
    level: int = logging.INFO


class CheckpointStore(Protocol):
    """Where one firing's checkpoint is kept between tries, in parts."""

    @property
    def is_retry(self) -> bool:
        """Whether an earlier try may have fired, also where nothing of it was kept."""

    def load(self, part: str) -> Any:
        """What was saved last as this part, or ``None``."""

    def save(self, part: str, value: dict[str, Any], *, ahead: bool) -> None:
        """Keep a part, which is plain JSON. Raises where that fails: then nothing more may be sent.

        :param ahead: whether requests leave next, which the part lists as open. To end this try before them,
            raise without keeping it: what was kept last is all that is known.
        """

    def wait(self, seconds: float, kind: str) -> None:
        """A wait begins, with everything saved if it is long. May raise to end this try; a next one resumes."""


Effect = Send | Sleep | Acquire | ShareCost | ShareWorkingTime | Save | Consult | Uninterrupted | Log

UNINTERRUPTED_SECONDS = 20.0
"""For how long an interruption waits for the end of an uninterrupted flow."""

T = TypeVar("T")
Flow = Generator[Effect, Any, T]
"""A generator of effects that returns a ``T``."""
