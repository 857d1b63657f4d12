"""The portal's errors and their HTTP statuses; nothing here knows when they are raised.

Statuses follow the portal's source. The public documentation names others for some codes; which of the two
an answer carries is a switch of the portal (:attr:`..settings.PortalSettings.statuses`).
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
"""Statuses of the documentation's table of system errors, where they differ from the source's."""


class RestError(Exception):
    """A refusal in the portal's own words.

    :param code: the `error` key; often the empty string.
    :param description: the `error_description` key.
    :param status: HTTP status by the portal's source; inside a batch it is not shown.
    :param documented_status: HTTP status by the documentation's page of that method, where it differs.
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
        """Return the error's JSON object, which never carries a `time`."""
        return {"error": self.code, "error_description": self.description}

    def status_for(self, statuses: str) -> int:
        """Return the HTTP status, by the source or, with ``"docs"``, by the documentation."""
        if statuses != "docs":
            return self.status
        if self.documented_status is not None:
            return self.documented_status
        return DOCUMENTED_STATUS.get(self.code, self.status)


def method_not_found() -> RestError:
    """Return the answer to an unknown method; the portal gives it before it looks at credentials."""
    return RestError("ERROR_METHOD_NOT_FOUND", "Method not found!", status=404)


def access_denied(detail: str, *, documented_status: int = 403) -> RestError:
    """Return a refusal at the method stage, with the portal's fixed prefix."""
    return RestError("ACCESS_DENIED", f"Access denied! {detail}", status=403, documented_status=documented_status)


def auth_error(code: str, description: str) -> RestError:
    """Return a refusal at the authentication stage: 401 for all of them, by the source."""
    return RestError(code, description, status=401)


def missing_argument(name: str) -> RestError:
    """Return what a controller method answers when a required argument is absent."""
    return RestError("100", f"Could not find value for parameter {{{name}}}")


def wrong_argument(name: str, value: Any, expected: str) -> RestError:
    """Return what a controller method answers when an argument is of another type."""
    return RestError(
        "100", f"Invalid value {{{value}}} to match with parameter {{{name}}}. Should be value of type {expected}."
    )


def operation_time_limit() -> RestError:
    """Return the refusal of a method that has worked too long in the last ten minutes."""
    return RestError("OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", status=429)


class V3Error(RestError):
    """An error of REST 3.0, whose `error` is an object and whose status is the same everywhere."""

    def __init__(self, kind: str, message: str, *, status: int) -> None:
        super().__init__(f"BITRIX_REST_V3_EXCEPTION_{kind}EXCEPTION", message, status=status)

    def body(self) -> dict[str, Any]:
        """Return the error's JSON object."""
        return {"error": {"code": self.code, "message": self.description}}

    def status_for(self, statuses: str) -> int:
        """Return the HTTP status."""
        del statuses
        return self.status


def v3_method_not_found(method: str) -> V3Error:
    """Return REST 3.0's answer to a method that it does not serve; it serves none of the CRM's."""
    return V3Error("METHODNOTFOUND", f"Method `{method}` not found", status=404)


class PhpFatalError(Exception):
    """The portal's own code dies of this request: an HTTP 500 without any envelope, also out of a batch."""
