"""Did it move? Where entities stood before and stand after, and what that means. Pure.

The portal answers ``true`` to every automation trigger that it could parse and permit, whether or not
anything moved; only the entity itself tells. Reading it is done in :mod:`.reading`, firing in
:mod:`.automation`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_bitrix24.client.errors import ApiError, Bitrix24Error, ConfigurationError, Executed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

Outcome = Literal["moved", "already", "unmoved", "unverified", "failed"]
"""``moved``: it stands elsewhere than before (with an expected stage: there). ``already``: it stood there, so
nothing was fired. ``unmoved``: accepted, but it did not get there. ``unverified``: accepted, and nobody looked.
``failed``: refused, not found, or its fate could not be told."""

OUTCOMES: tuple[Outcome, ...] = ("moved", "already", "unmoved", "unverified", "failed")
SHORT_REPORT = 1000
"""A report of more results lists only those that need attention."""

UNMOVED_CAUSES = (
    "Likely causes, the most frequent first: the code is wrong or differs in case; the trigger sits in another "
    "pipeline; the entity stands at or behind the trigger's stage and 'allow going back' is off; the trigger's "
    "conditions are not met; the webhook's owner is not an administrator."
)
MISSING = "It does not exist, or the webhook's user may not read it."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where an entity stood at a reading. ``moved_time`` is the portal's text; quotes have none."""

    stage: str | None
    category_id: int | None = None
    moved_time: str | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Snapshot:
        """Read an item of ``crm.item.list``."""
        category = item.get("categoryId")
        return cls(
            _text(item.get("stageId")),
            int(category) if category not in (None, "") else None,
            _text(item.get("movedTime")),
        )

    def differs(self, other: Snapshot) -> bool:
        """Whether stage or pipeline differ."""
        return self.stage != other.stage or self.category_id != other.category_id

    def shows_a_move_since(self, before: Snapshot) -> bool:
        """Whether anything moved it in between, even if a robot moved it back to where it stood."""
        return self.differs(before) or self.moved_time != before.moved_time


def _text(value: object) -> str | None:
    return None if value in (None, "") else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageInfo:
    """Where an entity stands.

    :param target: canonical form, such as ``DEAL_57``.
    :param stage: stage id, such as ``C5:WON``.
    :param category_id: number of the pipeline; ``None`` for types without pipelines.
    :param moved_time: when it came there; ``None`` for quotes.
    """

    target: str
    stage: str | None
    category_id: int | None
    moved_time: datetime | None

    @classmethod
    def from_snapshot(cls, target: str, snapshot: Snapshot) -> StageInfo:
        """Translate a reading; the portal's date has the portal's offset and keeps it."""
        return cls(
            target=target,
            stage=snapshot.stage,
            category_id=snapshot.category_id,
            moved_time=_moment(snapshot.moved_time),
        )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    import pendulum

    try:
        parsed = pendulum.parse(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, pendulum.DateTime) else None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline: what ``expected_stage`` takes, its name, and ``"S"``, ``"F"`` or ``None``."""

    id: str
    name: str
    semantics: str | None


@dataclass(frozen=True, slots=True)
class TargetError:
    """Why a target failed: the portal's code (or our class of error), a sentence, and whether it acted."""

    code: str
    message: str
    executed: Executed
    permanent: bool = True
    """Whether trying again later is certain not to help."""

    @classmethod
    def from_error(cls, error: Bitrix24Error, executed: Executed | None = None) -> TargetError:
        """Translate an error into plain values."""
        code = error.code if isinstance(error, ApiError) else type(error).__name__
        return cls(code, str(error), executed or error.executed, error.permanent)

    def as_dict(self) -> dict[str, str]:
        """As JSON."""
        return {"code": self.code, "message": self.message, "executed": self.executed}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetResult:
    """What became of one target.

    :param target: canonical form, such as ``DEAL_57``.
    :param outcome: see :data:`Outcome`.
    :param stage_before: stage id before the fire, ``None`` where nobody looked.
    :param stage_after: stage id after it.
    :param error: why it failed.
    :param reason: why it is unverified, or what is known about an unmoved one.
    """

    target: str
    outcome: Outcome
    stage_before: str | None = None
    stage_after: str | None = None
    error: TargetError | None = None
    reason: str | None = None

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
    """What became of all targets, each counted once. It shows where they stand, not who moved them."""

    code: str | None
    portal: str
    results: list[TargetResult]
    _counts: Counter[Outcome] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._counts = Counter(result.outcome for result in self.results)

    @property
    def moved(self) -> int:
        """How many stand elsewhere than before (with an expected stage: there)."""
        return self._counts["moved"]

    @property
    def already(self) -> int:
        """How many stood at the expected stage and were not fired."""
        return self._counts["already"]

    @property
    def unmoved(self) -> int:
        """How many were accepted but did not move."""
        return self._counts["unmoved"]

    @property
    def unverified(self) -> int:
        """How many were accepted without anybody looking."""
        return self._counts["unverified"]

    @property
    def failed(self) -> int:
        """How many were refused, not found, or have an unknown fate."""
        return self._counts["failed"]

    def as_dict(self) -> dict[str, Any]:
        """As JSON. Above 1,000 results only those are listed that neither moved nor stood there already."""
        shown = self.results
        if len(shown) > SHORT_REPORT:
            shown = [each for each in shown if each.outcome not in ("moved", "already")]
        return {
            "code": self.code,
            "portal": self.portal,
            **{outcome: self._counts[outcome] for outcome in OUTCOMES},
            "results": [each.as_dict() for each in shown],
        }


def expected_stages(expected: object) -> frozenset[str] | None:
    """Read ``expected_stage``: one stage id or several, any of which will do.

    :raises ConfigurationError: it is empty, or holds something other than texts.
    """
    if expected is None:
        return None
    stages: Iterable[object] = [expected] if isinstance(expected, str) else _iterable(expected)
    cleaned = [stage.strip() if isinstance(stage, str) else stage for stage in stages]
    if not cleaned or not all(isinstance(stage, str) and stage for stage in cleaned):
        raise ConfigurationError(
            f"expected_stage is {expected!r}.",
            hint="Pass a stage id such as C5:WON, or a list of them; `stages` of the command line lists them.",
        )
    return frozenset(str(stage) for stage in cleaned)


def _iterable(value: object) -> Iterable[object]:
    if isinstance(value, dict | bytes) or not hasattr(value, "__iter__"):
        return ()
    return value


def arrived(before: Snapshot, after: Snapshot, expected: frozenset[str] | None) -> bool:
    """Whether a fired entity counts as moved: at an expected stage, or without one anywhere else than before."""
    return after.differs(before) if expected is None else after.stage in expected


def why_unmoved(after: Snapshot | None, expected: frozenset[str] | None, pipeline: list[Stage] | None) -> str | None:
    """What can be said about one unmoved target beyond the usual causes: an expected stage that is none."""
    if expected is None or not pipeline:
        return None
    known = {stage.id for stage in pipeline}
    unknown = sorted(expected - known)
    if not unknown:
        return None
    listed = ", ".join(f"{stage.id} ({stage.name})" for stage in pipeline)
    where = "" if after is None or after.category_id is None else f" {after.category_id}"
    return f"{', '.join(unknown)} is no stage of its pipeline{where}; the stages are {listed}."
