"""The outcome of every target, and the report of all of them. Pure.

The portal answers ``true`` to every well-formed, permitted call, whether or not anything moved. Only the entity itself
shows whether it did.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_bitrix24.client.errors import ApiError, Bitrix24Error, Executed, Limit

Outcome = Literal["moved", "already", "elsewhere", "unmoved", "unverified", "failed", "would_fire"]
"""``moved``: its stage or pipeline differs from before (with an expected stage: it is at that stage). ``already``: it
was at the expected stage, so nothing was fired. ``elsewhere``: it moved, but not to an expected stage. ``unmoved``:
accepted, but it did not move. ``unverified``: accepted, and nobody looked. ``failed``: refused, not found, or it is
unknown what the portal did with it. ``would_fire``: only in a preview, which sends nothing."""

OUTCOMES: tuple[Outcome, ...] = ("moved", "already", "elsewhere", "unmoved", "unverified", "failed")
SHORT_REPORT = 1000
"""A report of more results than this lists only those that need attention."""

UNMOVED_CAUSES = (
    "Likely causes, the most frequent first: the code is wrong or differs in case; the trigger sits in another "
    "pipeline; the entity is already at or past the trigger's stage, and 'allow going back' is off; the trigger's "
    "conditions are not met; the webhook's owner is not an administrator."
)
MISSING = "It does not exist, or the webhook's user may not read it."


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
