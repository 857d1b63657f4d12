"""What the owner of an application should do about an error of the portal."""

from __future__ import annotations

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.oauth.hints import advise
from airflow_provider_bitrix24.client.protocol.error_codes import error_from


def test_errors_of_the_portal_advise_the_owner_of_the_application():
    cases = {
        ("expired_token", 401, ""): "Authorize the application again.",
        ("user_access_error", 401, ""): "may not use it",
        ("ACCESS_DENIED", 401, "REST is available only on commercial plans."): "plan",
        ("ACCESS_DENIED", 403, "Access denied! Admin permissions required"): "administrator",
        ("ACCESS_DENIED", 401, "Current user can't be authorized in this context"): "log in to the portal once",
        ("QUERY_LIMIT_EXCEEDED", 503, ""): "Another program",
    }
    for (code, status, description), hint in cases.items():
        error = error_from("scope", {"error": code, "error_description": description}, status)
        advise(error, "Authorize the application again.")
        assert hint in error.hint, code
    advise(ConfigurationError("x", hint="as it was"), "y")
