"""What a store of shared values must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

JsonValue: TypeAlias = bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"] | None
"""What JSON can hold. A key of a store under which nothing is kept has the value ``None``."""
T = TypeVar("T")


class SharedStore(Protocol):
    """Small JSON values by key, shared by everything that uses the same store.

    >>> from airflow_provider_bitrix24.client.stores.process import ProcessStore
    >>> store = ProcessStore()
    >>> def count(value, now):
    ...     total = (value or 0) + 1
    ...     return total, f"call number {total}"
    >>> store.update("calls", count), store.update("calls", count)
    ('call number 1', 'call number 2')
    """

    def update(self, key: str, change: Callable[[JsonValue, float], tuple[JsonValue, T]]) -> T:
        """Replace the value under ``key`` by the first value that ``change`` returns, in one step.

        ``change`` must be pure: the store may call it again, in another thread, with a newer value, where somebody
        else came first. It gets the kept value and the store's time, in seconds since a moment of the store's own
        choice; for one key, time never goes back. A change that raises leaves the value as it was.

        :param key: up to 500 characters, which must not hold a secret: a store may show its keys.
        :param change: a function of value and time, which returns the new value (at most 32 kB as JSON) and an answer.
        :returns: the answer of the last call of ``change``.
        :raises SharedStoreError: the store cannot be used; the value may or may not have been replaced.
        """
