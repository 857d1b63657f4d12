"""One call to a portal, written once for both drivers: send it, and where it is refused, wait and repeat it.

Each function is a generator that yields effects (:mod:`.effects`) and is sent their results. Nothing in it touches a
socket or a clock, so a test is a list of effects and results.
"""

from __future__ import annotations

import logging
import random as random_module
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    Bitrix24Error,
    OperatingLimitError,
    PermissionDeniedError,
    PortalUnavailableError,
    ProtocolError,
    RateLimitError,
    TransportError,
)
from airflow_provider_bitrix24.client.flows.effects import (
    Acquire,
    Acquired,
    Flow,
    Log,
    NoResponse,
    Send,
    Sleep,
    SleepKind,
)
from airflow_provider_bitrix24.client.flows.portal_clock import PortalClock
from airflow_provider_bitrix24.client.flows.working_time import HeldTime
from airflow_provider_bitrix24.client.limits.operating import OperatingBudget
from airflow_provider_bitrix24.client.limits.retry import Backoff, RetryPolicy
from airflow_provider_bitrix24.client.limits.work import Work, WorkEstimate
from airflow_provider_bitrix24.client.protocol.error_codes import TOKEN_CODES, classify
from airflow_provider_bitrix24.client.protocol.pagination import Page, first_page, read_page
from airflow_provider_bitrix24.client.protocol.wire import Call, HttpResponse, Params, Reply, encode
from airflow_provider_bitrix24.client.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow_provider_bitrix24.client.portal import Portal
    from airflow_provider_bitrix24.client.protocol.wire import Bearer

_OF_A_CREDENTIAL = (
    AuthenticationError,
    PermissionDeniedError,
    PortalUnavailableError,
    ProtocolError,
    TransportError,
)
"""Errors that often lie in what a person has entered."""
LOG_FROM = 5.0
"""Seconds from which on a wait is logged."""


class Tokens(Protocol):
    """Tokens that authorize requests, where the portal's URL holds no secret."""

    @property
    def pair(self) -> Bearer | None:
        """What authorizes the next request."""

    @property
    def portal(self) -> Portal:
        """Where it goes."""

    def ready(self) -> Flow[None]:
        """Make sure that there are tokens."""

    def renew(self, refused: AuthenticationError, used: Any) -> Flow[bool]:
        """Get other tokens than those that were used and refused. Returns whether to send the request again."""

    def accepted(self, used: Any) -> None:
        """Note that the portal has accepted the tokens that were used."""

    def redact(self, text: str) -> str:
        """Text without secrets."""

    def advise(self, error: Bitrix24Error) -> None:
        """Let an error say what the tokens' owner should do."""


