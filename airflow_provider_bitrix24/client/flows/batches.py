"""Any number of commands in few requests: up to 50 of them are sent in one ``batch``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import Bitrix24Error, OperatingLimitError, RateLimitError
from airflow_provider_bitrix24.client.flows.calls import Channel, attempt, sleep
from airflow_provider_bitrix24.client.protocol.batch import (
    MAX_COMMANDS,
    BatchReply,
    CommandReply,
    command,
    pack,
    unpack,
)
from airflow_provider_bitrix24.client.protocol.wire import Call, Params, Reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_bitrix24.client.flows.effects import Flow


def send_batch(channel: Channel, calls: Sequence[Call], *, idempotent: bool = False) -> Flow[list[CommandReply]]:
    """Send up to 50 calls in one request. Returns the reply to each, in order.

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
    """Unpack a batch's answer and record what it says about limits. An error is a value."""
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

    No single command raises. A failure of a whole request becomes the error of each of its commands, unless it was
    the first request.

    :raises ConfigurationError: a parameter cannot be sent; then nothing was.
    :raises Bitrix24Error: the first request failed as a whole.
    """
    work = _Commands({key: Call(method, params or {}) for key, (method, params) in commands.items()})
    backoff = channel.backoff()
    while chunk := work.next_chunk():
        try:
            replies = yield from send_batch(channel, [work.calls[key] for key in chunk])
        except Bitrix24Error as error:
            if not work.results and not work.errors:
                raise
            work.fail(chunk, error)
            continue
        refused = work.record(chunk, replies)
        if not refused:
            backoff = channel.backoff()
            continue
        delay = backoff.after(next(iter(refused.values())))
        if delay is None:
            work.errors.update(refused)
            continue
        work.pending = [*refused, *work.pending]
        yield from sleep(delay, "operating", f"{len(refused)} commands were refused by a limit")
    return work.reply()


@dataclass(slots=True)
class _Commands:
    """The commands of one call of :func:`batch`: those still to be sent, and what came of the others.

    :raises ConfigurationError: a parameter cannot be sent.
    """

    calls: Mapping[str, Call]
    pending: list[str] = field(init=False)
    results: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, Bitrix24Error] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for call in self.calls.values():
            command(call)  # raises where a parameter cannot be sent
        self.pending = list(self.calls)

    def next_chunk(self) -> list[str]:
        """Take the commands of the next request; none are left where it is empty."""
        chunk, self.pending = self.pending[:MAX_COMMANDS], self.pending[MAX_COMMANDS:]
        return chunk

    def record(self, chunk: Sequence[str], replies: Sequence[CommandReply]) -> dict[str, RateLimitError]:
        """Record the replies to a request. Returns the commands that a limit refused, which may be sent again."""
        refused: dict[str, RateLimitError] = {}
        for key, reply in zip(chunk, replies, strict=True):
            if isinstance(reply.error, RateLimitError):
                refused[key] = reply.error
            elif reply.error is not None:
                self.errors[key] = reply.error
            else:
                self.results[key] = reply.value
        return refused

    def fail(self, chunk: Sequence[str], error: Bitrix24Error) -> None:
        """Record a request that failed as a whole; where the portal did not act, later ones would fail as well."""
        self.errors.update(dict.fromkeys(chunk, error))
        if error.executed == "no":
            self.errors.update(dict.fromkeys(self.pending, error))
            self.pending = []

    def reply(self) -> BatchReply:
        """Results and errors in the caller's order."""
        return BatchReply(
            {key: self.results[key] for key in self.calls if key in self.results},
            {key: self.errors[key] for key in self.calls if key in self.errors},
        )
