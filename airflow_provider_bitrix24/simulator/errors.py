"""The portal's errors and their HTTP statuses.

Statuses follow the portal's source. For some codes the public documentation gives others; a switch of the portal
chooses between the two (:attr:`.portal.settings.PortalSettings.statuses`).
"""

from __future__ import annotations

from typing import Any, Final

DOCUMENTED_STATUS: Final[dict[str, int]] = {
    "INVALID_CREDENTIALS": 403,
    "insufficient_scope": 403,
    "ACCESS_DENIED": 403,
    "user_access_error": 403,
    "OVERLOAD_LIMIT": 503,
    "INVALID_REQUEST": 400,
    "PORTAL_DELETED": 500,
}
"""Statuses in the documentation's table of system errors, where they differ from the source."""


class RestError(Exception):
    """A refusal in the portal's own words.

    :param code: the `error` key; often the empty string.
    :param description: the `error_description` key.
    :param status: HTTP status according to the portal's source; not shown inside a batch.
    :param documented_status: HTTP status according to the documentation of the method, where it differs.
    """

    def __init__(
        self,
        code: str,
        description: str,
        *,
        status: int = 400,
        documented_status: int | None = None,
    ) -> None:
        super().__init__(f"{code or '(empty code)'}: {description}")
        self.code = code
        self.description = description
        self.status = status
        self.documented_status = documented_status

    def body(self) -> dict[str, Any]:
        """The error's JSON object, which never has a `time`."""
        return {"error": self.code, "error_description": self.description}

    def status_for(self, statuses: str) -> int:
        """The HTTP status according to the source or, with ``"docs"``, to the documentation."""
        if statuses != "docs":
            return self.status
        if self.documented_status is not None:
            return self.documented_status
        return DOCUMENTED_STATUS.get(self.code, self.status)


def method_not_found() -> RestError:
    """The answer to an unknown method, which the portal gives before it checks credentials."""
    return RestError("ERROR_METHOD_NOT_FOUND", "Method not found!", status=404)


def access_denied(detail: str, *, documented_status: int = 403) -> RestError:
    """A refusal by a method, with the portal's fixed prefix."""
    return RestError("ACCESS_DENIED", f"Access denied! {detail}", status=403, documented_status=documented_status)


def auth_error(code: str, description: str) -> RestError:
    """A refusal by the authentication; according to the source all of them are 401."""
    return RestError(code, description, status=401)


def missing_argument(name: str) -> RestError:
    """The refusal of a controller method when a required argument is absent."""
    return RestError("100", f"Could not find value for parameter {{{name}}}")


def wrong_argument(name: str, value: Any, expected: str) -> RestError:
    """The refusal of a controller method when an argument has the wrong type."""
    return RestError(
        "100", f"Invalid value {{{value}}} to match with parameter {{{name}}}. Should be value of type {expected}."
    )


def operation_time_limit() -> RestError:
    """The refusal of a method that has used up its operating time of the last ten minutes."""
    return RestError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", status=429)


class V3Error(RestError):
    """An error of REST 3.0: its `error` is an object, and source and documentation agree on its status."""

    def __init__(self, kind: str, message: str, *, status: int) -> None:
        super().__init__(f"BITRIX_REST_V3_EXCEPTION_{kind}EXCEPTION", message, status=status)

    def body(self) -> dict[str, Any]:
        """The error's JSON object."""
        return {"error": {"code": self.code, "message": self.description}}

    def status_for(self, statuses: str) -> int:
        """The HTTP status."""
        del statuses
        return self.status


def v3_method_not_found(method: str) -> V3Error:
    """The answer of REST 3.0 to a method that it does not have; it has none of the CRM."""
    return V3Error("METHODNOTFOUND", f"Method `{method}` not found", status=404)


class PhpFatalError(Exception):
    """The request crashes the portal's own code: HTTP 500 without an envelope, also from inside a batch."""
