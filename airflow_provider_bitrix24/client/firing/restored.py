"""The part of the ledger that takes over what an earlier try left, with the steps that the rest shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.firing import outcomes
from airflow_provider_bitrix24.client.firing.in_doubt import InDoubtRequest
from airflow_provider_bitrix24.client.firing.outcomes import Settlement
from airflow_provider_bitrix24.client.firing.state import FiringState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.firing.job import Target
    from airflow_provider_bitrix24.client.report import Outcome, TargetError
    from airflow_provider_bitrix24.client.stages import Snapshot


class RestoredState(FiringState):
    """The state of a firing that may have begun in an earlier try. Only its subclass is used."""

    def restore_settled(
        self, target: Target, outcome: Outcome, before: Snapshot | None, after: Snapshot | None
    ) -> None:
        """An earlier try has settled it; it is left alone."""
        target.before, target.after = before, after
        self.resumed = self.resumed or outcome != "already"
        self._settle(target, Settlement(outcome))

    def restore_accepted(self, target: Target, before: Snapshot | None, after: Snapshot | None) -> None:
        """An earlier try has fired it, and it is still awaited: it is read, and not fired again."""
        target.before, target.after, target.fires = before, after, 1
        self.resumed = True
        self._accept(target)

    def restore_lost(self, target: Target, error: TargetError) -> None:
        """An earlier try has fired it, and nobody can tell what became of it."""
        self.resumed = True
        if self.job.repeatable:
            return
        self._settle(target, Settlement("failed", error))

    def restore_in_doubt(
        self,
        targets: Sequence[Target],
        snapshots: Mapping[EntityRef, Snapshot],
        error: Bitrix24Error,
        *,
        now: float,
        sent_by_portal: float | None,
        accepted: bool = False,
    ) -> None:
        """An earlier try has sent them: they are read first, and fired again only as any request in doubt.

        :param accepted: whether that try had the portal's answer, and saw none of them move.
        """
        self.resumed = True
        if self.job.repeatable:
            return
        for target in targets:
            target.before, target.fires = snapshots.get(target.ref), 1
        request = InDoubtRequest(
            targets=[],
            error=error,
            sent_at=None,
            over=False,
            due=now,
            sent_by_portal=sent_by_portal,
            by_earlier_try=True,
            accepted=accepted,
        )
        self._record_in_doubt(targets, request)

    def finish_restoring(self) -> None:
        """Leave unread only what no earlier try has sent or settled."""
        self.fired = False
        self._queue.keep_untouched()

    # -- steps

    def record_in_doubt(
        self,
        targets: Sequence[Target],
        error: Bitrix24Error,
        *,
        sent_at: float | None,
        now: float,
        over: bool,
        sent_by_portal: float | None = None,
    ) -> None:
        """A request was lost. Where nobody can look, its targets' fate stays unknown.

        :param sent_at: ``None`` where an earlier try sent it.
        :param over: whether the portal has certainly finished with it, since it answered in full.
        """
        request = InDoubtRequest(
            targets=[], error=error, sent_at=sent_at, over=over, due=now, sent_by_portal=sent_by_portal
        )
        self._record_in_doubt(targets, request)

    def _record_in_doubt(self, targets: Sequence[Target], request: InDoubtRequest) -> None:
        self.fired = True
        for target in targets:
            if target.before is None:
                self._lose(target, request.error)
            else:
                request.targets.append(target)
        if request.targets:
            self._in_doubt.append(request)

    def _accept(self, target: Target, after: Snapshot | None = None) -> None:
        target.after = after or target.after
        self._accepted[target.ref] = target
        self._changed.append(target)

    def _settle(self, target: Target, settlement: Settlement) -> None:
        self._changed.append(target)
        target.settle(settlement.outcome, error=settlement.error, reason=settlement.reason)

    def _lose(self, target: Target, error: Bitrix24Error, *, permanently: bool = False) -> None:
        self._settle(target, outcomes.lost(error, permanently=permanently))
