"""The method ``batch``: commands as the portal parses, links and answers them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from . import php
from .auth import GLOBAL_SCOPE
from .envelope import time_object
from .errors import RestError, auth_error, method_not_found
from .faults import Fault, FaultKind
from .methods.registry import METHODS, Call, Method, find
from .work import ProcessDiedError

if TYPE_CHECKING:
    from .methods.registry import Identity
    from .work import Work

MAX_COMMANDS: Final = 50
_BANNED: Final = frozenset({"batch", "download", "upload"})
_REFERENCE = re.compile(r"\$(result|next|total|time|error)([^\s]*)", re.IGNORECASE)
_INDEX = re.compile(r"\[([^\]]+)\]")

_TOO_LONG = RestError("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
_NOT_ALLOWED = RestError("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")


def _not_run_here(call: Call) -> Any:
    raise NotImplementedError(f"batch is run by run_batch, not as a method of {call.identity.credential}")


METHODS["batch"] = Method("batch", GLOBAL_SCOPE, _not_run_here)


class _Results:
    """The five maps of a batch's answer, by command key."""

    __slots__ = ("error", "next", "result", "time", "total")

    def __init__(self) -> None:
        self.result: dict[str, Any] = {}
        self.error: dict[str, Any] = {}
        self.total: dict[str, Any] = {}
        self.next: dict[str, Any] = {}
        self.time: dict[str, Any] = {}

    def by_name(self, name: str) -> dict[str, Any]:
        """Return the map that a reference names."""
        found: dict[str, Any] = getattr(self, name)
        return found

    def encode(self) -> dict[str, Any]:
        """Return the maps with the portal's list-or-map shapes."""
        return {
            "result": php.encode_array(self.result),
            "result_error": php.encode_array(self.error),
            "result_total": php.encode_array(self.total),
            "result_next": php.encode_array(self.next),
            "result_time": php.encode_array(self.time),
        }


async def run_batch(work: Work, identity: Identity, params: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    """Run the commands of a batch in order and return its result.

    :param fault: a fault that concerns single commands, or ends the batch in the middle.
    :raises ProcessDiedError: when `fault` says so.
    """
    by_name = {name.upper(): value for name, value in params.items()}
    halt = php.truthy(by_name.get("HALT"))
    results = _Results()
    for count, (key, command) in enumerate(php.array_items(by_name.get("CMD"))):
        if fault is not None and fault.commands is not None and count >= fault.commands:
            raise ProcessDiedError
        error = _TOO_LONG
        if count < MAX_COMMANDS:
            if not isinstance(command, str):
                continue
            try:
                await _run_command(work, identity, results, key, command, fault)
                continue
            except RestError as refusal:
                error = refusal
        results.error[key] = error.body()
        if halt:
            break
    return results.encode()


async def _run_command(
    work: Work, identity: Identity, results: _Results, key: str, command: str, fault: Fault | None
) -> None:
    name, _, query = command.partition("?")
    method = find(name)
    if name in _BANNED:
        raise _NOT_ALLOWED
    params = php.parse_query(query.partition("#")[0])
    if "$" in query or "%24" in query:
        params = {name: _resolve(value, results) for name, value in params.items()}
    if method is None:
        raise method_not_found()
    if method.name in _BANNED:
        raise _NOT_ALLOWED
    if method.scope != GLOBAL_SCOPE and method.scope not in identity.scopes:
        raise auth_error("insufficient_scope", "")
    portal = work.portal
    started = work.moment
    if work.hit.blocked(method.name, started):
        raise operation_time_limit()
    hit_by_fault = fault is not None and fault.kind is FaultKind.COMMAND_ERROR and (not fault.keys or key in fault.keys)
    if hit_by_fault and fault is not None and fault.when == "before":
        raise RestError(fault.code, fault.description)
    start = php.to_int(params.pop("start", 0))
    answer = await work.perform(method, Call(portal, identity, params, start))
    if hit_by_fault and fault is not None:
        raise RestError(fault.code, fault.description)
    results.result[key] = answer.result
    if answer.total is not None:
        results.total[key] = answer.total
    if answer.next is not None:
        results.next[key] = answer.next
    finished = work.moment
    results.time[key] = time_object(
        portal.settings, portal.clock, started, finished, finished - started, work.hit, method.name
    )


def operation_time_limit() -> RestError:
    """Return the refusal of a method that has worked too long in the last ten minutes."""
    return RestError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", status=429)


def _resolve(value: Any, results: _Results) -> Any:
    if isinstance(value, dict):
        return {key: _resolve(each, results) for key, each in value.items()}
    if not isinstance(value, str) or "$" not in value:
        return value
    for match in _REFERENCE.finditer(value):
        path = _INDEX.findall(match[2])
        if not path:
            continue
        found = _follow(results.by_name(match[1].lower()), path)
        if match[0] == value:
            return found
        if php.is_numeric(found):
            found = php.to_str(found)
        if isinstance(found, str):
            value = value.replace(match[0], found)
    return value


def _follow(found: Any, path: list[str]) -> Any:
    """Return what a path leads to; it stops at the deepest part that exists."""
    for key in path:
        if isinstance(found, dict) and found.get(key) is not None:
            found = found[key]
        elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            break
    return found
