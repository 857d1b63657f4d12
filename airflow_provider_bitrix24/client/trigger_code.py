"""The code of an automation trigger, as people write it into a task or a connection. Pure."""

from __future__ import annotations

from airflow_provider_bitrix24.client.errors import ConfigurationError

_PARTS_OF_A_URL = ("://", "/rest/", "crm.automation.trigger")


def checked_code(code: object) -> str | None:
    """Return the code if it can be sent; ``None`` stands for no code.

    :raises ConfigurationError: it is not a text, is a URL, or cannot be encoded. A URL may hold a webhook's secret, so
        the message does not repeat it.
    """
    if code is None or code == "":
        return None
    if not isinstance(code, str):
        raise ConfigurationError(
            f"code is of type {type(code).__name__}.",
            hint="Pass the trigger's code as a text, such as c5u4m.",
        )
    if any(part in code for part in _PARTS_OF_A_URL):
        raise ConfigurationError(
            "code is a URL, or a part of one.", hint="Pass only what stands after code= in it, such as c5u4m."
        )
    try:
        code.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            "code holds half a character, which cannot be sent.", hint="Copy the code from the trigger again."
        ) from None
    return code
