"""Literals in a DAG file that can never become valid, so that they are refused while the DAG is parsed. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.trigger_code import check_code_is_no_url

if TYPE_CHECKING:
    from collections.abc import Collection

PLACEHOLDER = re.compile(r"\{\{-?\s*ID\s*-?\}\}")
"""What Bitrix24 shows in place of the entity's id in a trigger's URL. To Airflow, it is a template."""
_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)


def check_literal_target(text: object, macros: Collection[str] = ()) -> None:
    """Refuse a target as it stands in Bitrix24, or a whole URL.

    :param text: as written in the DAG file; what is not a text passes.
    :param macros: names of the DAG's own macros.
    :raises ConfigurationError: the message says what to write.
    """
    if not isinstance(text, str) or "{%" in text:
        return
    if "/" in _EXPRESSION.sub("", text):
        raise ConfigurationError(
            "target is a URL, or a part of one.",
            hint="Pass only what follows target= in it, with the id of the entity, such as DEAL_57.",
        )
    if PLACEHOLDER.search(text) and "ID" not in macros:
        raise ConfigurationError(
            f"target is {text!r}: in {{{{ID}}}}, Bitrix24 expects the id of the entity.",
            hint="Write the id, such as DEAL_57, or a template, such as DEAL_{{ params.deal }}.",
        )


def check_literal_code(code: object) -> None:
    """Refuse a code that is a URL.

    :param code: as written in the DAG file; what is not a text passes.
    :raises ConfigurationError: the message says what to write.
    """
    if isinstance(code, str) and "{%" not in code:
        check_code_is_no_url(_EXPRESSION.sub("", code))
