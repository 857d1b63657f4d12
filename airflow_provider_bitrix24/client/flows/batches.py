"""Any number of commands in few requests: up to 50 of them are sent in one ``batch``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import (
    Bitrix24Error,
    InvalidRequestError,
    NotFoundError,
    OperatingLimitError,
    PermissionDeniedError,
)
from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel, attempt, sleep
from airflow_provider_bitrix24.client.flows.commands import Chunk, Commands
from airflow_provider_bitrix24.client.flows.effects import Log
from airflow_provider_bitrix24.client.limits.operating import in_batch
from airflow_provider_bitrix24.client.protocol.batch import BatchReply, CommandReply, batch_call, command, read_replies
from airflow_provider_bitrix24.client.protocol.wire import Call, Params, Reply, Timing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_bitrix24.client.flows.effects import Flow

_OF_ONE_COMMAND = (InvalidRequestError, NotFoundError, PermissionDeniedError)
"""Errors that concern one call, not the credential or the portal."""


def send_batch(
    channel: Channel, calls: Sequence[Call], *, idempotent: bool = False, halt: bool = False
) -> Flow[list[CommandReply]]:
    """Send up to 50 calls in one request. Returns the reply to each, in order.

    :param halt: whether the portal stops at the first one that fails, as it must where they refer to one another.
    :raises ConfigurationError: a batch cannot carry a parameter.
    :raises Bitrix24Error: the batch as a whole failed.
    """
    replies, _ = yield from attempt_batch(channel, calls, idempotent=idempotent, halt=halt)
    return replies


def attempt_batch(
    channel: Channel, calls: Sequence[Call], *, idempotent: bool = False, halt: bool = False
) -> Flow[tuple[list[CommandReply], Attempt]]:
    """Do the same. Returns also when the request was sent that was answered.

    :raises ConfigurationError: a batch cannot carry a parameter.
    :raises Bitrix24Error: the batch as a whole failed.
    """
    methods = [each.method for each in calls]
    call = batch_call([command(each, refers=halt) for each in calls], idempotent=idempotent, halt=halt)
    replies: list[CommandReply] | Bitrix24Error = []

    def read(reply: Reply, answered: Attempt) -> None:
        nonlocal replies
        replies = read_batch(channel, methods, reply, answered)

    outcome = yield from attempt(channel, call, methods, read)
    if isinstance(outcome.reply, Bitrix24Error):
        raise outcome.reply
    if isinstance(replies, Bitrix24Error):
        raise replies
    return replies, outcome


def read_batch(
    channel: Channel, methods: Sequence[str], reply: Reply, attempt: Attempt
) -> list[CommandReply] | Bitrix24Error:
    """Unpack a batch's answer and record what it says about limits. An error is a value.

    :param attempt: when the batch was sent and answered.
    """
    replies = read_replies(methods, reply)
    if isinstance(replies, Bitrix24Error):
        return replies
    _note_working_time(channel, methods, reply, replies, attempt)
    for each in replies:
        if each.error is not None:
            channel.improve(each.error)
    for method, each in zip(methods, replies, strict=True):
        if isinstance(each.error, OperatingLimitError):
            each.error.reset_in = channel.operating.note_refusal(in_batch(method), attempt.received_at)
    return replies


def _note_working_time(
    channel: Channel, methods: Sequence[str], reply: Reply, replies: Sequence[CommandReply], attempt: Attempt
) -> None:
    """Record the working time of a batch's commands.

    A command below 0.1 s shows in no report of its own request, but the portal adds up all of them afterwards.
    """
    seconds = (attempt.received_at - attempt.sent_at) / max(1, len(methods))
    rose, last, unseen = 0.0, dict[str, Timing](), dict[str, float]()
    for method, each in zip(methods, replies, strict=True):
        operating = each.timing.operating
        if operating is None:
            continue
        before = last[method].operating if method in last else None
        if before is not None:
            rose += max(0.0, operating - before)
            unseen[method] = unseen.get(method, 0.0) + (seconds if operating <= before else 0.0)
        last[method] = each.timing
    for method, timing in last.items():
        channel.operating.note(in_batch(method), timing, attempt.received_at, unseen=unseen.get(method, 0.0))
    channel.operating.note_batch(reply.timing.operating, rose)


def batch(channel: Channel, commands: Mapping[str, tuple[str, Params | None]]) -> Flow[BatchReply]:
    """Run any number of commands in their order, 50 to a request; those that a limit refused are sent again.

    No single command raises. A failure of a whole request becomes the error of each of its commands, unless it was
    the first request.

    :raises ConfigurationError: a parameter or a reference cannot be sent; then nothing was.
    :raises Bitrix24Error: the first request failed as a whole.
    """
    work = Commands.prepare(commands)
    if work.alone:
        yield Log(
            f"{len(work.alone)} of {len(commands)} commands go in requests of their own: a batch cannot carry "
            f"{', '.join(sorted(set(work.alone.values())))}."
        )
    backoff = channel.backoff()
    while chunk := work.next_chunk():
        outcomes = yield from (_send_alone(channel, chunk) if chunk.alone else _send_together(channel, chunk))
        if isinstance(outcomes, Bitrix24Error):
            if not work.has_begun:
                raise outcomes
            work.fail(chunk, outcomes)
            continue
        refused = work.record(chunk, outcomes)
        if refused is None:
            backoff = channel.backoff()
            continue
        delay = backoff.after(refused)
        if delay is None:
            work.give_up()
            continue
        yield from sleep(delay, "operating", f"{work.refused} commands were refused by a limit")
    return work.reply()


def _send_together(channel: Channel, chunk: Chunk) -> Flow[list[CommandReply] | Bitrix24Error]:
    try:
        return (yield from send_batch(channel, chunk.calls, halt=chunk.halts))
    except Bitrix24Error as error:
        return error


def _send_alone(channel: Channel, chunk: Chunk) -> Flow[list[CommandReply] | Bitrix24Error]:
    """Send the chunk's only command by itself. What the portal says of it alone is a reply, as inside a batch."""
    outcome = yield from attempt(channel, chunk.calls[0])
    match outcome.reply:
        case Bitrix24Error() as error if isinstance(error, _OF_ONE_COMMAND):
            return [CommandReply(error=error)]
        case Bitrix24Error() as error:
            return error
        case Reply() as reply:
            return [CommandReply(reply.result, None, reply.total, reply.next, reply.timing)]
