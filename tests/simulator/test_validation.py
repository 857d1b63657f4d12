from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest

from airflow_provider_bitrix24.simulator.validation import assign, check, number

HINTS: dict[str, Any] = {
    "count": int,
    "share": float,
    "on": bool,
    "name": str,
    "mode": Literal["fast", "slow"],
    "limit": float | None,
    "anything": Any,
    "list": list,
}


@dataclass
class Target:
    count: int = 1
    name: str = "before"


def test_values_that_fit_pass():
    check({"count": 0, "share": 1, "on": False, "name": "", "mode": "slow", "limit": None, "list": [1]}, HINTS)
    check({"anything": object()}, HINTS)
    check({}, HINTS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "an object with count, "),
        ({"colour": 1}, "unknown key 'colour'; there are count, "),
        ({"count": 1.5}, "'count' cannot be 1.5; it is a whole number from 0 on"),
        ({"count": True}, "'count' cannot be True"),
        ({"count": -1}, "'count' cannot be -1"),
        ({"share": float("nan")}, "'share' cannot be nan; it is a number from 0 on"),
        ({"share": float("inf")}, "'share' cannot be inf"),
        ({"share": True}, "'share' cannot be True"),
        ({"on": 1}, "'on' cannot be 1; it is true or false"),
        ({"name": None}, "'name' cannot be None; it is a text"),
        ({"mode": "medium"}, "'mode' cannot be 'medium'; it is 'fast' or 'slow'"),
        ({"limit": "x"}, "'limit' cannot be 'x'; it is a number from 0 on or null"),
    ],
)
def test_the_first_value_that_does_not_fit_is_named(data, message):
    with pytest.raises(ValueError, match=message):
        check(data, HINTS)


def test_all_attributes_are_assigned_or_none():
    target = Target()
    with pytest.raises(ValueError, match="'count'"):
        assign(target, {"name": "after", "count": "many"}, HINTS)
    assert target == Target()
    assign(target, {"name": "after", "count": 2}, HINTS)
    assert target == Target(2, "after")


def test_a_number_is_required_unless_it_has_a_default():
    assert (number({"n": 2}, "n"), number({}, "n", 7)) == (2.0, 7.0)
    with pytest.raises(ValueError, match="'n' is missing"):
        number({}, "n")
    with pytest.raises(ValueError, match="'n' cannot be '2'"):
        number({"n": "2"}, "n")
