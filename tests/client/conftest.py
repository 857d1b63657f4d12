"""Fixtures of the client's tests: portals with clients in front of them, and flows performed by a script."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import flow_script, tracing
from tests.support.client_bench import ClientBench
from tests.support.drivers import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def perform() -> Callable[..., Any]:
    """Performs a flow by a script of effects and results; see :func:`tests.support.flow_script.perform`."""
    return flow_script.perform


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest) -> Iterator[ClientBench]:
    """A fresh portal, once with the blocking and once with the asynchronous client."""
    with ClientBench(request.param) as made:
        yield made


@pytest.fixture
def benches() -> Callable[..., ClientBench]:
    """Makes benches, for tests that need several of them or other settings."""
    return ClientBench


@pytest.fixture
def run_with_both_clients(request: pytest.FixtureRequest) -> Callable[..., ClientBench]:
    """Runs a scenario with both clients, requires that they do the same, and returns the first one's bench."""

    def run(scenario: Callable[[ClientBench], object], **options: Any) -> ClientBench:
        first = _run(scenario, KINDS[0], options)
        with tracing.untraced() if tracing.is_alike(request.node) else nullcontext():
            second = _run(scenario, KINDS[1], options)
        assert first.record() == second.record()
        return first

    return run


def _run(scenario: Callable[[ClientBench], object], kind: Any, options: dict[str, Any]) -> ClientBench:
    with ClientBench(kind, **{**options, "settings": dict(options.get("settings", {}))}) as bench:
        scenario(bench)
    return bench
