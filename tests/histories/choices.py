"""Choices: where a drawn history gets its numbers from. Each is remembered, so that a history can be told by them.

The smallest number stands for the plainest choice, so that fewer and smaller numbers make a simpler history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

T = TypeVar("T")


class Choices:
    """Numbers from a generator, or those that were made before, with zeros where they end."""

    def __init__(self, random: Random | None = None, replay: Sequence[int] = ()) -> None:
        self._random, self._replay = random, replay
        self.made: list[int] = []

    def number(self, high: int) -> int:
        """Choose a whole number from 0 to ``high``."""
        if self._random is not None:
            value = int(self._random.random() * (high + 1))
        else:
            at = len(self.made)
            value = min(self._replay[at], high) if at < len(self._replay) else 0
        self.made.append(value)
        return value

    def chance(self, percent: int) -> bool:
        """Choose whether something unusual is so."""
        return self.number(99) >= 100 - percent

    def pick(self, options: Sequence[T]) -> T:
        """Choose one of some values, the plainest of which comes first."""
        return options[self.number(len(options) - 1)]

    def some(self, high: int, percent: int) -> int:
        """Choose a number from 0 to ``high``, each one more with this probability."""
        count = 0
        while count < high and self.chance(percent):
            count += 1
        return count
