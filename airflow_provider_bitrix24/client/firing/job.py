"""What is to be fired, and one entity on its way through a firing. Values with the small rules that belong to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.protocol.wire import EXECUTE, TRIGGER, Call, FiringMethod
from airflow_provider_bitrix24.client.report import Outcome, Place, TargetError, TargetResult

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.stages import Snapshot

MAX_FIRES = 3
"""How often one target is fired at most in one try. Each repeat follows a reading that shows no move."""

_REFERENCE = re.compile(r"\$(result|total|next|time|error)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be fired.

    :param code: the trigger's code.
    :param expected: stages, any of which is accepted.
    :param or_later: whether later stages of the same pipeline are accepted, too, unless they are failure stages.
    :param fail_on: stages that the caller will compare with; the firing only checks that they exist.
    :param verify: whether reading is allowed.
    :param method: the method that fires: the webhook trigger's, or that of an application's own triggers.
    """

    code: str | None
    expected: frozenset[str] | None = None
    or_later: bool = False
    fail_on: frozenset[str] = frozenset()
    verify: bool = True
    method: FiringMethod = TRIGGER

    def call(self, ref: EntityRef) -> Call:
        """The documented call for one target."""
        if self.method == EXECUTE:
            return Call(EXECUTE, {"CODE": self.code, "OWNER_TYPE_ID": ref.type_id, "OWNER_ID": ref.id})
        params = {"target": str(ref)}
        return Call(TRIGGER, params if self.code is None else {**params, "code": self.code})

    @property
    def batchable(self) -> bool:
        """A batch replaces ``$result[...]`` in its commands, even inside a code."""
        return self.code is None or not _REFERENCE.search(self.code)

    @property
    def repeatable(self) -> bool:
        """Whether firing twice does no harm, so that what is in doubt is simply sent again."""
        return False

    @property
    def reads_back(self) -> bool:
        """Whether batches end with reading their entities, since the answer does not show them."""
        return True

    def settled_by(self, ref: EntityRef, answer: Any) -> Outcome | None:  # noqa: ARG002 - other jobs use them
        """The outcome that the portal's answer proves; none for a trigger, whose answer is always the same."""
        return None


@dataclass(slots=True, eq=False)
class Target:
    """One entity on its way. ``outcome`` is set once it is settled.

    Only the ledger changes it.
    """

    ref: EntityRef
    before: Snapshot | None = None
    """Where it stood before it was fired."""
    after: Snapshot | None = None
    fires: int = 0
    outcome: Outcome | None = None
    error: TargetError | None = None
    reason: str | None = None
    place: Place | None = None

    @property
    def shows_a_move(self) -> bool:
        """Whether the last reading shows that anything has moved it since it was fired."""
        return self.before is not None and self.after is not None and self.after.shows_a_move_since(self.before)

    def settle(self, outcome: Outcome, *, error: TargetError | None = None, reason: str | None = None) -> None:
        """Decide this target."""
        self.outcome, self.error, self.reason = outcome, error, reason

    def result(self) -> TargetResult:
        """What became of it."""
        return TargetResult(
            target=str(self.ref),
            outcome=self.outcome or "failed",
            stage_before=self.before.stage if self.before else None,
            stage_after=self.after.stage if self.after else None,
            error=self.error,
            reason=self.reason,
            place=self.place,
        )
