"""The outcome of every target, and the report of all of them. Pure.

The portal answers ``true`` to every well-formed, permitted call, whether or not anything moved. Only the entity itself
shows whether it did.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from airflow_provider_bitrix24.client.errors import ApiError, Bitrix24Error, Executed, Limit

if TYPE_CHECKING:
    from collections.abc import Sequence

Outcome = Literal["moved", "already", "elsewhere", "unmoved", "unverified", "failed", "would_fire"]
"""``moved``: its stage or pipeline differs from before (with an expected stage: it is at that stage). ``already``: it
was at the expected stage, so nothing was fired. ``elsewhere``: it moved, but not to an expected stage. ``unmoved``:
accepted, but it did not move. ``unverified``: accepted, and nobody looked. ``failed``: refused, not found, or it is
unknown what the portal did with it. ``would_fire``: only in a preview, which sends nothing."""

Place = Literal["before", "past", "aside", "final"]
"""Where an entity stands that has not arrived: before the expected stages of its pipeline, past the first of them, in a
pipeline without any of them, or where its pipeline ends."""
OUTCOMES: tuple[Outcome, ...] = ("moved", "already", "elsewhere", "unmoved", "unverified", "failed")
SHORT_REPORT = 1000
"""A report of more results than this lists only those that need attention."""


class Cause(NamedTuple):
    """Why an entity may not have moved: in a few words, and as a clause."""

    short: str
    clause: str


WRONG_CODE = Cause("wrong code, or its case", "the code is wrong or differs in case")
NO_CODE = Cause(
    "no code, which a trigger that has one needs", "no code was given, and a trigger that has a code needs it"
)
OTHER_PIPELINE = Cause("a trigger in another pipeline", "the trigger sits in another pipeline")
NO_WAY_BACK = Cause(
    "already past the trigger's stage",
    "the entity is already at or past the trigger's stage, and 'allow going back' is off",
)
CONDITIONS = Cause("unmet conditions", "the trigger's conditions are not met")
NOT_ADMINISTRATOR = Cause(
    "a webhook whose owner is not an administrator", "the webhook's owner is not an administrator"
)
CAUSES = (WRONG_CODE, OTHER_PIPELINE, NO_WAY_BACK, CONDITIONS, NOT_ADMINISTRATOR)
"""The likely causes of ``unmoved``, the most frequent first."""
MISSING = "It does not exist, or the webhook's user may not read it."
MISSING_SEVERAL = "They do not exist, or the webhook's user may not read them."


@dataclass(frozen=True, slots=True)
class TargetError:
    """Why a target failed: the portal's code (or the name of our error class), a message, and whether it acted."""

    code: str
    message: str
    executed: Executed
    permanent: bool = True
    """Whether trying again later certainly does not help."""
    limit: Limit | None = None
    """The portal's limit that was reached, if it was one."""

    @classmethod
    def from_error(cls, error: Bitrix24Error, executed: Executed | None = None) -> TargetError:
        """Translate an error into plain values."""
        code = error.code if isinstance(error, ApiError) else type(error).__name__
        return cls(code, str(error), executed or error.executed, error.permanent, error.limit)

    def as_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"code": self.code, "message": self.message, "executed": self.executed}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """The outcome of one target.

    :param target: canonical form, such as ``DEAL_57``.
    :param outcome: see :data:`Outcome`.
    :param stage_before: stage id before the fire, ``None`` where it was not read.
    :param stage_after: stage id after it.
    :param error: why it failed.
    :param reason: why it is unverified, or what is known about an unmoved target.
    :param place: where the stage after it lies from the expected ones; ``None`` where that is not known.
    """

    target: str
    outcome: Outcome
    stage_before: str | None = None
    stage_after: str | None = None
    error: TargetError | None = None
    reason: str | None = None
    place: Place | None = field(default=None, compare=False)

    @property
    def pipeline(self) -> tuple[str, str]:
        """What names its pipeline: the type, and the prefix of its stages, such as ``C5``."""
        return self.target.rpartition("_")[0], (self.stage_before or "").rpartition(":")[0]

    def as_dict(self) -> dict[str, Any]:
        """As JSON; ``error`` and ``reason`` only where there is one."""
        shown: dict[str, Any] = {
            "target": self.target,
            "outcome": self.outcome,
            "stage_before": self.stage_before,
            "stage_after": self.stage_after,
        }
        if self.error is not None:
            shown["error"] = self.error.as_dict()
        if self.reason is not None:
            shown["reason"] = self.reason
        return shown


@dataclass(slots=True, kw_only=True)
class TriggerReport:
    """The outcomes of all targets, each counted once. It shows where they are, not who moved them."""

    code: str | None
    portal: str
    results: list[TargetResult]
    preview: bool = False
    """Whether nothing was sent, so that it says what would happen."""
    _counts: Counter[Outcome] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._counts = Counter(result.outcome for result in self.results)

    @property
    def moved(self) -> int:
        """How many moved (with an expected stage: to that stage)."""
        return self._counts["moved"]

    @property
    def already(self) -> int:
        """How many were at the expected stage already, and were not fired."""
        return self._counts["already"]

    @property
    def elsewhere(self) -> int:
        """How many moved, but not to an expected stage."""
        return self._counts["elsewhere"]

    @property
    def unmoved(self) -> int:
        """How many were accepted but did not move."""
        return self._counts["unmoved"]

    @property
    def unverified(self) -> int:
        """How many were accepted and not read afterwards."""
        return self._counts["unverified"]

    @property
    def failed(self) -> int:
        """How many were refused, not found, or have an unknown outcome."""
        return self._counts["failed"]

    @property
    def would_fire(self) -> int:
        """How many would be fired; only in a preview."""
        return self._counts["would_fire"]

    def as_dict(self) -> dict[str, Any]:
        """As JSON. Above 1,000 results it lists only those that need attention. ``would_fire`` is only in a preview."""
        shown = self.results
        if len(shown) > SHORT_REPORT:
            shown = [each for each in shown if each.outcome not in ("moved", "already", "would_fire")]
        return {
            "code": self.code,
            "portal": self.portal,
            **({"would_fire": self.would_fire} if self.preview else {}),
            **{outcome: self._counts[outcome] for outcome in OUTCOMES},
            "results": [each.as_dict() for each in shown],
        }


def remaining_causes(unmoved: Sequence[TargetResult], report: TriggerReport) -> list[Cause]:
    """The causes that the readings do not exclude, the most frequent first.

    Whatever has moved shows that the code is right and, in its pipeline, that there is a trigger and that it may be
    fired; if it stood at the same stage before, then that stage is not past the trigger's. The pipelines' order shows
    who is past an expected stage.
    """
    moved = [each for each in report.results if each.outcome in ("moved", "elsewhere")]
    pipelines = {each.pipeline for each in moved}
    stages = {(each.pipeline, each.stage_before) for each in moved}
    found: set[Cause] = set()
    for each in unmoved:
        if each.place in ("past", "final"):  # which explains it, whatever the code
            found.add(NO_WAY_BACK)
            continue
        found.add(CONDITIONS)
        if not moved:
            found.add(NO_CODE if report.code is None else WRONG_CODE)
        if each.pipeline not in pipelines:
            found.add(OTHER_PIPELINE)
            if each.pipeline[1]:  # nobody needs to be an administrator for a type's first pipeline
                found.add(NOT_ADMINISTRATOR)
        if each.place is None and (each.pipeline, each.stage_before) not in stages:
            found.add(NO_WAY_BACK)
    return [each for each in (NO_CODE, *CAUSES) if each in found]
