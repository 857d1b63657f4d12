"""Which numbers are in a range, and how a message names the range."""

from __future__ import annotations

from math import inf, nan

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.number_range import SECONDS, SECONDS_ABOVE_ZERO, NumberRange

WHOLE = NumberRange(minimum=3, whole=True)


@pytest.mark.parametrize(
    ("numbers", "value", "inside"),
    [
        (WHOLE, 3, True),
        (WHOLE, 2, False),
        (WHOLE, 3.0, False),
        (SECONDS, 0, True),
        (SECONDS, 0.5, True),
        (SECONDS, -0.5, False),
        (SECONDS, inf, False),
        (SECONDS, nan, False),
        (SECONDS, True, False),
        (SECONDS, "60", False),
        (SECONDS, None, False),
        (SECONDS, 1 + 0j, False),
        (SECONDS_ABOVE_ZERO, 0, False),
        (SECONDS_ABOVE_ZERO, 1e-9, True),
        (SECONDS_ABOVE_ZERO, 10**400, True),
    ],
)
def test_a_range_holds_finite_numbers_from_its_minimum_on(numbers, value, inside):
    assert (value in numbers) is inside


@pytest.mark.parametrize(
    ("numbers", "value", "message"),
    [
        (WHOLE, 2, "n is 2. Use a whole number of at least 3."),
        (NumberRange(minimum=0.01), "x", "n is 'x'. Use a number of at least 0.01."),
        (SECONDS, -1, "n is -1. Use a number of seconds, at least 0."),
        (SECONDS_ABOVE_ZERO, 0, "n is 0. Use a number of seconds above 0."),
    ],
)
def test_a_value_out_of_range_is_named_with_the_range(numbers, value, message):
    with pytest.raises(ConfigurationError) as caught:
        numbers.check("n", value)
    assert str(caught.value) == message
