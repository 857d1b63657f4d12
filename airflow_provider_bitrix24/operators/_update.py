"""What the operator does that updates entities: update, keep the report, and end the task rightly.

The hook and the client below it do the work. What a report means for the task is decided in :mod:`.._tasks.updating`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks import updating
from airflow_provider_bitrix24._tasks.finished import Finished, finished_firing
from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
from airflow_provider_bitrix24._tasks.report_log import warn
from airflow_provider_bitrix24._tasks.wording import counted
from airflow_provider_bitrix24.client.entities.update import UpdateMonitor
from airflow_provider_bitrix24.client.entities.updates import digest
from airflow_provider_bitrix24.client.errors import Bitrix24Error, OutcomeUnknown
from airflow_provider_bitrix24.compat import AirflowFailException
from airflow_provider_bitrix24.exceptions import TargetsFailedError
from airflow_provider_bitrix24.links import ENTITY_URL_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24.client import UpdateReport
    from airflow_provider_bitrix24.client.entities.updates import Update
    from airflow_provider_bitrix24.compat import Context
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook


@dataclass(slots=True, kw_only=True)
class UpdateTask:
    """One run of the operator.

    :param store: keeps the checkpoint.
    :param updates: what is sent.
    :param preview: whether only to read.
    :param fails: whether updates that failed fail the task.
    :param log: the task's logger.
    """

    context: Context
    store: TaskCheckpointStore
    updates: Sequence[Update]
    preview: bool
    fails: bool
    log: Any

    def run(self, hook: Bitrix24Hook, *, retries: bool) -> list[str]:
        """Update, and return the targets that hold the new values.

        :raises AirflowFailException: it failed and no retry helps, or a retry could move an entity twice.
        :raises Bitrix24Error: nothing was sent; a retry may help.
        :raises TargetsFailedError: some updates failed, and a retry is safe.
        """
        keeper: ReportKeeper[UpdateReport] = ReportKeeper(self.context["ti"], self.log)
        finished = None if self.preview else finished_firing(self.store, self.context)
        if finished is not None and finished.covers((each.ref for each in self.updates), digest(self.updates)):
            return self._return_finished(finished, keeper)
        if retries and self._moving and not (self.store.survives or self.preview):
            warn(self.log, updating.UNSAFE_RETRIES)
        monitor = UpdateMonitor()
        with self._ending_safely(monitor, keeper):
            report = self._update(hook, monitor)
            self._conclude(report, keeper)
            return report.targets

    def _conclude(self, report: UpdateReport, keeper: ReportKeeper[UpdateReport]) -> None:
        """Log and keep the report, and end the task otherwise than by returning where it has failed."""
        for level, line in updating.lines(report):
            self.log.log(level, "%s", line)
        keeper.keep(report)
        survives = self.store.survives or self.preview
        verdict = updating.decide(report, fails=self.fails, moving=self._moving, survives=survives)
        verdict.raise_for_airflow(report)
        if not self.preview:
            self.store.conclude(self.context["ti"], self._finished(report))

    @property
    def _moving(self) -> set[str]:
        """Targets whose updates hold a stage or a pipeline."""
        return {str(each.ref) for each in self.updates if each.moves}

    def _update(self, hook: Bitrix24Hook, monitor: UpdateMonitor) -> UpdateReport:
        if not self.updates:
            self.log.info("updates is an empty list; nothing is sent.")
        else:
            url = hook.get_conn().portal.page_url(self.updates[0].ref.page)
            self.context["ti"].xcom_push(key=ENTITY_URL_KEY, value=url)
        if self.preview:
            self.log.info("Preview: nothing is updated.")
            return hook.update_entities(self.updates, preview=True)
        if self.updates:
            self.log.info("Checking fields, then updating %s.", counted([each.ref for each in self.updates]))
        return hook.update_entities(self.updates, checkpoint_store=self.store, monitor=monitor)

    @contextmanager
    def _ending_safely(self, monitor: UpdateMonitor, keeper: ReportKeeper[UpdateReport]) -> Iterator[None]:
        """Keep the report whatever interrupts the task, and let no retry follow that could move an entity twice."""
        try:
            yield
        except (Bitrix24Error, AirflowFailException, TargetsFailedError):
            raise  # nothing was sent, or the task has chosen its end
        except BaseException as error:
            if not monitor.sent:
                raise
            name = type(error).__name__
            report = monitor.interrupted_report(OutcomeUnknown(f"The task was interrupted ({name})."))
            keeper.note(report)
            keeper.keep_newest()
            message = f"Interrupted ({name}). {updating.counts(report)}"
            self.log.warning("%s", message)
            danger = None if self.store.survives else updating.danger_of_a_retry(report, self._moving)
            if danger is not None:
                raise AirflowFailException(f"{message} No retry follows: {danger}") from error
            raise

    def _return_finished(self, finished: Finished, keeper: ReportKeeper[UpdateReport]) -> list[str]:
        """Return what an earlier try has finished; nothing is sent any more."""
        self.context["ti"].xcom_push(key=ENTITY_URL_KEY, value=finished.url)
        anew = " To update anew, clear the task once more." if finished.offered else ""
        self.log.info("Returning the report of try %d; nothing is sent.%s", finished.try_number, anew)
        report = updating.from_fired(finished.report)
        keeper.keep(report)
        self.store.conclude(self.context["ti"], finished, save=False)
        return report.targets

    def _finished(self, report: UpdateReport) -> Finished:
        ti = self.context["ti"]
        url = report.portal + self.updates[0].ref.page if self.updates else None
        kept = updating.as_fired(report)
        values = digest(self.updates)
        return Finished(report=kept, url=url, try_number=ti.try_number, max_tries=ti.max_tries, digest=values)
