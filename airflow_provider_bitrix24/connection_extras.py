"""Reads the extras of a connection, as forms, environment variables and people write them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.settings import RANGES
from airflow_provider_bitrix24.connection_form import CONN_TYPE, ExtraField

_TRUE = ("true", "1", "yes", "on")
_FALSE = ("false", "0", "no", "off")
_LONG_NAME = f"extra__{CONN_TYPE}__"
"""The prefix that the test button of Airflow 2.11 adds to an extra's name. It sends each extra under both names."""
_SHOWN = 40
"""How many characters of a wrong value a message repeats."""


def parse_extra(text: str | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the extras by name, as they were typed.

    :raises ConfigurationError: it is not a JSON object.
    """
    if isinstance(text, Mapping):  # Airflow 3.2 turns the query of a URI into a mapping
        extra: Any = dict(text)
    elif not text or not text.strip():
        return {}
    else:
        try:
            extra = json.loads(text)
        except (ValueError, RecursionError):
            # The text may contain a secret, which the error would repeat.
            raise ConfigurationError("Extra is not valid JSON.", hint='Use the form {"plan": "standard"}.') from None
    if not isinstance(extra, dict):
        raise ConfigurationError("Extra is not a JSON object.", hint='Use the form {"plan": "standard"}.')
    named_long = {name: extra.pop(name) for name in list(extra) if name.startswith(_LONG_NAME)}
    return {name.removeprefix(_LONG_NAME): value for name, value in named_long.items()} | extra


def read_extra(name: str, field: ExtraField, value: Any) -> Any:
    """Read one extra. A field that was left empty is absent; forms save it as null or as an empty string.

    :raises ConfigurationError: it is not what the field takes.
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    match field.kind:
        case "boolean":
            return _boolean(name, value)
        case "integer" | "number":
            return _number(name, value)
        case "string":
            return _text(name, field, value)


def _boolean(name: str, value: Any) -> bool:
    text = str(value).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    advice = " Put a path into ca_bundle." if name == "verify_tls" else ""
    raise ConfigurationError(f"{name} is {shown_value(value)}.", hint=f"Write true or false.{advice}")


def _number(name: str, value: Any) -> float:
    """Read a number, which a form may have saved as a text or as a float."""
    numbers = RANGES[name]
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else value
    except (ValueError, OverflowError):
        number = None
    if numbers.whole and isinstance(number, float) and number.is_integer():
        number = int(number)
    if number not in numbers:
        raise numbers.refusal(name, shown_value(value))
    return cast("float", number)


def _text(name: str, field: ExtraField, value: Any) -> str:
    if isinstance(value, bool | dict | list):
        raise ConfigurationError(f"{name} is {shown_value(value)}.", hint="Write a text.")
    text = str(value)
    if field.choices and text not in field.choices:
        raise ConfigurationError(f"{name} is {shown_value(text)}.", hint=f"Write {' or '.join(field.choices)}.")
    return text


def check_proxy(proxy: str | None) -> None:
    """Refuse what is not the address of an HTTP proxy.

    :raises ConfigurationError: it is not.
    """
    if proxy is not None and not re.match(r"^https?://[^\s/]+/?$", proxy):
        # It may contain a password, so it is not repeated.
        raise ConfigurationError("proxy is not a valid proxy URL.", hint="Use the form http://proxy.example.com:3128.")


def shown_value(value: Any) -> str:
    """A wrong value as a message repeats it: cut where it is long."""
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."
