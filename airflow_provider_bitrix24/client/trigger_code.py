"""The code of an automation trigger, as people write it into a task or a connection. Pure."""

from __future__ import annotations

import re

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import trimmed, unwrapped

_PARTS_OF_A_URL = ("://", "/rest/", "crm.automation.trigger")
_PARAMETERS = re.compile(r"(?:^|[?&])\s*(?:code|target)=", re.IGNORECASE)
"""What a URL has before its code, such as ``code=`` or ``?target=DEAL_57&code=``."""


def checked_code(code: object) -> str | None:
    """Return the code as it is sent, without blanks around it; ``None`` stands for no code.

    :raises ConfigurationError: it is not a text, is a URL, or cannot be encoded. A URL may hold a webhook's secret, so
        the message does not repeat it.
    """
    code = unwrapped(code)
    if code is None or code == "":
        return None
    if not isinstance(code, str):
        raise ConfigurationError(
            f"code is of type {type(code).__name__}.",
            hint="Pass the trigger's code as a text, such as c5u4m.",
        )
    check_code_is_no_url(code)
    if "{{" in code or "{%" in code:
        raise ConfigurationError(
            "code is a template that was not rendered, or that rendered to nothing.",
            hint="Pass the trigger's code, such as c5u4m.",
        )
    stripped = trimmed(code)
    if not stripped:
        raise ConfigurationError("code is blank.", hint="Pass the trigger's code, such as c5u4m, or leave it out.")
    try:
        stripped.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            "code contains an unpaired surrogate and cannot be encoded as UTF-8.",
            hint="Copy the code from the trigger again.",
        ) from None
    return stripped


def check_code_is_no_url(code: str) -> None:
    """Refuse a URL, which may hold a webhook's secret, so the message does not repeat it.

    :raises ConfigurationError: it is one, or a part of one.
    """
    if any(part in code for part in _PARTS_OF_A_URL) or _PARAMETERS.search(trimmed(code)):
        raise ConfigurationError(
            "code is a URL, or a part of one.", hint="Pass only what follows code= in it, such as c5u4m."
        )
