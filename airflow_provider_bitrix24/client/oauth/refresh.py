"""One refresh of an application's tokens, written once for both drivers.

In this order: one thread or coroutine of the process, one process of the machine, one host that claims it. At each step
what is kept is read again, since somebody else may have refreshed the pair meanwhile. The new pair is stored and read
back before it is used. A lost answer is a lost pair, unless the server had not executed the request.
"""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.flows.effects import Consult, Flow, Log, Send, Sleep, Uninterrupted
from airflow_provider_bitrix24.client.oauth.changes import (
    CLAIM_SECONDS,
    Claiming,
    Releasing,
    Storing,
    of_another_portal,
    replacement,
)
from airflow_provider_bitrix24.client.oauth.consulting import consult, mask
from airflow_provider_bitrix24.client.oauth.grants import (
    chain_lost,
    is_invalid_grant,
    is_lost,
    is_transient,
    read_grant,
    refresh_request,
)
from airflow_provider_bitrix24.client.oauth.next_server import with_next_server
from airflow_provider_bitrix24.client.oauth.process import MachineLock
from airflow_provider_bitrix24.client.oauth.refresh_errors import (
    claimant,
    not_authorized,
    shadowed,
    unwritable,
    without_tokens,
)
from airflow_provider_bitrix24.client.oauth.token_store import Claim

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.process import ProcessTokens
    from airflow_provider_bitrix24.client.oauth.token_store import Kept

LOST_RACE_SECONDS = 30.0
"""Seconds for which the store is read after a refused refresh, in case somebody else has the new pair."""
LOCK_PATIENCE = 120.0
"""Seconds after which the machine's lock is no longer waited for; claims still keep two refreshes apart."""
CLAIM_PAUSE = 0.5
"""Seconds after which a claim is read back where a store is not atomic: longer than it takes to read and write one."""
_TRIES = 3
_STEP = 0.05


def this_host() -> str:
    """The name by which this machine claims a refresh."""
    return socket.gethostname()[:200] or "unknown"