@dataclass(slots=True, kw_only=True)
class Channel:
    """One credential on one portal, and what is known about it so far."""

    portal: Portal
    tokens: Tokens | None = None
    settings: ClientSettings = field(default_factory=ClientSettings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    operating: OperatingBudget = field(default_factory=OperatingBudget)
    work: WorkEstimate = field(default_factory=WorkEstimate)
    random: Callable[[], float] = field(default_factory=lambda: random_module.random)
    refused: int = 0
    """Requests that the portal has refused since tokens were last taken."""
    portal_clock: PortalClock = field(default_factory=PortalClock)
    """What is known of the time on the portal; all credentials of one firing share it."""

    def improve(self, error: Bitrix24Error) -> None:
        """Take secrets out of an error, and let it say what the credential's owner should do."""
        if self.tokens is None:
            error.redact(self.portal.redact)
        else:
            error.redact(self.tokens.redact)
            self.tokens.advise(error)
        self.name_in(error)

    def name_in(self, error: Bitrix24Error) -> None:
        """Let an error name the credential, if its owner has to change something about it or its address."""
        name = self.portal.name
        said = f"Connection: {name}."
        # An application's advice ends with the command to run, and with the id.
        if name and isinstance(error, _OF_A_CREDENTIAL) and not error.hint.endswith((said, f" {name}")):
            error.hint = f"{error.hint} {said}".lstrip()

    def backoff(self, *, idempotent: bool = False) -> Backoff:
        """Count the tries of a new request.

        :param idempotent: whether repeating it is harmless.
        """
        return Backoff(policy=self.retry, idempotent=idempotent, random=self.random)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one request: a reply or an error, and when (seconds of the driver's clock)."""

    reply: Reply | Bitrix24Error
    sent_at: float
    received_at: float


def sleep(seconds: float, kind: SleepKind, why: str) -> Flow[float]:
    """Wait, and log it where it takes long. Returns the time afterwards."""
    if seconds >= LOG_FROM:
        yield Log(f"Waiting {seconds:.0f} s: {why}.")
    now: float = yield Sleep(seconds, kind)
    return now


def acquire(channel: Channel, want: int) -> Flow[Acquired]:
    """Get ready to send: with a token of the application, and after the wait that the portal's bucket demands.

    After a refusal the wait varies, so that hosts that were refused together do not return together.
    """
    if channel.tokens is not None:
        yield from _naming(channel, channel.tokens.ready())
    refused, channel.refused = channel.refused, 0
    granted: Acquired = yield Acquire(want, refused)
    if granted.wait > 0:
        pause = min(channel.retry.longest_pause, granted.wait * (0.9 + 0.8 * channel.random()))
        now = yield from sleep(pause if refused else granted.wait, "pace", "the portal's request limit")
        granted = Acquired(granted.count, 0.0, now)
    return granted


def ready(channel: Channel, held: HeldTime, want: int) -> Flow[int]:
    """Get ready to send, also with working time. Returns how many requests may be sent, up to ``want``."""
    granted = yield from acquire(channel, want)
    claimed = yield from held.claim(granted.count, granted.now)
    if not claimed.wait:
        return claimed.commands
    while claimed.wait:
        why = f"the working time of {held.work.method} is spent until then"
        now = yield from sleep(claimed.wait + channel.random(), "operating", why)
        claimed = yield from held.claim(granted.count, now)
    # The tokens of before the wait were for then: others have taken theirs since.
    granted = yield from acquire(channel, claimed.commands)
    return granted.count


def send(channel: Channel, calls: Sequence[Call]) -> Flow[list[Attempt]]:
    """Send calls together, once each, for tokens already taken.

    Errors are values. So is a refused token that cannot be replaced: the portal may have executed the other calls.
    """
    tokens = channel.tokens
    portal, pair = (channel.portal, None) if tokens is None else (tokens.portal, tokens.pair)
    requests = tuple(encode(portal, call, pair) for call in calls)
    answers: tuple[HttpResponse | NoResponse, ...] = yield Send(requests)
    attempts = [_read(channel, call, answer, share=len(calls)) for call, answer in zip(calls, answers, strict=True)]
    if tokens is not None:
        yield from _note_refusals(channel, tokens, pair, attempts)
    return attempts


def _naming(channel: Channel, flow: Flow[None]) -> Flow[None]:
    """Let an error of the tokens name the credential."""
    try:
        yield from flow
    except Bitrix24Error as error:
        channel.name_in(error)
        raise


def _note_refusals(channel: Channel, tokens: Tokens, used: Bearer | None, attempts: Sequence[Attempt]) -> Flow[None]:
    """Get another token where the one that was used is refused. The errors then say whether there is one.

    Others that share the tokens may have another one by now, which must not be taken for the refused one.
    """
    refused = [each.reply for each in attempts if _refuses_token(each.reply)]
    if not refused:
        if any(isinstance(each.reply, Reply) for each in attempts):
            tokens.accepted(used)
        return
    try:
        renewed = yield from tokens.renew(refused[0], used)
    except Bitrix24Error as why:
        channel.name_in(why)
        for error in refused:
            error.not_renewed(why)
        return
    if renewed:
        for error in refused:
            error.renewed()


def _refuses_token(reply: Reply | Bitrix24Error) -> TypeGuard[AuthenticationError]:
    return isinstance(reply, AuthenticationError) and reply.code in TOKEN_CODES


def _read(channel: Channel, call: Call, answer: HttpResponse | NoResponse, *, share: int) -> Attempt:
    if isinstance(answer, NoResponse):
        channel.name_in(answer.error)
        return Attempt(answer.error, answer.sent_at, answer.received_at)
    reply = classify(call.method, answer, share=share)
    match reply:
        case Reply():
            channel.operating.note(call.method, reply.timing, answer.received_at)
            channel.portal_clock.note(reply.timing, sent_at=answer.sent_at, received_at=answer.received_at)
        case OperatingLimitError():
            reply.reset_in = channel.operating.note_refusal(call.method, answer.received_at)
        case RateLimitError():
            channel.refused += 1
    if isinstance(reply, Bitrix24Error):
        channel.improve(reply)
    return Attempt(reply, answer.sent_at, answer.received_at)


def attempt(
    channel: Channel, call: Call, inside: Iterable[str] = (), read: Callable[[Reply, Attempt], None] | None = None
) -> Flow[Attempt]:
    """Send a call, and repeat it as long as that is harmless and may help. Errors are values.

    :param inside: the methods of a batch's commands.
    :param read: reads a batch's answer, before other processes get to know the working time that it shows.
    :raises Bitrix24Error: there is no token to send it with.
    """
    backoff = channel.backoff(idempotent=call.idempotent)
    held = HeldTime(channel, Work(call.method, tuple(inside)))
    while True:
        yield from ready(channel, held, 1)
        [outcome] = yield from send(channel, [call])
        if read is not None and isinstance(outcome.reply, Reply):
            read(outcome.reply, outcome)
        yield from held.settle([outcome])
        if isinstance(outcome.reply, Reply):
            return outcome
        if isinstance(outcome.reply, AuthenticationError) and outcome.reply.why_not_renewed is not None:
            raise outcome.reply.why_not_renewed
        delay = backoff.after(outcome.reply)
        if delay is None:
            return outcome
        if delay > 0:
            yield Log(f"{outcome.reply.message} Trying again in {delay:.1f} s.", logging.WARNING)
        yield Sleep(delay, "operating" if isinstance(outcome.reply, OperatingLimitError) else "retry")


def call(channel: Channel, what: Call) -> Flow[Reply]:
    """Call a method.

    :raises Bitrix24Error: what the portal answered, or why there is no answer.
    """
    outcome = yield from attempt(channel, what)
    if isinstance(outcome.reply, Bitrix24Error):
        raise outcome.reply
    return outcome.reply


def page(channel: Channel, method: str, original: Params, asked: Params | None) -> Flow[Page]:
    """Read one page of a list.

    :param asked: ``None`` for the first page, then the last page's ``following``.

    :raises Bitrix24Error: the portal refused, or the answer holds no list.
    """
    params = first_page(method, original) if asked is None else asked
    reply = yield from call(channel, Call(method, params, idempotent=True))
    read = read_page(method, original, params, reply)
    if isinstance(read, Bitrix24Error):
        raise read
    return read
