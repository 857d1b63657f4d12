"""The portal as an object: takes requests as they are on the wire, runs their commands in time, and answers."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.histories import faults, rest
from tests.histories.automation import Automation
from tests.histories.faults import Answer, failure
from tests.histories.record import Fire, Look, Record
from tests.histories.timeline import EPOCH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.histories.plan import CommandKind, PortalPlan, RequestFault
    from tests.histories.timeline import Timeline

LATENCY = 0.05
CUT_AFTER = 60.0
"""Seconds after which the portal ends a request."""
LIMIT = 480.5
"""Seconds of work that the portal shows of a method that it refuses."""
READER = "2"
"""User of the second connection's webhook."""


@dataclass(slots=True)
class Pending:
    """A request that has left. ``answer`` is there once time has passed ``done_at``."""

    number: int
    done_at: float
    answer: Answer | None = None
    sent: bool = True
    whole: bool = False
    """Whether the answer is what the portal meant to say."""
    looks: list[Look] = field(default_factory=list)
    fires: list[Fire] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: which run of the task, in which stay in a worker or on the triggerer."""

    epoch: int
    stay: int


@dataclass(slots=True)
class _Request:
    pending: Pending
    method: str
    user: str
    commands: list[tuple[str, rest.Command]]
    fires: list[Fire | None]
    sender: Sender
    lag: float
    results: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, Any] = field(default_factory=dict)


class Portal:
    """A portal; its record is what the checker believes."""

    def __init__(self, plan: PortalPlan, timeline: Timeline) -> None:
        self._plan, self._timeline = plan, timeline
        self.record = Record()
        self.automation = Automation(plan, timeline, self.record)
        self._faults = {each.number: each for each in plan.requests}
        self.requests = 0
        self.commands = 0
        self.last_fault_at = -1.0
        self._limited_until = -1.0

    # -- a request arrives

    def submit(self, url: str, body: bytes, sender: Sender) -> Pending:
        """Take a request; what it does happens as time passes."""
        user, _, method = url.partition("/rest/")[2].removesuffix("/").removesuffix(".json").split("/")
        number, self.requests = self.requests, self.requests + 1
        fault = self._faults.get(number)
        if fault is not None:
            self.last_fault_at = self._timeline.now
            if fault.kind == "unreachable":
                return Pending(number, self._timeline.now + LATENCY, sent=False)
        request = self._read(number, method, user, json.loads(body), sender)
        refusal = faults.refusal(fault) or self._forbidden(request)
        if refusal is not None:
            self._answer_at(request.pending, LATENCY, refusal)
            if refusal.certain:
                request.pending.whole = True
                for fire in request.pending.fires:
                    fire.refusal = "request"
            return request.pending
        self._schedule(request, fault)
        return request.pending

    def _read(self, number: int, method: str, user: str, params: Mapping[str, Any], sender: Sender) -> _Request:
        if method == "batch":
            commands = [(key, rest.from_query(text)) for key, text in params["cmd"].items()]
        else:
            commands = [("", rest.from_json(method, params))]
        fires = [self._note_fire(each, number, sender) if each.key else None for _, each in commands]
        pending = Pending(number, math.inf, fires=[each for each in fires if each is not None])
        return _Request(pending, method, user, commands, fires, sender, self._plan.lag)

    def _note_fire(self, command: rest.Command, request: int, sender: Sender) -> Fire:
        now, key = self._timeline.now, command.key or (0, 0)
        stood = self.record.stage_at(key, now)
        fire = Fire(len(self.record.fires), key, sender.epoch, sender.stay, request, now, stood)
        fire.harmless = command.method == rest.UPDATE and not command.code
        self.record.fires.append(fire)
        return fire

    def _forbidden(self, request: _Request) -> Answer | None:
        if self._plan.rights == "fire_only" and request.user != READER and request.method != rest.TRIGGER:
            return failure(401, "ACCESS_DENIED", "REST is available only by subscription.")
        return None

    # -- its commands run

    def _schedule(self, request: _Request, fault: RequestFault | None) -> None:
        """Plan when each command runs, and when the answer leaves."""
        timeline, work = self._timeline, faults.course(fault, len(request.commands))
        if work.certain:
            request.lag = 0.0  # whoever is answered an error knows that execution is over
        moment, base = LATENCY / 2, timeline.now
        answered: float | None = None
        for index, (_, command) in enumerate(request.commands):
            if index == work.cut_before:
                answered = moment
                if work.resumes_after < 0:
                    break
                moment += work.resumes_after
            moment += self._plan.cost if command.key else 0.0
            if moment > CUT_AFTER and work.cut_before is None:
                self._answer_at(request.pending, CUT_AFTER, faults.GATEWAY_TIMEOUT)
                return
            timeline.at(base + moment, lambda index=index: self._run(request, index))
        if work.silent:
            return
        if answered is None:
            answered = moment
        done = answered + LATENCY / 2
        request.pending.done_at = base + done
        timeline.at(base + done, lambda: self._finish(request, work))

    def _run(self, request: _Request, index: int) -> None:
        key, command = request.commands[index]
        fire = request.fires[index]
        if fire is not None:
            error, mentioned = self._fire(fire, command, request)
        else:
            value, error = self._read_command(command, request)
            mentioned = True
            if error is None:
                request.results[key] = value
        if error is not None:
            request.errors[key] = error
        elif fire is not None and mentioned:
            request.results[key] = self._answer(command)

    def _fire(self, fire: Fire, command: rest.Command, request: _Request) -> tuple[rest.Error | None, bool]:
        number, self.commands = self.commands, self.commands + 1
        kind = next((each.kind for each in self._plan.commands if each.first <= number <= each.last), None)
        entity = self.automation.entities.get(fire.key)
        if entity is not None and entity.plan.locked:
            fire.refusal = "denied"
            return rest.DENIED, True
        if kind is not None:
            self.last_fault_at = self._timeline.now
        if kind == "operating":
            fire.refusal = "operating"
            self._limited_until = max(self._limited_until, self._timeline.now + self._plan.reset_in)
            return rest.LIMITED, True
        if kind == "core_before":
            return rest.CORE, True
        if command.method == rest.UPDATE and entity is None:
            fire.refusal = "missing"
            return rest.MISSING, True
        fire.executed_at = self._timeline.now
        if command.method == rest.UPDATE:
            self.automation.update(fire, command.code)
        else:
            self._trigger(fire, command, request, kind)
        error = rest.CORE if kind == "core_after" else rest.EXOTIC if kind == "exotic" else None
        return error, kind != "unmentioned"

    def _trigger(self, fire: Fire, command: rest.Command, request: _Request, kind: CommandKind | None) -> None:
        lag = 0.0 if kind in ("core_after", "exotic", "unmentioned") else request.lag
        if lag > 0:
            self._timeline.at(self._timeline.now + lag, lambda: self.automation.fire(fire, command.code))
        else:
            self.automation.fire(fire, command.code)

    def _answer(self, command: rest.Command) -> Any:
        if command.method == rest.UPDATE and command.key:
            return {"item": rest.item(self.automation.entities[command.key])}
        return True

    def _read_command(self, command: rest.Command, request: _Request) -> tuple[Any, rest.Error | None]:
        if command.method == "crm.item.list":
            return self._items(command, request)
        if command.method == "crm.status.list":
            if self._plan.dictionaries == "refused" or (self._plan.rights == "no_read" and request.user != READER):
                return None, rest.READING_DENIED
            names = () if self._plan.dictionaries == "empty" else command.dictionaries
            odd = self._plan.dictionaries == "odd"
            return rest.statuses(names, self.automation.entities, odd=odd), None
        if command.method == rest.FIELDS:
            return {"fields": rest.fields()}, None
        return None, rest.UNKNOWN_METHOD

    def _items(self, command: rest.Command, request: _Request) -> tuple[Any, rest.Error | None]:
        if self._plan.rights == "no_read" and request.user != READER:
            return None, rest.READING_DENIED
        if not rest.readable(command.type_id):
            return None, ("ENTITY_TYPE_NOT_SUPPORTED", "")
        now, rows = self._timeline.now, []
        for each in command.ids:
            key = (command.type_id, each)
            entity = self.automation.entities.get(key)
            if entity is None or (entity.plan.hidden and request.user != READER):
                shown = None
            else:
                shown = entity.board.stages[entity.stage]
                rows.append(rest.item(entity))
            look = Look(now, request.sender.stay, shown)
            self.record.looks.setdefault(key, []).append(look)
            request.pending.looks.append(look)
        return {"items": rows}, None

    # -- and it is answered

    def _finish(self, request: _Request, work: faults.Course) -> None:
        if request.method != "batch" and "" in request.errors:
            whole = failure(400, *request.errors[""])
        else:
            body = self._batch_body(request) if request.method == "batch" else {"result": request.results.get("")}
            whole = Answer(200, json.dumps({**body, "time": self._time(request.method)}).encode())
        request.pending.answer = work.answer(whole)
        request.pending.whole = request.pending.answer is whole

    def _batch_body(self, request: _Request) -> dict[str, Any]:
        errors = {key: {"error": code, "error_description": text} for key, (code, text) in request.errors.items()}
        methods = dict(request.commands)
        times = {key: self._time(methods[key].method) for key in request.results}
        parts: dict[str, Any] = {"result": request.results, "result_error": errors, "result_time": times}
        parts = {name: part or [] for name, part in parts.items()}  # PHP's empty array
        return {"result": {**parts, "result_total": [], "result_next": []}}

    def _time(self, method: str) -> dict[str, Any]:
        now = EPOCH + self._timeline.now + self._plan.clock
        if self._plan.odd_time:
            return {"start": "soon", "finish": -1e308, "operating": -1e308, "operating_reset_at": 1e308}
        spent, reset_in = 0.0, 600.0
        if method in (rest.TRIGGER, rest.UPDATE):
            spent, reset_in = min(100.0, self._plan.cost * self.commands), self._plan.reset_in
            if self._timeline.now < self._limited_until:
                spent, reset_in = LIMIT, self._limited_until - self._timeline.now
        return {"start": int(now), "finish": now, "operating": spent, "operating_reset_at": int(now + reset_in)}

    def _answer_at(self, pending: Pending, seconds: float, answer: Answer) -> None:
        pending.done_at = self._timeline.now + seconds
        pending.answer = answer