@dataclass(slots=True, kw_only=True)
class Refresh:
    """Replaces one pair.

    :param failed: the pair that the portal refuses, or whose time is over.
    :param host: the name of this machine.
    """

    application: ApplicationPortal
    tokens: ProcessTokens
    clock: Clock
    failed: Pair
    directory: Path | None = None
    host: str = field(default_factory=this_host)

    def run(self) -> Flow[Pair]:
        """Get a pair that replaces the failed one.

        :raises Bitrix24Error: there is none; the message says whether a person has to authorize the application again.
        """
        tokens = self.tokens
        while not tokens.refreshing.acquire(blocking=False):
            yield self._short_sleep(_STEP)
        try:
            pair = tokens.pair
            if pair is not None and pair.fingerprint != self.failed.fingerprint and not self._expired(pair):
                return pair
            pair = yield from self._first_on_this_machine()
            tokens.pair = pair
            return pair
        finally:
            tokens.refreshing.release()

    def _first_on_this_machine(self) -> Flow[Pair]:
        lock = MachineLock(self.application.token_store.identity, self.directory)
        try:
            yield from self._lock_machine(lock)
            return (yield from self._first_of_all())
        finally:
            lock.release()

    def _lock_machine(self, lock: MachineLock) -> Flow[None]:
        patience = LOCK_PATIENCE
        while True:
            locked: bool | OSError = yield Consult(lock.acquire)
            if isinstance(locked, OSError):
                yield Log(f"This machine's processes refresh tokens without a lock: {locked}", logging.WARNING)
                return
            if locked:
                return
            if patience <= 0:
                yield Log("Another process holds the lock for refreshing tokens; continuing without it.")
                return
            patience -= _STEP
            yield self._short_sleep(_STEP)

    def _first_of_all(self) -> Flow[Pair]:
        kept = yield from self._load()
        old = kept.pair
        if old is None:
            raise not_authorized(self.application)
        if (pair := replacement(kept, self.failed, now=self.clock.now())) is not None:
            return pair
        self._check_not_lost(old)
        if (unstored := self.tokens.unstored) is not None and unstored[0] == old.fingerprint:
            stored: Pair = yield Uninterrupted(self._store(old, unstored[1]))
            return stored
        left, found, claim = yield from self._claim(old, kept)
        if found is not None:
            return found
        outcome: Pair | Bitrix24Error = yield Uninterrupted(self._exchange(old, claim))
        if isinstance(outcome, Bitrix24Error):
            return (yield from self._lost_race(old, outcome, left or claim))
        self.tokens.own = outcome.fingerprint
        return outcome

    # -- the claim

    def _claim(self, old: Pair, kept: Kept) -> Flow[tuple[Claim | None, Pair | None, Claim]]:
        """Announce the refresh.

        :returns: the claim that a dead process has left, the pair that somebody else has stored meanwhile, and the
            own claim, which stands if there is no such pair.
        """
        store = self.application.token_store
        overruled: Claim | None = None
        seen: Claim | None = None
        waited = 0.0
        while True:
            claim = Claim(host=self.host, pid=os.getpid(), at=self.clock.now(), pair=old.fingerprint)
            before = kept.claim
            kept = yield from self._change(Claiming(claim, overruled))
            if kept.claim == claim and not store.atomic:
                yield Sleep(CLAIM_PAUSE, "token")
                kept = yield from self._load()
            pair = replacement(kept, old, now=self.clock.now())
            if pair is not None or kept.claim == claim:
                return before if before is not None and before.pair == old.fingerprint else None, pair, claim
            if kept.pair is None or kept.pair.fingerprint != old.fingerprint:
                raise chain_lost(self.application, "The application's tokens were replaced while they were refreshed.")
            if kept.claim is None:
                raise unwritable()
            if kept.claim != seen:
                seen, waited = kept.claim, 0.0
                yield Log(f"{claimant(kept.claim)} is refreshing the application's tokens; waiting for it.")
            pause = self._short_sleep(1.0)
            waited += pause.seconds
            if waited > CLAIM_SECONDS:
                overruled = seen
            yield pause

    # -- the exchange, which nothing may interrupt

    def _exchange(self, old: Pair, claim: Claim) -> Flow[Pair | Bitrix24Error]:
        """Ask for the next pair and store it. Returns it, or why there is none."""
        lost = 0
        for attempt in range(1, _TRIES + 1):
            request = refresh_request(self.application, old)
            # No variable holds the answer: a traceback with local variables would show the tokens in it.
            outcome = read_grant(self.application, (yield Send((request,)))[0], self.clock.now(), old)
            if not isinstance(outcome, Bitrix24Error):
                new = yield from with_next_server(self.application, outcome, self.application.token_server(old))
                return (yield from self._store(old, new))
            if is_lost(outcome):
                yield Log(f"{outcome.message} The application's new tokens may be lost.", logging.WARNING)
                kept = yield from self._load()
                if (pair := replacement(kept, old, now=self.clock.now())) is not None:
                    return pair
                lost += 1
            if lost > 1 or attempt == _TRIES or not (is_lost(outcome) or is_transient(outcome)):
                break
            yield Sleep(self.clock.jitter(2.0 * attempt), "token")
        if not lost and not is_invalid_grant(outcome):
            yield from self._change(Releasing(claim))
        return outcome

    def _store(self, old: Pair, new: Pair) -> Flow[Pair]:
        """Store a new pair and read it back. Until then, nothing uses it."""
        yield from mask(self.application, new)
        if of_another_portal(old, new):
            raise chain_lost(self.application, "The authorization server answered with the tokens of another portal.")
        self.tokens.unstored = (old.fingerprint, new)
        try:
            kept = yield from consult(self._storing(old, new), self.clock)
        except Exception:
            yield Log(
                "The application's new tokens could not be stored. This process keeps them and tries again; if it ends "
                f"before, they are lost. {self.application.advice}",
                logging.ERROR,
            )
            raise
        self.tokens.unstored = None
        if kept.pair is not None and kept.pair.fingerprint == new.fingerprint:
            return kept.pair
        if (pair := replacement(kept, old, now=self.clock.now())) is None:
            raise shadowed()
        return pair

    def _storing(self, old: Pair, new: Pair) -> Callable[[], Kept]:
        store = self.application.token_store

        def store_and_read_back() -> Kept:
            store.update(Storing(new, replaces=old.fingerprint))
            return store.load()

        return store_and_read_back

    # -- after a refusal

    def _lost_race(self, old: Pair, error: Bitrix24Error, claim: Claim) -> Flow[Pair]:
        """Look for the pair that somebody else has got, where the refresh token was used already."""
        if not (is_invalid_grant(error) or is_lost(error)):
            raise error
        left = LOST_RACE_SECONDS
        while True:
            kept = yield from self._load()
            if (pair := replacement(kept, old, now=self.clock.now())) is not None:
                return pair
            if left <= 0:
                break
            pause = self._short_sleep(1.0)
            left -= pause.seconds
            yield pause
        final = without_tokens(self.application, error, claim)
        if is_invalid_grant(error):
            self.tokens.lost = (old.fingerprint, final)
        raise final

    def _check_not_lost(self, old: Pair) -> None:
        lost = self.tokens.lost
        if lost is not None and lost[0] == old.fingerprint:
            raise lost[1].with_traceback(None)

    # -- the store and time

    def _load(self) -> Flow[Kept]:
        kept = yield from consult(self.application.token_store.load, self.clock)
        if kept.pair is not None:
            yield from mask(self.application, kept.pair)
        return kept

    def _change(self, change: Callable[[Kept], Kept]) -> Flow[Kept]:
        return (yield from consult(partial(self.application.token_store.update, change), self.clock))

    def _expired(self, pair: Pair) -> bool:
        return pair.has_expired(self.clock.now())

    def _short_sleep(self, seconds: float) -> Sleep:
        return Sleep(self.clock.jitter(seconds), "token")
