"""The five invariants, held against the portal's own record of causes.

I1 never twice, I2 never lost, I3 the report is true, I4 the way a try ends is right, I5 it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from tests.histories.boards import name_of
from tests.histories.check_ends import check_ends
from tests.histories.check_reports import check_reports
from tests.histories.check_updates import check_updates
from tests.histories.exceptions import Pair, excuse
from tests.histories.timeline import EndlessError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.airflow_model import Life


@dataclass(frozen=True, slots=True)
class Violation:
    """One invariant does not hold."""

    invariant: str
    message: str

    @property
    def kind(self) -> str:
        """What is wrong, whichever entity or stage it concerns: the words of the message, without the names in it."""
        return " ".join([self.invariant, *(word for word in self.message.split() if word.isalpha() and word.islower())])

    def __str__(self) -> str:
        return f"{self.invariant}: {self.message}"


@dataclass(slots=True)
class Verdict:
    """What became of a history."""

    violations: list[Violation] = field(default_factory=list)
    excused: list[str] = field(default_factory=list)
    """Names of the exceptions that were needed."""


def check(life: Life, crash: BaseException | None = None) -> Verdict:
    """Hold a life against the invariants.

    :param crash: what ended it from outside.
    """
    verdict = Verdict()
    if isinstance(crash, EndlessError):
        verdict.violations.append(Violation("I5", f"it goes on for ever: {crash}"))
        return verdict
    _never_twice(life, verdict)
    for each in chain(check_reports(life), check_updates(life), check_ends(life)):
        verdict.violations.append(Violation(*each))
    return verdict


def _never_twice(life: Life, verdict: Verdict) -> None:
    record = life.world.portal.record
    by_entity: dict[Any, list[Any]] = {}
    for fire in record.fires:
        by_entity.setdefault((fire.key, fire.epoch), []).append(fire)
    for (key, _), fires in by_entity.items():
        for first, second in _pairs(fires):
            pair = Pair(life.history, record, life.stays, first, second)
            name = excuse(pair)
            if name is not None:
                verdict.excused.append(name)
                continue
            verdict.violations.append(
                Violation(
                    "I1", f"{name_of(*key)} was moved by fire {first.number} and fired again by fire {second.number}"
                )
            )


def _pairs(fires: list[Any]) -> Iterator[tuple[Any, Any]]:
    for index, first in enumerate(fires):
        if first.moved:
            for second in fires[index + 1 :]:
                yield first, second
