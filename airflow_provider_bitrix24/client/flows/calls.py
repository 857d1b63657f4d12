"""Conversations with a portal, written once for both drivers: send, refused, wait, repeat.

Each function here is a generator: it yields what it wants done (:mod:`.effects`) and is sent what
happened. Nothing in it touches a socket or a clock, so a test is a list of wishes and answers. Firing
automation triggers is its own conversation, in :mod:`.automation`.
"""

from __future__ import annotations

import logging
import random as random_module
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import Bitrix24Error, OperatingLimitError, RateLimitError
from airflow_provider_bitrix24.client.flows.effects import Acquire, Acquired, Flow, Log, NoResponse, Send, Sleep
from airflow_provider_bitrix24.client.limits.operating import OperatingBudget
from airflow_provider_bitrix24.client.limits.retry import RetryPolicy
from airflow_provider_bitrix24.client.protocol.batch import (
    MAX_COMMANDS,
    BatchReply,
    CommandReply,
    command,
    pack,
    unpack,
)
from airflow_provider_bitrix24.client.protocol.error_codes import classify
from airflow_provider_bitrix24.client.protocol.pagination import Page, first_page, read_page
from airflow_provider_bitrix24.client.protocol.wire import Call, HttpResponse, Params, Reply, encode
from airflow_provider_bitrix24.client.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_provider_bitrix24.client.portal import Portal

LOG_FROM = 5.0
"""Waits of this many seconds and more are told to the log."""


@dataclass(slots=True, kw_only=True)
class Channel:
    """One credential on one portal, and what was learnt about it so far."""

    portal: Portal
    settings: ClientSettings = field(default_factory=ClientSettings)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    operating: OperatingBudget = field(default_factory=OperatingBudget)
    random: Callable[[], float] = field(default_factory=lambda: random_module.random)
    refused: int = 0
    """Requests that the portal refused since the last reservation."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one request led to: a reply or an error, and when (seconds of the driver's clock)."""

    reply: Reply | Bitrix24Error
    sent_at: float
    received_at: float


def sleep(seconds: float, kind: Any, why: str) -> Flow[float]:
    """Wait, and say so where it takes long. Returns the time afterwards."""
    if seconds >= LOG_FROM:
        yield Log(f"Waiting {seconds:.0f} s: {why}.")
    now: float = yield Sleep(seconds, kind)
    return now


def acquire(channel: Channel, want: int) -> Flow[Acquired]:
    """Take tokens from the address's bucket, waiting where none is free."""
    granted: Acquired = yield Acquire(want, channel.refused)
    channel.refused = 0
    if granted.wait > 0:
        now = yield from sleep(granted.wait, "pace", "the portal's request limit")
        granted = Acquired(granted.count, 0.0, now)
    return granted


def send(channel: Channel, calls: Sequence[Call]) -> Flow[list[Attempt]]:
    """Send calls together, once each, for tokens already taken. Errors are values."""
    requests = tuple(encode(channel.portal, call) for call in calls)
    answers: tuple[HttpResponse | NoResponse, ...] = yield Send(requests)
    outcomes = []
    for call, answer in zip(calls, answers, strict=True):
        if isinstance(answer, NoResponse):
            outcomes.append(Attempt(answer.error, answer.sent_at, answer.received_at))
            continue
        reply = classify(call.method, answer)
        if isinstance(reply, Bitrix24Error):
            reply.redact(channel.portal.redact)
        outcome = Attempt(reply, answer.sent_at, answer.received_at)
        _learn(channel, call, outcome)
        outcomes.append(outcome)
    return outcomes


def _learn(channel: Channel, call: Call, outcome: Attempt) -> None:
    reply = outcome.reply
    if isinstance(reply, Reply):
        channel.operating.note(call.method, reply.timing, outcome.received_at)
    elif isinstance(reply, OperatingLimitError):
        reply.reset_in = channel.operating.note_refusal(call.method, outcome.received_at)
    elif isinstance(reply, RateLimitError):
        channel.refused += 1


