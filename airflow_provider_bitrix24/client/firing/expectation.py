"""Which stages a try has expected, as a checkpoint keeps them: the next one may expect others. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_bitrix24.client import values
from airflow_provider_bitrix24.client.stages import stages_in_words

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.firing.job import Job
    from airflow_provider_bitrix24.client.firing.kept import Kept

_UNFIRED, _FIRED = {"a": "."}, {"m": "p"}
"""States that say something about the expected stages -> what is left of them with others: an entity that was not
fired is as before, and one that was is read again and never fired."""


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
        """Undo :meth:`as_json`. Raises any error where it is damaged."""
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

    def revise(self, kept: Kept) -> str:
        """The states that an earlier try has left, as far as they mean something where other stages are expected."""
        if kept.expected is None or kept.expected == self:
            return kept.states
        # What moved has moved, where any move will do.
        read_again = () if self.stages is None else kept.snapshots
        return "".join(
            _UNFIRED.get(state) or (_FIRED.get(state, state) if number in read_again else state)
            for number, state in enumerate(kept.states)
        )
