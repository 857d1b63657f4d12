"""The commands of one batch that a caller asked for: in which requests they go, and what came of each. Pure.

A request takes 50 commands. Those that refer to one another stay in one request, and a command that a batch cannot
carry unchanged (:mod:`..protocol.php_query`, :mod:`..protocol.references`) goes in a request of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from airflow_provider_bitrix24.client.errors import Bitrix24Error, ConfigurationError, RateLimitError
from airflow_provider_bitrix24.client.plain import plain_params
from airflow_provider_bitrix24.client.protocol.batch import MAX_COMMANDS, BatchReply, CommandReply, sent_key
from airflow_provider_bitrix24.client.protocol.php_query import NotWritableError, php_query
from airflow_provider_bitrix24.client.protocol.references import (
    LOOKALIKE,
    Answered,
    References,
    Usage,
    holds_lookalike,
)
from airflow_provider_bitrix24.client.protocol.wire import Call, Params, checked_method

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Chunk:
    """The commands of one request: the caller's keys, and the calls as they are sent.

    :param halts: whether the portal stops at the first command that fails, so that none runs whose reference leads
        nowhere.
    :param alone: whether it is one call outside a batch.
    """

    keys: tuple[str, ...]
    calls: tuple[Call, ...]
    halts: bool = False
    alone: bool = False


@dataclass(frozen=True)
class _Command:
    """A command as the caller passed it, in plain values."""

    method: str
    params: dict[str, Any]
    usage: Usage

    @cached_property
    def not_carried(self) -> str | None:
        """What a batch cannot carry of it, or ``None``."""
        if self.usage.foreign:
            return LOOKALIKE
        if _writes_truth_values(self.method, self.params):
            return "True and False among fields"
        try:
            php_query(self.params)
        except NotWritableError as error:
            return error.what
        return None

    def resolved(self, references: References, answered: Mapping[str, Answered]) -> _Command:
        """The command with the values to which it refers.

        :raises LookupError: a value is not there.
        """
        params = references.resolved(self.params, answered)
        return _Command(self.method, params, Usage(foreign=holds_lookalike(params)))


def _writes_truth_values(method: str, params: Mapping[str, Any]) -> bool:
    """Whether ``crm.item.add`` and the like are sent a truth value: their yes and no fields read a batch's 1 as no."""
    fields = params.get("fields")
    if not method.lower().startswith("crm.item.") or not isinstance(fields, dict):
        return False
    return any(isinstance(value, bool) for value in fields.values())


