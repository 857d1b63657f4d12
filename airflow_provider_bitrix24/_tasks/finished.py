"""A firing that has finished: what it leaves for later tries, and when one of those may fire anew.

After the operator returns, Airflow still runs ``post_execute``, pushes XComs and reports the success, and the worker
can die at each of these steps. So a success is written into the checkpoint, and a try that finds it returns its
report. Only where Airflow has recorded the success and somebody cleared it are the targets fired anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_bitrix24._tasks.deferred_report import dump_report, load_report
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.values import text, whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24.client.report import TriggerReport
    from airflow_provider_bitrix24.compat import Context

DONE_KEY = "bitrix24_firing_done"
RECORDED_KEY = "bitrix24_firing_recorded"
"""Holds the number of the try whose finished firing Airflow has recorded as a success."""
_FORM = 1
FORGOTTEN = {"form": _FORM, "forgotten": True}
"""In place of a report: the task was cleared, and what it had kept is being removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a try wrote when its firing had finished.

    :param report: what the operator returned, whole.
    :param url: the page that the task links to.
    :param try_number: the try that fired.
    :param max_tries: what Airflow allowed this task when it was written; as a rule, a Clear changes it.
    :param digest: differs where a task was to do something else with the same entities; empty where an earlier
        version wrote it.
    :param offered: whether the task was cleared since, without evidence of a recorded success. Its try returns the
        report and says that another Clear fires anew; once Airflow has recorded the success of that try, it does.
    """

    report: TriggerReport
    url: str | None
    try_number: int
    max_tries: int
    digest: str = ""
    offered: bool = False

    @classmethod
    def of(cls, context: Context, report: TriggerReport, digest: str) -> Self:
        """What the try that runs now has finished."""
        ti = context["ti"]
        url = report.portal + EntityRef.parse(report.results[0].target).page if report.results else None
        return cls(report=report, url=url, try_number=ti.try_number, max_tries=ti.max_tries, digest=digest)

    def as_record(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "form": _FORM,
            "report": dump_report(self.report),
            "url": self.url,
            "try_number": self.try_number,
            "max_tries": self.max_tries,
            "digest": self.digest,
        }

    @classmethod
    def read(cls, record: Any) -> Self:
        """Undo :meth:`as_record`.

        :raises CheckpointError: it is damaged, or of another release.
        """
        report = None
        if isinstance(record, dict) and record.get("form") == _FORM:
            report = load_report(record.get("report"))
        if report is None:
            raise CheckpointError(
                "An earlier try has finished this firing, but what it wrote cannot be read.",
                hint=f"Nothing is fired. To fire anew, remove the task's {DONE_KEY} and bitrix24_firing keys "
                "from its task state, or start a new DAG run.",
            )
        return cls(
            report=report,
            url=_url(record.get("url")),
            try_number=whole(record.get("try_number")) or 0,
            max_tries=whole(record.get("max_tries")) or 0,
            digest=text(record.get("digest")) or "",
        )

    def covers(self, refs: Iterable[EntityRef], digest: str) -> bool:
        """Whether this is what is to be done now. If not, the list or what is expected has changed since."""
        if self.digest not in ("", digest):
            return False
        return {str(ref) for ref in refs}.issubset({result.target for result in self.report.results})


def _url(value: object) -> str | None:
    is_address = isinstance(value, str) and value.isprintable() and value.startswith(("https://", "http://"))
    return str(value) if is_address else None


def finished_firing(store: TaskCheckpointStore, context: Context) -> Finished | None:
    """What an earlier try has finished, unless the targets are to be fired anew; then everything kept is forgotten.

    :raises CheckpointError: what it wrote cannot be read.
    """
    record = store.load_done()
    if record is None:
        return None
    if record == FORGOTTEN:
        store.forget()
        return None
    finished = Finished.read(record)
    ti = context["ti"]
    cleared = ti.max_tries != finished.max_tries
    # A Clear leaves max_tries as it was where the DAG file has fewer retries by now. No other try follows a success
    # that is recorded; `airflow tasks test` repeats the last one.
    if (cleared or ti.try_number > finished.try_number) and store.load_recorded() == finished.try_number:
        store.forget()
        return None
    return replace(finished, offered=True) if cleared else finished
