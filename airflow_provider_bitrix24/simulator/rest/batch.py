"""The method ``batch``: its commands as the portal parses, links and runs them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError, auth_error, method_not_found, operation_time_limit
from airflow_provider_bitrix24.simulator.portal.request_log import RecordedCommand, hide_secrets, summarize
from airflow_provider_bitrix24.simulator.rest.envelope import time_object
from airflow_provider_bitrix24.simulator.rest.execution import ProcessDiedError
from airflow_provider_bitrix24.simulator.rest.methods import GLOBAL_SCOPE, BatchMethod, Call, find

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal.faults import Fault
    from airflow_provider_bitrix24.simulator.portal.settings import PortalSettings
    from airflow_provider_bitrix24.simulator.rest.execution import Execution
    from airflow_provider_bitrix24.simulator.rest.methods import Identity, Method, MethodResult

MAX_COMMANDS: Final = 50
_NO_COMMANDS: Final = frozenset({"download", "upload"})
_REFERENCE = re.compile(r"\$(result|next|total|time|error)([^\s]*)", re.IGNORECASE)
_INDEX = re.compile(r"\[([^\]]+)\]")
_TOO_LONG: Final = RestError("ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
_EXECUTE: Final = "crm.automation.trigger.execute"
_NOT_ALLOWED: Final = RestError("ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")


class _Results:
    """The five maps of a batch's result, by command key."""

    __slots__ = ("error", "next", "result", "time", "total")

    def __init__(self) -> None:
        self.result: dict[str, Any] = {}
        self.error: dict[str, Any] = {}
        self.total: dict[str, Any] = {}
        self.next: dict[str, Any] = {}
        self.time: dict[str, Any] = {}

    def by_name(self, name: str) -> dict[str, Any]:
        """The map that a reference names."""
        found: dict[str, Any] = getattr(self, name)
        return found

    def encode(self) -> dict[str, Any]:
        """The maps with the portal's list-or-map shapes."""
        return {
            "result": php.encode_array(self.result),
            "result_error": php.encode_array(self.error),
            "result_total": php.encode_array(self.total),
            "result_next": php.encode_array(self.next),
            "result_time": php.encode_array(self.time),
        }


async def run_batch(
    execution: Execution,
    identity: Identity,
    params: dict[str, Any],
    fault: Fault | None,
    recorded: list[RecordedCommand],
) -> dict[str, Any]:
    """Run the commands of a batch in order and return its result.

    :param fault: a fault that concerns single commands, or ends the batch in the middle.
    :param recorded: is given every command with its answer.
    :raises ProcessDiedError: when `fault` says so.
    """
    by_name = {name.upper(): value for name, value in params.items()}
    batch = _Batch(execution, identity, fault, recorded)
    return await batch.run(by_name.get("CMD"), halt=php.truthy(by_name.get("HALT")))


class _Batch:
    """One batch while it runs."""

    __slots__ = ("_execution", "_fault", "_identity", "_recorded", "_results")

    def __init__(
        self, execution: Execution, identity: Identity, fault: Fault | None, recorded: list[RecordedCommand]
    ) -> None:
        self._recorded = recorded
        self._execution = execution
        self._identity = identity
        self._fault = fault
        self._results = _Results()

    async def run(self, commands: Any, *, halt: bool) -> dict[str, Any]:
        last = self._fault.commands if self._fault is not None else None
        for count, (key, command) in enumerate(php.array_items(commands)):
            if last is not None and count >= last:
                raise ProcessDiedError
            error = _TOO_LONG
            if count < MAX_COMMANDS:
                if not isinstance(command, str):
                    continue
                record = RecordedCommand(key, command.partition("?")[0].lower())
                self._recorded.append(record)
                try:
                    await self._run_command(key, command, record)
                    continue
                except RestError as refusal:
                    error = refusal
                    record.answer, record.error = error.description, error.code
            self._results.error[key] = error.body()
            if halt:
                break
        return self._results.encode()

    async def _run_command(self, key: str, command: str, record: RecordedCommand) -> None:
        name, _, query = command.partition("?")
        method = _allowed(name, self._identity, self._execution.portal.settings)
        if method.name == _EXECUTE and not self._execution.portal.settings.application_triggers_in_batch:
            raise _NOT_ALLOWED
        params = php.parse_query(query.partition("#")[0])
        if "$" in query or "%24" in query:
            params = {name: _resolve(value, self._results) for name, value in params.items()}
        record.params = hide_secrets(params)
        execution = self._execution
        started = execution.moment
        if execution.usage.blocked(method.name, started):
            raise operation_time_limit()
        call = Call(execution.portal, self._identity, params, php.to_int(params.pop("start", 0)))
        answer = await self._perform(key, method, call)
        results, finished = self._results, execution.moment
        results.result[key] = answer.result
        record.answer = summarize(answer.result)
        if answer.total is not None:
            results.total[key] = answer.total
        if answer.next is not None:
            results.next[key] = answer.next
        results.time[key] = time_object(execution, method.name, started, finished, finished - started)

    async def _perform(self, key: str, method: Method, call: Call) -> MethodResult:
        fault = self._fault
        if fault is None or not fault.hits_command(key):
            return await self._execution.perform(method, call)
        if fault.when == "after":
            await self._execution.perform(method, call)
        raise RestError(fault.code, fault.description)


def _allowed(name: str, identity: Identity, settings: PortalSettings) -> Method:
    method = find(name, settings)
    if isinstance(method, BatchMethod) or name in _NO_COMMANDS:
        raise _NOT_ALLOWED
    if method is None:
        raise method_not_found()
    if method.scope != GLOBAL_SCOPE and method.scope not in identity.scopes:
        raise auth_error("insufficient_scope", "")
    return method


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
    """What a path leads to, or the deepest part of it that exists."""
    for key in path:
        if isinstance(found, dict) and found.get(key) is not None:
            found = found[key]
        elif isinstance(found, list) and key.isdigit() and int(key) < len(found):
            found = found[int(key)]
        else:
            break
    return found
