"""Where a channel gets its tokens from. They are read when a request needs one, and kept by the process."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.errors import ApiError, AuthenticationError, Bitrix24Error
from airflow_provider_bitrix24.client.flows.effects import Flow, Log
from airflow_provider_bitrix24.client.oauth.consulting import consult, mask
from airflow_provider_bitrix24.client.oauth.hints import advise
from airflow_provider_bitrix24.client.oauth.process import ProcessTokens, process_tokens
from airflow_provider_bitrix24.client.oauth.refresh import Refresh, this_host
from airflow_provider_bitrix24.client.oauth.refresh_errors import not_authorized

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.token_store import Claim
    from airflow_provider_bitrix24.client.portal import Portal


@dataclass(slots=True, kw_only=True)
class TokenSource:
    """The tokens of one application, for one channel.

    :param rotates: whether tokens may be refreshed; a diagnosis only looks.
    :param directory: where the machine's lock lies.
    :param host: the name by which this machine claims a refresh.
    """

    application: ApplicationPortal
    clock: Clock = SYSTEM_CLOCK
    rotates: bool = True
    directory: Path | None = None
    host: str = field(default_factory=this_host)
    _tokens: ProcessTokens = field(init=False)
    _pair: Pair | None = field(default=None, init=False)
    _moved: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._tokens = process_tokens(self.application.token_store.identity)

    @property
    def pair(self) -> Pair | None:
        """The pair that requests are authorized with; ``None`` before :meth:`ready`."""
        return self._pair

    @property
    def portal(self) -> Portal:
        """The portal, at the address to which it may have moved."""
        if self._pair is None:
            return self.application
        base_url = self.application.base_url_of(self._pair)
        return (
            self.application if base_url == self.application.base_url else replace(self.application, base_url=base_url)
        )

    def ready(self) -> Flow[None]:
        """Make sure that there is a pair whose time is not over.

        :raises Bitrix24Error: nobody has authorized the application, or its tokens cannot be refreshed.
        """
        pair = self._tokens.pair
        if pair is None:
            pair = self._tokens.pair = yield from self.load()
        if self.rotates and pair.has_expired(self.clock.now()):
            pair = yield from self._renew(pair)
        yield from self._use(pair)

    def load(self) -> Flow[Pair]:
        """Read the kept pair.

        :raises Bitrix24Error: there is none.
        """
        return (yield from self.load_with_claim())[0]

    def load_with_claim(self) -> Flow[tuple[Pair, Claim | None]]:
        """Read the kept pair, and the claim of the process that is replacing it or has failed to.

        :raises Bitrix24Error: there is no pair.
        """
        kept = yield from consult(self.application.token_store.load, self.clock)
        pair, claim = kept.pair, kept.claim
        if pair is None:
            raise not_authorized(self.application)
        yield from mask(self.application, pair)
        return pair, claim if claim is not None and claim.pair == pair.fingerprint else None

    def renew(self, refused: AuthenticationError, used: Pair | None) -> Flow[bool]:
        """Get another pair than the one that was refused. Returns whether to send the request again.

        :raises Bitrix24Error: there is no other pair.
        """
        pair, tokens = used, self._tokens
        if pair is None or not self.rotates:
            return False
        brand_new = tokens.own == pair.fingerprint != tokens.proven
        if brand_new and not pair.has_expired(self.clock.now()):
            kept = yield from self.load()
            if kept.fingerprint != pair.fingerprint:  # somebody has authorized the application again
                yield from self._use(kept)
                return True
            refused.hint = (
                "The token was refreshed a moment ago. Is the portal's clock wrong, or is the connection's Host "
                "another portal than the one that the application was authorized on?"
            )
            return False
        yield Log(f"The portal refuses the application's token ({refused.code}); refreshing it.")
        yield from self._use((yield from self._renew(pair)))
        return True

    def accepted(self, used: Pair | None) -> None:
        """Note that the portal has accepted the token."""
        if used is not None:
            self._tokens.proven = used.fingerprint

    def refresh(self, *, older_than: float) -> Flow[tuple[Pair, bool]]:
        """Refresh the kept pair if it is old, so that it does not end unused.

        :param older_than: seconds since it was stored.
        :returns: the pair, and whether it is new.
        """
        pair = yield from self.load()
        if self.clock.now() - pair.stored_at < older_than:
            return pair, False
        return (yield from self._renew(pair)), True

    def redact(self, text: str) -> str:
        """Text without the application's secret and its tokens."""
        text = self.application.redact(text)
        for pair in self._tokens.recent:
            text = pair.redact(text)
        return text

    def advise(self, error: Bitrix24Error) -> None:
        """Let an error say what an application's owner should do."""
        if isinstance(error, ApiError):
            advise(error, self.application.advice)

    def _renew(self, pair: Pair) -> Flow[Pair]:
        refresh = Refresh(
            application=self.application,
            tokens=self._tokens,
            clock=self.clock,
            failed=pair,
            directory=self.directory,
            host=self.host,
        )
        return (yield from refresh.run())

    def _use(self, pair: Pair) -> Flow[None]:
        self._pair = self._tokens.pair = pair
        self._tokens.remember(pair)
        if not self._moved and (moved := self.portal.base_url) != self.application.base_url:
            self._moved = True
            yield Log(f"The portal has moved to {moved}. Change Host in the connection, then authorize it again.")
