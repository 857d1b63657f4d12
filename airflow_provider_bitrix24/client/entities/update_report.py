"""The outcome of every update, and the report of all of them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, assert_never

from airflow_provider_bitrix24.client.report import SHORT_REPORT, TargetError

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.report import Outcome, TargetResult

UpdateOutcome = Literal["updated", "unchanged", "failed", "would_update"]
"""``updated``: the portal took the new values. ``unchanged``: it did, and what it shows is what it showed before.
``failed``: refused, not found, or it is unknown what the portal did. ``would_update``: only in a preview."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateResult:
    """The outcome of one update.

    :param target: canonical form, such as ``DEAL_57``.
    :param outcome: see :data:`UpdateOutcome`.
    :param error: why it failed.
    """

    target: str
    outcome: UpdateOutcome
    error: TargetError | None = None

    @classmethod
    def from_fire(cls, result: TargetResult) -> UpdateResult:
        """Translate what became of a target that was sent like a fire: what moved or was accepted is updated."""
        return cls(target=result.target, outcome=_of_a_fire(result.outcome), error=result.error)

    def as_dict(self) -> dict[str, Any]:
        """As JSON; ``error`` only where there is one."""
        shown: dict[str, Any] = {"target": self.target, "outcome": self.outcome}
        return shown if self.error is None else shown | {"error": self.error.as_dict()}


def _of_a_fire(outcome: Outcome) -> UpdateOutcome:
    match outcome:
        case "moved" | "elsewhere" | "unmoved" | "unverified":
            return "updated"
        case "already":
            return "unchanged"
        case "failed":
            return "failed"
        case "would_fire":
            return "would_update"
    assert_never(outcome)


@dataclass(slots=True, kw_only=True)
class UpdateReport:
    """The outcomes of all updates, each counted once."""

    portal: str
    results: list[UpdateResult]
    preview: bool = False
    """Whether nothing was sent, so that it says what would happen."""
    _counts: Counter[UpdateOutcome] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._counts = Counter(result.outcome for result in self.results)

    @property
    def updated(self) -> int:
        """How many were updated."""
        return self._counts["updated"]

    @property
    def unchanged(self) -> int:
        """How many were updated, and show what they showed before."""
        return self._counts["unchanged"]

    @property
    def failed(self) -> int:
        """How many were refused, not found, or have an unknown outcome."""
        return self._counts["failed"]

    @property
    def would_update(self) -> int:
        """How many would be updated; only in a preview."""
        return self._counts["would_update"]

    @property
    def targets(self) -> list[str]:
        """Those that hold the new values; in a preview, those that would."""
        return [each.target for each in self.results if each.outcome != "failed"]

    def as_dict(self) -> dict[str, Any]:
        """As JSON. Above 1,000 results it lists only those that failed. ``would_update`` is only in a preview."""
        shown = self.results
        if len(shown) > SHORT_REPORT:
            shown = [each for each in shown if each.outcome == "failed"]
        return {
            "portal": self.portal,
            **({"would_update": self.would_update} if self.preview else {}),
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "results": [each.as_dict() for each in shown],
        }
