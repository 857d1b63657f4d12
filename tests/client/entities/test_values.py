"""Values of queries as fields of a portal: decimals without exponents, and what no field can hold."""

from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_bitrix24.client.entities.values import NotWritableError, writable


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("12.50"), "12.50"),
        (Decimal("1.2E+3"), "1200"),
        (Decimal(1200).normalize(), "1200"),
        (Decimal("1E-7"), "0.0000001"),
        (Decimal("-0.0"), "-0.0"),
        (Decimal("1E-999999"), "1E-999999"),
    ],
)
def test_a_decimal_is_written_as_people_write_it(value, written):
    assert writable(value) == written


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity"), Decimal("1E+999")])
def test_what_is_not_a_number_is_refused(value):
    with pytest.raises(NotWritableError, match="is not a number"):
        writable(value)
