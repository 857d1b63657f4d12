"""Why there is no new pair of tokens, said so that the reader knows who asked for it and what to do. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import AuthenticationError, Bitrix24Error, ConfigurationError
from airflow_provider_bitrix24.client.oauth.grants import chain_lost, is_invalid_grant

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.token_store import Claim

SHADOWED_HINT = "Does a secrets backend or an environment variable define the same name? Remove it there."


def not_authorized(application: ApplicationPortal) -> AuthenticationError:
    """The error of an application that nobody has authorized yet."""
    return AuthenticationError(
        code="",
        description="The application has no tokens yet.",
        method="oauth.token",
        status=0,
        hint=application.advice,
    )


def unwritable() -> ConfigurationError:
    """The error of a store that does not keep a claim, found before anything is refreshed."""
    return ConfigurationError(
        "What is written into the store of tokens cannot be read back, so tokens are not refreshed: the new ones "
        "would be lost.",
        hint=SHADOWED_HINT,
    )


def shadowed() -> ConfigurationError:
    """The error of a store that does not keep the new pair."""
    return ConfigurationError(
        "The application's new tokens were stored, but something else is read back.",
        hint=SHADOWED_HINT,
    )


def without_tokens(application: ApplicationPortal, error: Bitrix24Error, claim: Claim) -> Bitrix24Error:
    """The error of a call for which there are no tokens.

    :param error: why the authorization server gave none.
    :param claim: of the process that asked for the pair that did not arrive.
    """
    who = f"{claimant(claim)} asked for new ones at {_moment(claim.at)}"
    if is_invalid_grant(error):
        error = chain_lost(
            application,
            f"The application's tokens are no longer valid. {who}; the answer was lost, or nobody has used them "
            "for too long, or another program uses the same ones.",
        )
    else:
        error.hint = f"{who}. If the next try says that they are no longer valid: {application.advice}"
    error.executed = "no"  # the call that needed the tokens was not sent
    return error


def claimant(claim: Claim | None) -> str:
    """The process that a claim names."""
    return "Another host" if claim is None else f"Process {claim.pid} of host {claim.host}"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
