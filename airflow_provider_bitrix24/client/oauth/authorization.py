"""How an application gets its first pair: by the code that a browser brings, or by what its installation brought."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from airflow_provider_bitrix24.client.errors import ApiError, AuthenticationError, Bitrix24Error, ConfigurationError
from airflow_provider_bitrix24.client.flows.effects import Flow, Send, Uninterrupted
from airflow_provider_bitrix24.client.oauth.changes import of_another_portal
from airflow_provider_bitrix24.client.oauth.consulting import consult, mask
from airflow_provider_bitrix24.client.oauth.grants import (
    WRONG_CLIENT,
    AuthorizationCode,
    code_request,
    is_invalid_grant,
    is_lost,
    read_grant,
)
from airflow_provider_bitrix24.client.oauth.next_server import with_next_server
from airflow_provider_bitrix24.client.oauth.pair import is_token
from airflow_provider_bitrix24.client.oauth.process import process_tokens
from airflow_provider_bitrix24.client.oauth.refresh_errors import SHADOWED_HINT
from airflow_provider_bitrix24.client.oauth.token_store import Kept

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.pair import Pair

_ONCE_MORE = "Open the address again and paste what it brings within 30 seconds."


@dataclass(frozen=True, slots=True)
class Authorization:
    """Gets and stores a pair for an application."""

    application: ApplicationPortal
    clock: Clock

    def with_code(self, code: AuthorizationCode) -> Flow[Pair]:
        """Exchange a code, and store the pair.

        :raises AuthenticationError: the code is wrong, used or too old.
        :raises ConfigurationError: the pair is another portal's, or cannot be stored.
        :raises Bitrix24Error: the authorization server refused, or its answer was lost.
        """
        result: Pair = yield Uninterrupted(self._exchange(code))
        return result

    def with_pair(self, pair: Pair) -> Flow[Pair]:
        """Store a pair that an installation has brought.

        :raises ConfigurationError: it is another portal's, names a server that is not trusted, or cannot be stored.
        """
        self.application.token_server(pair)
        result: Pair = yield Uninterrupted(self._store(pair))
        return result

    def _exchange(self, code: AuthorizationCode) -> Flow[Pair]:
        outcome: Pair | Bitrix24Error | None = None
        for server in self.application.token_servers():
            request = code_request(self.application, server, code)
            # No variable holds the answer: a traceback with local variables would show the tokens in it.
            outcome = read_grant(self.application, (yield Send((request,)))[0], self.clock.now(), code)
            if not (isinstance(outcome, ApiError) and outcome.code == WRONG_CLIENT):
                break
        if outcome is None or isinstance(outcome, Bitrix24Error):
            raise _explained(outcome)
        return (yield from self._store((yield from with_next_server(self.application, outcome, server))))

    def _store(self, pair: Pair) -> Flow[Pair]:
        application = self.application
        yield from mask(application, pair)
        address = application.base_url_of(pair)
        if address != application.base_url:
            raise ConfigurationError(
                f"The application was authorized on {address}, but the connection's Host is {application.base_url}.",
                hint="Correct Host, or log in to the other portal and authorize the application there.",
            )
        yield from consult(partial(application.token_store.update, partial(_replaced, pair)), self.clock)
        kept = yield from consult(application.token_store.load, self.clock)
        if kept.pair is None or kept.pair.fingerprint != pair.fingerprint:
            raise self._not_stored(kept, pair)
        tokens = process_tokens(application.token_store.identity)
        tokens.pair, tokens.lost, tokens.unstored = pair, None, None
        return pair

    def _not_stored(self, kept: Kept, pair: Pair) -> ConfigurationError:
        if kept.pair is not None and of_another_portal(kept.pair, pair):
            return ConfigurationError(
                "Tokens of another portal are kept under the same name.",
                hint="Set token_key in the connection to a name that no other connection uses.",
            )
        return ConfigurationError(
            "The application's tokens were stored, but something else is read back.",
            hint=SHADOWED_HINT,
        )


def read_redirect(pasted: str, *, state: str, host: str | None) -> AuthorizationCode:
    """Read what a person pastes: the whole address on which the browser ended, or the bare code that the portal showed.

    :param state: what the authorization page was given.
    :param host: the portal's; ``None`` for a portal on this machine, which may call itself anything.
    :raises ConfigurationError: it holds no code, or belongs to another attempt or another portal. Nothing of it is
        repeated.
    """
    text = pasted.strip()
    if is_token(text) and not any(each in text for each in "/?&= "):
        return AuthorizationCode(text)
    query = text.partition("#")[0].partition("?")[2] or text
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    if not is_token(fields.get("code")):
        raise ConfigurationError("There is no code in what was pasted.", hint=_ONCE_MORE)
    if fields.get("state") != state:
        raise ConfigurationError(
            "The address belongs to another attempt: its state is not the one that this command has sent.",
            hint=_ONCE_MORE,
        )
    if host is not None and fields.get("domain", host).lower() != host.lower():
        raise ConfigurationError(
            "The address comes from another portal than the connection's Host.",
            hint=f"Log in to {host} in the browser, or correct Host.",
        )
    return AuthorizationCode(fields["code"])


def _replaced(pair: Pair, kept: Kept) -> Kept:
    return kept if kept.pair is not None and of_another_portal(kept.pair, pair) else Kept(pair=pair)


def _explained(error: Bitrix24Error | None) -> Bitrix24Error:
    if is_invalid_grant(error):
        return AuthenticationError(
            code=error.code,
            description="The code is wrong, was used already, or is older than 30 seconds.",
            method=error.method,
            status=error.status,
            hint=_ONCE_MORE,
        )
    if error is None:
        return ConfigurationError("There is no authorization server to ask.")
    if is_lost(error):
        error.hint = f"The answer was lost, and the code with it. {_ONCE_MORE}"
    return error
