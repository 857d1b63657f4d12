"""Which stages a try has expected, as a checkpoint keeps them: the next one may expect others. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_bitrix24.client import values
from airflow_provider_bitrix24.client.firing.parts import ACCEPTED, LETTERS, WAITING
from airflow_provider_bitrix24.client.stages import stages_in_words

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_bitrix24.client.firing.job import Job
    from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring

_AT_EXPECTED, _MOVED = LETTERS["already"], LETTERS["moved"]
_UNFIRED, _READ_AGAIN = WAITING, ACCEPTED
"""An entity that was not fired is as before. One that was is read again, and never fired."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The stages that a try accepts.

    :param stages: ids, as they were named; ``None`` where any move will do.
    :param or_later: whether later stages of the same pipeline are accepted, too.
    """

    stages: frozenset[str] | None
    or_later: bool

    @classmethod
    def of(cls, job: Job) -> Self:
        """What a firing expects, before it knows the order of any pipeline."""
        return cls(job.expected, job.or_later)

    @classmethod
    def read(cls, kept: Any) -> Self:
        """Undo :meth:`as_json`.

        :raises LookupError: a part of it is missing.
        :raises TypeError: a part of it is something else.
        """
        stages, or_later = kept["stages"], kept["or_later"]
        if not isinstance(or_later, bool) or not isinstance(stages, list | None):
            raise TypeError("not an expectation")
        if not all(isinstance(stage, str) for stage in stages or ()):
            raise TypeError("not stages")
        return cls(None if stages is None else frozenset(stages), or_later)

    def as_json(self) -> dict[str, Any]:
        """As a record holds it."""
        return {"stages": None if self.stages is None else sorted(self.stages), "or_later": self.or_later}

    def __str__(self) -> str:
        if self.stages is None:
            return "any"
        return values.shown(stages_in_words(self.stages, or_later=self.or_later))

    def revise(self, kept: KeptFiring, *, fail_on: Collection[str]) -> str:
        """The states that an earlier try has left, as far as they still mean something.

        :param fail_on: stages where somebody may have moved entities away from since.
        """
        changed = kept.expected not in (None, self)
        named = changed and self.stages is not None  # what moved has moved, where any move will do

        def revised(number: int, state: str) -> str:
            after = kept.after.get(number)
            if state == _AT_EXPECTED and changed:
                return _UNFIRED
            if state == _MOVED and number in kept.snapshots and (named or (after and after.stage in fail_on)):
                return _READ_AGAIN
            return state

        return "".join(revised(number, state) for number, state in enumerate(kept.states))