def attempt(channel: Channel, call: Call) -> Flow[Attempt]:
    """Send a call, repeating it as long as that is harmless and may help. Errors are values."""
    tries = 0
    while True:
        tries += 1
        granted = yield from acquire(channel, 1)
        wait = channel.operating.wait(call.method, granted.now)
        if wait > 0:
            yield from sleep(wait, "operating", f"the working time of {call.method} is spent until then")
        [outcome] = yield from send(channel, [call])
        if isinstance(outcome.reply, Reply):
            return outcome
        delay = channel.retry.delay(outcome.reply, tries, idempotent=call.idempotent, random=channel.random)
        if delay is None:
            return outcome
        yield Log(f"{outcome.reply} Trying again in {delay:.1f} s.", logging.WARNING)
        yield Sleep(delay, "operating" if isinstance(outcome.reply, OperatingLimitError) else "retry")


def call(channel: Channel, what: Call) -> Flow[Reply]:
    """Call a method.

    :raises Bitrix24Error: what the portal answered, or why there is no answer.
    """
    outcome = yield from attempt(channel, what)
    if isinstance(outcome.reply, Bitrix24Error):
        raise outcome.reply
    return outcome.reply


def send_batch(channel: Channel, calls: Sequence[Call], *, idempotent: bool = False) -> Flow[list[CommandReply]]:
    """Send up to 50 calls in one request. Returns each one's fate, in order.

    :raises Bitrix24Error: the batch as a whole failed.
    """
    outcome = yield from attempt(channel, pack([command(each) for each in calls], idempotent=idempotent))
    if isinstance(outcome.reply, Bitrix24Error):
        raise outcome.reply
    replies = read_batch(channel, [each.method for each in calls], outcome.reply, outcome.received_at)
    if isinstance(replies, Bitrix24Error):
        raise replies
    return replies


def read_batch(
    channel: Channel, methods: Sequence[str], reply: Reply, now: float
) -> list[CommandReply] | Bitrix24Error:
    """Unpack a batch's answer and learn from it. An error is a value."""
    replies = unpack(methods, reply)
    if isinstance(replies, Bitrix24Error):
        return replies
    for method, each in zip(methods, replies, strict=True):
        channel.operating.note(method, each.timing, now)
        if each.error is not None:
            each.error.redact(channel.portal.redact)
    for method, each in zip(methods, replies, strict=True):
        if isinstance(each.error, OperatingLimitError):
            each.error.reset_in = channel.operating.note_refusal(method, now)
    return replies


def batch(channel: Channel, commands: Mapping[str, tuple[str, Params | None]]) -> Flow[BatchReply]:
    """Run any number of commands, 50 to a request; those that a limit refused are sent again.

    Raises for no single command. A failure of a whole request becomes the error of each of its commands,
    unless nothing was sent before.

    :raises ConfigurationError: a parameter cannot be sent; then nothing was.
    :raises Bitrix24Error: the first request failed as a whole.
    """
    keys = list(commands)
    calls = {key: Call(method, params or {}) for key, (method, params) in commands.items()}
    for checked in calls.values():
        command(checked)
    results: dict[str, Any] = {}
    errors: dict[str, Bitrix24Error] = {}
    pending, refusals = keys, 0
    while pending:
        chunk, rest = pending[:MAX_COMMANDS], pending[MAX_COMMANDS:]
        try:
            replies = yield from send_batch(channel, [calls[key] for key in chunk])
        except Bitrix24Error as error:
            if not results and not errors:
                raise
            errors.update(dict.fromkeys(pending if error.executed == "no" else chunk, error))
            pending = [] if error.executed == "no" else rest
            continue
        again = []
        for key, each in zip(chunk, replies, strict=True):
            if isinstance(each.error, RateLimitError):
                again.append((key, each.error))
            elif each.error is not None:
                errors[key] = each.error
            else:
                results[key] = each.value
        pending = [*(key for key, _ in again), *rest]
        if not again:
            refusals = 0
            continue
        refusals += 1
        delay = channel.retry.delay(again[0][1], refusals, idempotent=False, random=channel.random)
        if delay is None:
            errors.update(again)
            pending = rest
            continue
        yield from sleep(delay, "operating", f"{len(again)} commands were refused by a limit")
    return BatchReply({k: results[k] for k in keys if k in results}, {k: errors[k] for k in keys if k in errors})


def page(channel: Channel, method: str, original: Params, asked: Params | None) -> Flow[Page]:
    """Read one page of a list; ``asked`` is ``None`` for the first, then the last page's ``following``.

    :raises Bitrix24Error: the portal refused, or the answer holds no list.
    """
    params = first_page(method, original) if asked is None else asked
    reply = yield from call(channel, Call(method, params, idempotent=True))
    read = read_page(method, original, params, reply)
    if isinstance(read, Bitrix24Error):
        raise read
    return read
