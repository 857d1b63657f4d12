"""Performs a flow by a script of effects and their results, without sockets and clocks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.flows.effects import (
    Acquire,
    Acquired,
    Effect,
    Log,
    NoResponse,
    Save,
    Send,
    ShareCost,
    ShareWorkingTime,
    Sleep,
)
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeState, share_working_time
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.flows.effects import Flow


def perform(flow: Flow[Any], *steps: tuple[str, Any]) -> Any:
    """Perform a flow step by step and return its result; the flow must yield exactly these effects.

    Working time is granted without a step of the script.

    :param steps: an effect in words (:func:`described`), and its result. The result of "send ..." is a list with a body
        (of status 200), a (status, body) or an error for each request, each perhaps in a pair with (sent_at,
        received_at); of "acquire n" the time or (count, wait, time); of "sleep ..." the time; of "save" the time or,
        where none passes, ``None``.
    """
    left, result, now = list(steps), None, 0.0
    try:
        while left:
            effect = _past_working_time(flow, flow.send(result))
            expected, result = left.pop(0)
            assert described(effect) == expected, (described(effect), effect)
            match effect:
                case Send():
                    result = tuple(_response(each) for each in result)
                    now = max(now, *(each.received_at for each in result))
                case Acquire():
                    result = Acquired(*result) if isinstance(result, tuple) else Acquired(effect.want, 0.0, result)
                    now = result.now
                case Sleep():
                    now = result
                case Save():
                    now = result = now if result is None else result
        effect = _past_working_time(flow, flow.send(result))
    except StopIteration as end:
        assert not left, f"the flow has ended, but the script continues with {left}"
        return end.value
    raise AssertionError(f"the script has ended, but the flow yields {described(effect)}: {effect}")


def _past_working_time(flow: Flow[Any], effect: Effect) -> Effect:
    while isinstance(effect, ShareWorkingTime):
        assert all(each.at <= 0 for each in effect.report.figures.values()), "nothing is reported of the future"
        _, granted = share_working_time(WorkingTimeState(), 0.0, effect.report, effect.claim)
        effect = flow.send(granted)
    return effect


def described(effect: Effect) -> str:
    """An effect in words."""
    match effect:
        case Send(requests):
            return "send " + ", ".join(_named(each) for each in requests)
        case Sleep(seconds, kind):
            return f"sleep {seconds:g} {kind}"
        case Acquire(want, refused):
            return f"acquire {want}" + (f" after {refused} refused" if refused else "")
        case ShareCost(_, measured):
            return "ask cost" if measured is None else f"share cost {measured:g}"
        case ShareWorkingTime(_, _, claim):
            return f"claim working time for {claim.commands}"
        case Save():
            return "save"
        case Log():
            return "log"


def _named(request: HttpRequest) -> str:
    commands = json.loads(request.body).get("cmd") if request.method == "batch" else None
    return request.method if commands is None else f"batch of {len(commands)}"


def _response(answer: Any) -> HttpResponse | NoResponse:
    answer, moments = answer if isinstance(answer, tuple) and isinstance(answer[1], tuple) else (answer, (0.0, 0.0))
    if isinstance(answer, Bitrix24Error):
        return NoResponse(answer, *moments)
    status, body = answer if isinstance(answer, tuple) else (200, answer)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status=status, body=raw, sent_at=moments[0], received_at=moments[1])