@dataclass(slots=True)
class Commands:
    """The commands still to be sent, and what came of the others."""

    _commands: dict[str, _Command]
    _references: References
    _groups: list[list[str]]
    """Keys still to be sent, in order; those of one group stay in one request."""
    _answered: dict[str, Answered] = field(default_factory=dict)
    _errors: dict[str, Bitrix24Error] = field(default_factory=dict)
    _refused: dict[str, RateLimitError] = field(default_factory=dict)

    @classmethod
    def prepare(cls, commands: Mapping[str, tuple[str, Params | None]]) -> Self:
        """Read what the caller passed.

        :raises ConfigurationError: a parameter or a reference cannot be sent.
        """
        references = References(commands)
        read = {}
        for key, (method, params) in commands.items():
            plain = plain_params(params or {})
            usage = references.usage(key, plain)
            read[key] = _Command(checked_method(method), plain, usage)
        return cls(read, references, _grouped(read))

    @property
    def alone(self) -> dict[str, str]:
        """Keys of the commands that go in requests of their own, and what a batch cannot carry of each."""
        return {key: each.not_carried for key, each in self._commands.items() if each.not_carried}

    @property
    def has_begun(self) -> bool:
        """Whether anything is known of a command."""
        return bool(self._answered or self._errors)

    @property
    def refused(self) -> int:
        """How many commands a limit has refused in the last request."""
        return len(self._refused)

    def next_chunk(self) -> Chunk | None:
        """Take the commands of the next request, or ``None`` where none are left."""
        keys: list[str] = []
        while self._groups and len(keys) + len(self._groups[0]) <= MAX_COMMANDS:
            group = self._groups[0]
            while group:
                turn = self._turn(group[0], keys)
                if keys and turn in ("alone", "later"):
                    return self._chunk(keys)
                key = group.pop(0)
                if turn == "alone":
                    return self._chunk([key], alone=True)
                if turn == "now":
                    keys.append(key)
            self._groups.pop(0)
        return self._chunk(keys) if keys else None

    def _turn(self, key: str, before: Collection[str]) -> Literal["now", "alone", "later", "never"]:
        """When a command can be sent.

        :param before: the commands that go before it in the same request.
        """
        command = self._commands[key]
        if failed := [each for each in command.usage.keys if each in self._errors]:
            self._errors[key] = _not_run(f"it refers to {failed[0]!r}, which failed")
            return "never"
        open_keys = command.usage.keys - self._answered.keys()
        if open_keys:
            return "now" if command.usage.keys.issubset(before) else "later"
        if command.usage.keys:  # which earlier requests have run
            try:
                command = self._commands[key] = command.resolved(self._references, self._answered)
            except LookupError:
                self._errors[key] = _not_run("the portal's answer does not hold what it refers to")
                return "never"
        return "alone" if command.not_carried else "now"

    def _chunk(self, keys: Sequence[str], *, alone: bool = False) -> Chunk:
        sent_as = {key: sent_key(index) for index, key in enumerate(keys)}
        commands = [self._commands[key] for key in keys]
        calls = tuple(
            Call(each.method, self._references.translated(each.params, sent_as) if each.usage.keys else each.params)
            for each in commands
        )
        return Chunk(tuple(keys), calls, halts=any(each.usage.keys for each in commands), alone=alone)

    def record(self, chunk: Chunk, replies: Sequence[CommandReply]) -> RateLimitError | None:
        """Record the replies to a request. Returns a limit's refusal, after which some commands are sent again."""
        self._refused = {}
        again: list[str] = []
        stopped = False
        for key, reply in zip(chunk.keys, replies, strict=True):
            if stopped and not reply.mentioned:
                again.append(key)
            elif reply.error is None:
                self._answered[key] = Answered(reply.value, reply.total, reply.next)
            elif isinstance(reply.error, RateLimitError):
                self._refused[key] = reply.error
                again.append(key)
            else:
                self._errors[key] = reply.error
            stopped = stopped or (chunk.halts and reply.error is not None and reply.mentioned)
        self._groups[:0] = [again] if chunk.halts and again else [[key] for key in again]
        return next(iter(self._refused.values()), None)

    def fail(self, chunk: Chunk, error: Bitrix24Error) -> None:
        """Record a request that failed as a whole; where the portal did not act, later ones would fail as well."""
        self._refused = {}
        self._errors.update(dict.fromkeys(chunk.keys, error))
        if error.executed == "no":
            self._errors.update((key, error) for group in self._groups for key in group)
            self._groups = []

    def give_up(self) -> None:
        """Do not send again what a limit has refused."""
        self._errors.update(self._refused)
        groups = ([key for key in group if key not in self._refused] for group in self._groups)
        self._groups = [group for group in groups if group]
        self._refused = {}

    def reply(self) -> BatchReply:
        """Results and errors in the caller's order."""
        return BatchReply(
            {key: self._answered[key].result for key in self._commands if key in self._answered},
            {key: self._errors[key] for key in self._commands if key in self._errors},
        )


def _not_run(why: str) -> Bitrix24Error:
    return Bitrix24Error(f"The command was not run: {why}.", executed="no")


def _grouped(commands: Mapping[str, _Command]) -> list[list[str]]:
    """The keys in order, in groups that go in one request: from a command to the last one that refers to it.

    :raises ConfigurationError: a reference leads to a later command, or into another request.
    """
    position = {key: index for index, key in enumerate(commands)}
    groups: list[list[str]] = []
    first_of: list[int] = []
    for key, each in commands.items():
        groups.append([key])
        first_of.append(position[key])
        linked = [(position[other], other) for other in each.usage.keys if other in position]
        if not linked:
            continue
        earliest, other = min(linked)
        if max(linked)[0] >= position[key]:
            raise ConfigurationError(
                f"The command {key!r} refers to {max(linked)[1]!r}, which does not come before it.",
                hint="Put a command after those it refers to.",
            )
        while first_of[-1] > earliest:
            first_of.pop()
            joined = groups.pop()
            groups[-1] += joined
        _check_group(key, other, groups[-1], commands)
    return groups


def _check_group(key: str, other: str, group: Sequence[str], commands: Mapping[str, _Command]) -> None:
    apart = next((each for each in group if commands[each].not_carried), None)
    if apart is not None:
        raise ConfigurationError(
            f"The command {key!r} cannot refer to {other!r} in another request: {apart!r} goes in a request of its "
            f"own, since a batch cannot carry {commands[apart].not_carried}.",
            hint="Send it by call(), or leave that out.",
        )
    if len(group) > MAX_COMMANDS:
        raise ConfigurationError(
            f"The command {key!r} cannot refer to {other!r} in another request, and one request has "
            f"{MAX_COMMANDS} commands.",
            hint="Put commands that refer to one another side by side.",
        )
