"""What a store of shared states must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

State = tuple[float, ...]
"""A few numbers; an empty tuple where nothing is kept yet."""
T = TypeVar("T")


class PacingStore(Protocol):
    """Small states by key, shared by everything that uses the same store."""

    def now(self) -> float:
        """Seconds of a clock that is the same for everything that shares the store and never jumps."""

    def update(self, key: str, change: Callable[[State], tuple[State, T]]) -> T:
        """Replace the state under ``key`` by the first value that ``change`` returns, in one step.

        :returns: the second value that ``change`` returns.
        """
