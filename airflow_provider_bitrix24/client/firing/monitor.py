"""How far a firing has come, for the caller that is interrupted in the middle of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.report import TriggerReport

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.errors import Bitrix24Error
    from airflow_provider_bitrix24.client.firing.ledger import Ledger


class FiringMonitor:
    """Give it to one call of ``trigger_automation``; ask it only after that call has ended, whichever way."""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._portal = ""

    def watch(self, ledger: Ledger, portal: str) -> None:
        """The firing begins."""
        self._ledger, self._portal = ledger, portal

    @property
    def sent(self) -> bool:
        """Whether a fire has left, in this call or in an earlier one recorded in a checkpoint."""
        return self._ledger is not None and (self._ledger.sent or self._ledger.resumed)

    def interrupted_report(self, error: Bitrix24Error) -> TriggerReport | None:
        """What is known of each target where the call was interrupted, or ``None`` if it had not begun.

        :param error: the error of those that have none of their own.
        """
        if self._ledger is None:
            return None
        self._ledger.interrupt(error)
        results = [target.result() for target in self._ledger.targets]
        return TriggerReport(code=self._ledger.job.code, portal=self._portal, results=results)
