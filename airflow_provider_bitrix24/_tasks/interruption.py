"""A firing that was interrupted in the middle: what is said, and whether a retry is safe. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24._tasks.verdict import may_have_been_fired
from airflow_provider_bitrix24.compat import AirflowFailException

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.report import TriggerReport


def describe_interruption(report: TriggerReport, kind: str) -> str:
    """Say how far the firing had come.

    :param report: what is known of each target.
    :param kind: name of the error that interrupted it.
    """
    sent = sum(map(may_have_been_fired, report.results))
    left = len(report.results) - sent - report.already
    return (
        f"Interrupted ({kind}): {sent} of {len(report.results)} targets were fired, {report.moved} of them were seen "
        f"to move; {left} were not fired."
    )


def refuse_unsafe_retry(report: TriggerReport, interruption: str, *, repeatable: bool, blind: int) -> None:
    """Let no retry follow that cannot see what this try has done. For tasks without a checkpoint.

    :param interruption: what :func:`describe_interruption` says.
    :param repeatable: whether a retry leaves alone what stands at an expected stage.
    :param blind: how many may have been fired that nobody can read.
    :raises AirflowFailException: a retry could move an entity twice.
    """
    if repeatable and not blind and not report.elsewhere:
        return
    if not repeatable:
        advice = "Set expected_stage to make retries safe."
    elif blind:
        advice = "They cannot be read back; give a webhook that may read, in verify_conn_id."
    else:
        advice = f"{report.elsewhere} moved to another stage than expected."
    raise AirflowFailException(f"{interruption} No retry follows: repeating could move them twice. {advice}")
