"""What people pass becomes plain values, and what no portal can read is refused."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import plain_params, unwrapped


class Code(str, Enum):  # noqa: UP042 - a common form, which formats as Code.EXEC
    EXEC = "exec"


class Stage(StrEnum):
    WON = "C5:WON"


class Pure(Enum):
    FILTER = "filter"


class Kind(IntEnum):
    DEAL = 2


class Number(int, Enum):
    ONE = 1


class Title(str):
    __slots__ = ()

    def __str__(self):
        return "something else"


class Index:
    """As NumPy's integers are."""

    def __index__(self):
        return 57


class Lazy(Sequence):
    """As what Airflow gives for the results of a mapped task."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return ["a", "b"][index]


def exactly(value):
    """The value with all its types."""
    if isinstance(value, dict):
        return {(type(name), name): exactly(each) for name, each in value.items()}
    return type(value), [exactly(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (Code.EXEC, "exec"),
        (Stage.WON, "C5:WON"),
        (Pure.FILTER, "filter"),
        (Kind.DEAL, 2),
        (Number.ONE, 1),
        (Title("x"), "x"),
        (Index(), 57),
        (True, True),
        ((1, Code.EXEC), [1, "exec"]),
        (Lazy(), ["a", "b"]),
        (OrderedDict({Pure.FILTER: {Kind.DEAL: Stage.WON}}), {"filter": {"2": "C5:WON"}}),
        (MappingProxyType({"a": None}), {"a": None}),
    ],
)
def test_parameters_become_plain_json_at_any_depth(given, plain):
    assert exactly(plain_params({"x": given, "y": [given]})) == exactly({"x": plain, "y": [plain]})


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), date(2026, 1, 1), {1, 2}, object(), Decimal(1), print])
def test_a_value_that_no_portal_can_read_is_refused(value):
    with pytest.raises(ConfigurationError, match=f"type {type(value).__name__} cannot be sent"):
        plain_params({"x": {"y": [value]}})


@pytest.mark.parametrize("name", [None, True, 1.5, (1,)])
def test_a_name_is_a_text_or_a_number(name):
    with pytest.raises(ConfigurationError, match="whose name is of type"):
        plain_params({"x": {name: 1}})


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (Code.EXEC, "exec"),
        ([Code.EXEC, "c"], ["exec", "c"]),
        ((Stage.WON,), ("C5:WON",)),
        ({Code.EXEC}, {"exec"}),
        ({Code.EXEC: [Stage.WON]}, {"exec": ["C5:WON"]}),
        ("{{ params.code }}", "{{ params.code }}"),
        (None, None),
    ],
)
def test_members_of_enumerations_become_their_values(given, plain):
    assert exactly(unwrapped(given)) == exactly(plain)


def test_what_airflow_fills_in_later_is_left_alone():
    class Output(Mapping):
        def __getitem__(self, name):
            raise AssertionError

        def __iter__(self):
            raise AssertionError

        def __len__(self):
            raise AssertionError

    output = Output()
    assert unwrapped([output])[0] is output
