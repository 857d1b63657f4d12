"""Writes calls into batch requests and reads the replies; decides how large a batch may be. Pure.

A batch takes 50 commands, runs them in order and counts as one request. Whether a failed command is repeated is
decided by the flow that sent it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import BatchError, Bitrix24Error, ProtocolError
from airflow_provider_bitrix24.client.protocol.error_codes import error_from
from airflow_provider_bitrix24.client.protocol.php_query import NotWritableError, php_query
from airflow_provider_bitrix24.client.protocol.references import LOOKALIKE, holds_lookalike
from airflow_provider_bitrix24.client.protocol.wire import NO_TIMING, Call, Reply, Timing, timing_from
from airflow_provider_bitrix24.client.values import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_COMMANDS = 50
"""Commands that the portal accepts in one batch."""
FIRST_COMMANDS = 25
"""Commands in the first batch, whose cost is not known yet: 25 slow ones take less than the portal's 60 s."""
TARGET_SECONDS = 20.0
"""Seconds that one batch should take, a third of the 60 s after which the portal ends a request."""


@dataclass(frozen=True, slots=True)
class BatchReply:
    """Results and errors of a batch, by the caller's keys.

    :param results: ``result`` of each command that succeeded.
    :param errors: the error of each command that did not.
    """

    results: dict[str, Any]
    errors: dict[str, Bitrix24Error]

    def raise_for_errors(self) -> None:
        """Raise if a command failed.

        :raises BatchError: with both halves, ``results`` and ``errors``.
        """
        if self.errors:
            raise BatchError(results=self.results, errors=self.errors)


@dataclass(frozen=True, slots=True)
class CommandReply:
    """The reply to one command of a batch: a value, or an error (also where the answer does not mention it)."""

    value: Any = None
    error: Bitrix24Error | None = None
    total: int | None = None
    next: int | None = None
    timing: Timing = NO_TIMING
    mentioned: bool = True
    """Whether the answer mentions it; one that stopped before it does not."""


def command(call: Call, *, refers: bool = False) -> str:
    """A call in the form that a batch takes: ``method?query``.

    :param refers: whether it is meant to refer to other commands; a text that only looks so is refused otherwise.

    :raises ConfigurationError: a parameter cannot be sent, or a batch cannot carry it.
    """
    if not refers and holds_lookalike(call.params):
        raise NotWritableError(LOOKALIKE)
    query = php_query(call.params)
    return f"{call.method}?{query}" if query else call.method


def batch_call(commands: Sequence[str], *, idempotent: bool = False, halt: bool = False) -> Call:
    """Build one batch request of at most 50 commands.

    :param halt: whether the portal stops at the first command that fails.

    The keys are ``c0``, ``c1`` and so on: with numbers as keys, PHP would answer with a list or a map depending on
    which commands failed.
    """
    cmd = {sent_key(index): text for index, text in enumerate(commands)}
    return Call("batch", {"halt": int(halt), "cmd": cmd}, idempotent)


def sent_key(index: int) -> str:
    """The key under which a request sends its command number ``index``."""
    return f"c{index}"


def read_replies(methods: Sequence[str], reply: Reply) -> list[CommandReply] | ProtocolError:
    """The reply to each command, in order; or an error where this is not the answer to a batch."""
    body = reply.result
    if not isinstance(body, Mapping) or "result" not in body:
        return ProtocolError("batch: the answer does not hold the results of a batch.", status=200)
    count = len(methods)
    results, errors = _by_key(body.get("result"), count), _by_key(body.get("result_error"), count)
    totals, nexts = _by_key(body.get("result_total"), count), _by_key(body.get("result_next"), count)
    times = _by_key(body.get("result_time"), count)
    replies = []
    for index, method in enumerate(methods):
        key = sent_key(index)
        timing = timing_from(times.get(key))
        if key in errors:
            replies.append(CommandReply(error=_command_error(method, errors[key]), timing=timing))
        elif key in results:
            replies.append(CommandReply(results[key], None, whole(totals.get(key)), whole(nexts.get(key)), timing))
        else:
            unmentioned = ProtocolError(f"{method}: the batch's answer does not mention it.", status=200)
            replies.append(CommandReply(error=unmentioned, mentioned=False))
    return replies


def _by_key(value: object, count: int) -> Mapping[str, Any]:
    """PHP writes an empty map as ``[]`` and one with the keys 0..n-1 as a list."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and len(value) <= count:
        return {sent_key(index): item for index, item in enumerate(value)}
    return {}


def _command_error(method: str, entry: object) -> Bitrix24Error:
    fields = entry if isinstance(entry, Mapping) else {"error": "", "error_description": entry}
    return error_from(method, fields, 200, in_batch=True)


@dataclass(slots=True)
class BatchSizer:
    """Decides how many commands the next batch gets, by the time that the last ones took.

    Times are of our own clock, since the portal has rounded its ``duration`` to whole seconds since late 2025.
    """

    costs: list[float] = field(default_factory=list)
    """Seconds per command in the last two batches."""

    @property
    def size(self) -> int:
        """Commands that should take about 20 s at the slower of the last two paces; 25 where nothing is known."""
        if not self.costs:
            return FIRST_COMMANDS
        slowest = max(self.costs)
        if slowest <= TARGET_SECONDS / MAX_COMMANDS:
            return MAX_COMMANDS
        return max(1, int(TARGET_SECONDS / slowest))

    def learn(self, seconds: float) -> None:
        """Use what another process has measured, where nothing is known here."""
        if not self.costs:
            self.costs = [seconds]

    def note(self, seconds: float, commands: int) -> None:
        """Record how long a batch took, from sending to its answer or time-out."""
        self.costs = [*self.costs[-1:], seconds / max(1, commands)]
