"""Makes a failing history smaller: fewer choices, plainer choices, as long as the same is wrong."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.histories.choices import Choices
from tests.histories.draw import DRAWS
from tests.histories.runner import live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.draw import Of
    from tests.histories.plan import History

BUDGET = 3_000
"""Histories that one shrinking lives at the most."""


def shrink(seed: int, of: Of = "triggers") -> History:
    """Return the plainest history that was found to fail as that of the seed does; the seams are in."""
    choices, draw = Choices(Random(seed)), DRAWS[of]  # noqa: S311 - no secret
    kinds = _kinds(draw(choices, seed))
    best = choices.made
    if not kinds:
        return draw(Choices(replay=best), seed)
    left, improved = BUDGET, True
    while improved and left > 0:
        improved = False
        for candidate in _simpler(best):
            left -= 1
            if left <= 0:
                break
            tried = Choices(replay=candidate)
            history = draw(tried, seed)
            if _order(tried.made) < _order(best) and kinds[0] in _kinds(history):
                best, improved = tried.made, True
                break
    return draw(Choices(replay=best), seed)


def _kinds(history: History) -> list[str]:
    return [each.kind for each in live(history).verdict.violations]


def _order(made: list[int]) -> tuple[int, int, list[int]]:
    return sum(map(bool, made)), sum(made), made


def _simpler(made: list[int]) -> Iterator[list[int]]:
    """Yield sequences that stand for plainer histories, the boldest first."""
    size = len(made) // 2
    while size:
        for start in range(0, len(made), size):
            part = made[start : start + size]
            yield made[:start] + made[start + size :]
            if any(part):
                yield made[:start] + [0] * len(part) + made[start + size :]
        size //= 2
    for at, number in enumerate(made):
        for less in (number // 2, number - 1):
            if 0 < less < number:
                yield [*made[:at], less, *made[at + 1 :]]
