"""A store in Redis or Valkey, for hosts that share no files.

A value is replaced by a script, if nobody has changed it since it was read; time is the server's.
"""

from __future__ import annotations

import time
from inspect import signature
from random import random
from typing import TYPE_CHECKING, Any, TypeVar, cast

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.secret_text import SecretText
from airflow_provider_bitrix24.client.stores.record import MAX_SIZE, MOST_ENTRIES, apply, peek
from airflow_provider_bitrix24.client.stores.remote import PATIENCE, raise_unusable, stored_key, within

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

    from airflow_provider_bitrix24.client.stores.deadline import BoundedCall
    from airflow_provider_bitrix24.client.stores.protocol import JsonValue

R = TypeVar("R")
T = TypeVar("T")
PREFIX = "airflow-provider-bitrix24:"
# A value that is far too long is not sent, but counts as empty.
_KEPT = f"""
local kept = ''
if redis.call('STRLEN', KEYS[1]) <= {MAX_SIZE} then kept = redis.call('GET', KEYS[1]) or '' end
"""
_READ = f"{_KEPT} return {{kept, redis.call('TIME')}}"
_PEEK = f"""
if redis.call('TYPE', KEYS[1]).ok ~= 'string' then return '' end
{_KEPT} return kept
"""
_SWAP = f"""{_KEPT}
if kept == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
    return {{}}
end
return {{kept, redis.call('TIME')}}
"""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.032


class RedisStore:
    """Values in a Redis or Valkey server (version 5 or newer).

    >>> store = RedisStore.from_url("rediss://:PASSWORD@redis.example.com:6379/0")  # doctest: +SKIP

    :param options: keyword arguments of ``redis.Redis``: ``host``, ``port``, ``db``, ``username``, ``password``,
        ``ssl`` and so on.
    :param patience: seconds for which nobody waits longer for the server.
    :raises ConfigurationError: the package ``redis`` is not installed, or refuses an option.
    """

    def __init__(self, *, patience: float = PATIENCE, **options: Any) -> None:
        self._patience = patience
        host, port, db = options.get("host", "localhost"), options.get("port", 6379), options.get("db", 0)
        self._name = f"Redis at {host}:{port}, database {db}"
        password = options.get("password")
        self._secret = SecretText(password) if isinstance(password, str) and password else None
        self._redis = self._connect({**options, "password": self._secret or password})

    @classmethod
    def from_url(cls, url: str, *, patience: float = PATIENCE) -> RedisStore:
        """Make a store from a URL: ``redis://``, or ``rediss://`` with TLS.

        :raises ConfigurationError: the URL cannot be read, or the package ``redis`` is not installed.
        """
        url = SecretText(url)  # as a traceback with local variables shows it
        parse_url = _library().connection.parse_url
        try:
            options = cast("dict[str, Any]", parse_url(url))
        except ValueError:
            # Its text may repeat the URL, which holds the password.
            raise ConfigurationError(
                "The URL of the shared store cannot be read.", hint="Use the form redis://:PASSWORD@HOST:6379/0."
            ) from None
        if options.pop("connection_class", None) is not None:
            options["ssl"] = True
        return cls(patience=patience, **options)

    def __str__(self) -> str:
        return self._name

    def __repr__(self) -> str:
        return f"<RedisStore: {self._name}>"

    def update(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        """See :meth:`~.protocol.SharedStore.update`."""

        def work(call: BoundedCall[T]) -> T:
            return self._update(call, PREFIX + stored_key(key), change)

        return self._ask(work)

    def entries(self) -> dict[str, JsonValue]:
        """Return what is kept, by key; at most some 1,000 values.

        :raises SharedStoreError: the server cannot be used.
        """

        def read(_: BoundedCall[dict[str, JsonValue]]) -> dict[str, JsonValue]:
            found: dict[str, JsonValue] = {}
            for name in self._redis.scan_iter(match=f"{PREFIX}*", count=MOST_ENTRIES):
                kept = cast("bytes", self._redis.eval(_PEEK, 1, name))
                found[name.decode(errors="replace").removeprefix(PREFIX)] = peek(kept)
                if len(found) >= MOST_ENTRIES:
                    break
            return found

        return self._ask(read)

    def clock(self) -> float:
        """Return the server's time, in seconds since the epoch.

        :raises SharedStoreError: the server cannot be used.
        """
        return self._ask(lambda _: _seconds(cast("Any", self._redis.time())))

    def close(self) -> None:
        """Close the connections to the server."""
        self._redis.close()

    def _update(self, call: BoundedCall[T], name: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        # Whole scripts, not their digests: a server that was just started knows none.
        [kept, clock] = cast("Any", self._redis.eval(_READ, 1, name))
        pause = _FIRST_PAUSE
        while not call.given_up:
            text, answer = apply(kept, _seconds(clock), change)
            newer = cast("Any", self._redis.eval(_SWAP, 1, name, kept, text))
            if not newer:
                return answer
            [kept, clock] = newer
            time.sleep(pause * random())  # noqa: S311 - so that those who met do not meet again
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise TimeoutError

    def _ask(self, function: Callable[[BoundedCall[R]], R]) -> R:
        errors = _library().exceptions.RedisError
        try:
            return within(self._patience, function, name=self._name)
        except (errors, OSError, UnicodeError) as error:
            raise_unusable(self._name, error, secret=self._secret)

    def _connect(self, options: dict[str, Any]) -> Redis:
        library = _library()
        bounds = {"socket_timeout": self._patience, "socket_connect_timeout": self._patience}
        # The library would try again by itself, for seconds.
        once = library.retry.Retry(library.backoff.NoBackoff(), 0)
        try:
            given = {**_fewer_trips(library), **options, **bounds, "retry": once, "decode_responses": False}
            return cast("Redis", library.Redis(**given))
        except (TypeError, ValueError, library.exceptions.RedisError) as error:
            raise ConfigurationError(
                f"{self._name} cannot be used: {error}.", hint="Correct the options of the shared store."
            ) from None


def _fewer_trips(library: Any) -> dict[str, Any]:
    """Return options that spare a new connection what it does not need: a short task makes one, and waits for it."""
    if "driver_info" in signature(library.Redis).parameters:
        return {"protocol": 2, "driver_info": None}
    return {"protocol": 2, "lib_name": None, "lib_version": None}


def _seconds(answer: Any) -> float:
    seconds, micros = answer
    return int(seconds) + int(micros) / 1e6


def _library() -> Any:
    try:
        import redis
        import redis.backoff
        import redis.connection
        import redis.exceptions
        import redis.retry
    except ImportError:
        raise ConfigurationError(
            "A shared store in Redis needs the Python package redis.",
            hint="Install airflow-provider-bitrix24[redis] on every host.",
        ) from None
    return redis
