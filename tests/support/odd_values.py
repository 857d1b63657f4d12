"""A portal whose answers are sound but for a few values, and a way to perform flows against it in virtual time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from hypothesis import strategies as st

from airflow_provider_bitrix24.client.flows.effects import (
    Acquire,
    Acquired,
    Log,
    Save,
    Send,
    ShareCost,
    ShareWorkingTime,
    Sleep,
)
from airflow_provider_bitrix24.client.limits.cost import SharedCost
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeState, share_working_time
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest, HttpResponse, decode
from airflow_provider_bitrix24.client.stores.working_time import dump_working_time
from tests.support.damage import places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.flows.effects import Flow

WINDOW = 600.0
"""Seconds of the longest wait that a portal can ask for."""
MANY = 400
"""Effects of the longest flow in a test."""
EPOCH = 1.8e9
_MARK = "the odd value"

_DIGITS = "9" * 5000
ODD = (
    *(
        "null",
        "true",
        "false",
        "[]",
        "{}",
        '""',
        "0",
        "-1",
        "1.5",
        "5.0",
        "1e999",
        "-1e308",
        "1e308",
        "NaN",
        "-Infinity",
    ),
    *("99999999999999999999", _DIGITS, f'"{_DIGITS}"', '"\\u00b2"', '"1e5"', '" 57 "', '"-57"', '"57"'),
    *('"abc"', '"x"', '"\\ud800"', '"\\u0000"', '"a\\nb"', '"' + "x" * 10_000 + '"', '"http://x/rest/1/secret12345/"'),
    *('"0000-00-00T00:00:00"', '"2026-11-03T25:61:61+99:99"', '"2026-W99"', '"P1Y"', '"2026-01-01/2027-01-01"'),
    *("1700000000", '[{"id":57}]', "[[1]]", "[null]", "[" * 400 + "]" * 400, '{"a":' * 300 + "1" + "}" * 300),
    *('{"error":"QUERY_LIMIT_EXCEEDED"}', '{"error":"OPERATION_TIME_LIMIT"}', '{"error":{}}', '{"error":[[]]}'),
    '{"error":null,"error_description":[1]}',
)
"""JSON texts of values that no portal should send, and of some that are sound elsewhere."""

_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
odd = st.sampled_from(ODD) | _values.map(json.dumps)
changes = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 10_000), odd), min_size=1, max_size=4)
"""Which values to replace: the number of the answer, of the place in it, and the JSON text of the new value."""


@dataclass
class OddPortal:
    """Answers every request; a deal moves from ``NEW`` to ``WON`` when its trigger is fired.

    :param changes: see :data:`changes`.
    """

    changes: Sequence[tuple[int, int, str]]
    now: float = 1000.0
    answered: int = 0
    fires: dict[str, int] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def perform(self, flow: Flow[Any]) -> Any:
        """Perform a flow to its end; everything that it yields must be sound, too."""
        result: Any = None
        try:
            for _ in range(MANY):
                result = self._result(flow.send(result))
        except StopIteration as end:
            return end.value
        raise AssertionError(f"the flow does not end: {self.slept[-5:]}, {self.logged[-5:]}")

    def _result(self, effect: Any) -> Any:
        match effect:
            case Send(requests):
                return tuple(self.answer(each) for each in requests)
            case Acquire(want):
                return Acquired(want, 0.0, self.now)
            case Sleep(seconds):
                assert isfinite(seconds)
                assert 0 <= seconds <= WINDOW + 1
                self.slept.append(seconds)
                self.now += seconds
                return self.now
            case ShareCost():
                return SharedCost(None)
            case ShareWorkingTime(_, report, claim):
                state, granted = share_working_time(WorkingTimeState(), 0.0, report, claim)
                json.dumps(dump_working_time(state, 0.0), allow_nan=False)
                return granted
            case Save(_, value):
                json.dumps(value, allow_nan=False)
                return self.now
            case Log(message):
                assert printable(message)
                self.logged.append(message)
        return None

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, with what is to be odd in it."""
        params = json.loads(request.body)
        envelope = {"result": self._run(request.method, params), "time": _time(self.now)}
        if request.method == "crm.stagehistory.list":
            envelope["total"] = 1
        text = self._changed(envelope)
        self.answered += 1
        self.now += 0.1
        return HttpResponse(status=200, body=text.encode(), sent_at=self.now - 0.1, received_at=self.now)

    def _changed(self, envelope: dict[str, Any]) -> str:
        texts = []
        for answer, place, text in self.changes:
            if answer == self.answered:
                found = list(places(envelope))
                holder, key = found[place % len(found)]
                holder[key] = f"{_MARK} {len(texts)}"
                texts.append(text)
        written = json.dumps(envelope)
        for number, text in enumerate(texts):
            written = written.replace(json.dumps(f"{_MARK} {number}"), text)
        return written

    def _run(self, method: str, params: dict[str, Any]) -> Any:
        match method:
            case "batch":
                return self._batch(params["cmd"])
            case "crm.automation.trigger":
                self.fires[params["target"]] = self.fires.get(params["target"], 0) + 1
                return True
            case "crm.item.list":
                ids = params.get("filter", {}).get("@id", [])
                return {"items": [self._item(number) for number in ids]}
            case "crm.status.list":
                return [
                    {"STATUS_ID": stage, "NAME": stage.title(), "SORT": str(10 * place), "SEMANTICS": None}
                    for place, stage in enumerate(("NEW", "PREPARATION", "WON"))
                ]
            case "crm.stagehistory.list":
                row = {
                    "ID": "7",
                    "OWNER_ID": "57",
                    "STAGE_ID": "WON",
                    "CATEGORY_ID": "0",
                    "CREATED_TIME": "2026-11-03T10:20:30+03:00",
                }
                return {"items": [row, {**row, "ID": "8", "OWNER_ID": "58"}]}
            case "scope":
                return ["crm"]
            case "profile":
                return {"ID": "1", "NAME": "Ann", "LAST_NAME": "Lee", "ADMIN": True}
        return True

    def _item(self, number: int) -> dict[str, Any]:
        fired = self.fires.get(f"DEAL_{number}", 0)
        moved = f"2026-11-03T10:20:{30 + fired:02}+03:00"
        return {"id": number, "stageId": "WON" if fired else "NEW", "categoryId": 0, "movedTime": moved}

    def _batch(self, commands: dict[str, str]) -> dict[str, Any]:
        results = {key: self._run(*_command(text)) for key, text in commands.items()}
        times = {key: _time(self.now) for key in commands}
        return {"result": results, "result_error": [], "result_total": [], "result_next": [], "result_time": times}


def _command(text: str) -> tuple[str, dict[str, Any]]:
    method, _, query = text.partition("?")
    pairs = parse_qsl(query)
    ids = [int(value) for name, value in pairs if name.startswith("filter[@id]")]
    return method, {**dict(pairs), "filter": {"@id": ids}}


def _time(now: float) -> dict[str, Any]:
    began = EPOCH + now
    return {"start": began, "finish": began + 0.1, "operating": 1.5, "operating_reset_at": round(began) + 600}


def decoded(text: str) -> Any:
    """The value of a JSON text, as the client reads it."""
    envelope = decode(b'{"result":' + text.encode() + b"}")
    return None if envelope is None else envelope["result"]


def printable(text: str) -> bool:
    """Whether a text can be written to a log, a database and a JSON document, and is short enough to be read."""
    return "\x00" not in text and len(text) < 5000 and text.encode(errors="replace").decode() == text
