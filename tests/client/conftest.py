"""Fixtures of the client's tests: portals with clients in front of them, and conversations played by a script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.flows.effects import (
    Acquire,
    Acquired,
    Effect,
    Flow,
    NoResponse,
    Save,
    Send,
    ShareCost,
    Sleep,
)
from airflow_provider_bitrix24.client.protocol.wire import HttpRequest, HttpResponse
from tests.support.client_bench import KINDS, Bench

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# A shared machine may be slow for a moment; what is slow for good shows in the suite's time.
hypothesis.settings.register_profile("client", deadline=None, max_examples=40, database=None)
hypothesis.settings.load_profile("client")


def described(effect: Effect) -> str:
    """A wish in words."""
    if isinstance(effect, Send):
        return "send " + ", ".join(_sent(each) for each in effect.requests)
    if isinstance(effect, Sleep):
        return f"pause {effect.seconds:g} {effect.kind}"
    if isinstance(effect, Acquire):
        return f"reserve {effect.want}" + (f" after {effect.refused} refused" if effect.refused else "")
    if isinstance(effect, ShareCost):
        return "ask cost" if effect.measured is None else f"share cost {effect.measured:g}"
    return "save" if isinstance(effect, Save) else "tell"


def _sent(request: HttpRequest) -> str:
    commands = json.loads(request.body).get("cmd") if request.method == "batch" else None
    return request.method if commands is None else f"batch of {len(commands)}"


def _warned(answer: Any) -> HttpResponse | NoResponse:
    """What came back, from (status, body), a body, or an error; optionally with (sent_at, received_at) behind it."""
    answer, moments = answer if isinstance(answer, tuple) and isinstance(answer[1], tuple) else (answer, (0.0, 0.0))
    if isinstance(answer, Bitrix24Error):
        return NoResponse(answer, *moments)
    status, body = answer if isinstance(answer, tuple) else (200, answer)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status=status, body=raw, sent_at=moments[0], received_at=moments[1])


@pytest.fixture
def play() -> Callable[..., Any]:
    """Performs a conversation by a script of (expected wish, answer), without sockets and clocks.

    The answer to "send ..." is a list, to "reserve n" the time or (count, wait, time), to "pause ..." the time.
    """

    def perform(flow: Flow[Any], *steps: tuple[str, Any]) -> Any:
        result: Any = None
        left = list(steps)
        try:
            while left:
                effect = flow.send(result)
                wish, answer = left.pop(0)
                assert described(effect) == wish, (described(effect), effect)
                result = answer
                if isinstance(effect, Send):
                    result = tuple(_warned(each) for each in answer)
                elif isinstance(effect, Acquire):
                    result = Acquired(*answer) if isinstance(answer, tuple) else Acquired(effect.want, 0.0, answer)
            effect = flow.send(result)
        except StopIteration as end:
            assert not left, f"no wish any more, but expected {left}"
            return end.value
        raise AssertionError(f"one more wish: {described(effect)}: {effect}")

    return perform


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A fresh portal, once with the blocking and once with the asynchronous client."""
    with Bench(request.param) as made:
        yield made


@pytest.fixture
def benches() -> Callable[..., Bench]:
    """Makes benches, for tests that need many of them or other settings."""
    return Bench


@pytest.fixture
def both() -> Callable[..., Bench]:
    """Plays a scenario with both clients, demands that they do the same, and returns the first one's bench."""

    def play(scenario: Callable[[Bench], object], **options: Any) -> Bench:
        played = []
        for kind in KINDS:
            with Bench(kind, **{**options, "settings": dict(options.get("settings", {}))}) as made:
                scenario(made)
                played.append(made)
        first, second = played
        assert first.record() == second.record()
        return first

    return play
