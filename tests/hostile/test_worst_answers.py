"""What the worst answers cost a process: less than 150 MB."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache

import pytest

from tests.support.answer_cost import measure
from tests.support.hostile_server import FLOODS, LARGE, of_length
from tests.support.misbehaving_server import PATH, MisbehavingServer

MEGABYTES = 150


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_no_answer_takes_more_than_150_megabytes(kind):
    large = {name: large_answer(name) for name in LARGE}
    costs = cost_of(kind, {"a body without end": FLOODS["a body without end"], **large})
    assert max(each["peak"] for each in costs.values()) < MEGABYTES, {n: c["peak"] for n, c in costs.items()}
    assert {each["error"] for each in costs.values()} == {"OutcomeUnknown", "Reply"}


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("name", ["gzip of 200 MB", "as many objects as are read"])
def test_no_answers_that_come_together_take_more(kind, name):
    [cost] = cost_of(kind, {name: large_answer(name)}, together=4).values()
    assert cost["peak"] < MEGABYTES, cost
    assert cost["error"] == "OutcomeUnknown"


@cache
def large_answer(name):
    """Compressing takes longer than reading, so each answer is made once."""
    head, make = LARGE[name]
    return of_length(make(), head)


def cost_of(kind, behaviours, *, together=1):
    with ExitStack() as servers:
        ports = [servers.enter_context(MisbehavingServer(behave)).port for behave in behaviours.values()]
        urls = [f"http://127.0.0.1:{port}/{PATH}/" for port in ports]
        return dict(zip(behaviours, measure(kind, urls, together=together, read_timeout=600), strict=True))
