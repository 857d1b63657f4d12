"""I4 and I5: a try ends permanently only where it must, is repeated only where that is safe, and ends at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRuntimeError,
    AirflowTaskTerminated,
    AirflowTaskTimeout,
)

from airflow_provider_bitrix24.exceptions import Bitrix24Error, LostEventError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.airflow_model import Life
    from tests.histories.stays import StayRecord

Found = tuple[str, str]


def check_ends(life: Life) -> Iterator[Found]:
    """Check how each stay ended."""
    for stay in life.stays:
        if stay.error is None or stay.killed or stay.orphaned or stay.raised_after:
            continue
        yield from _foreign(stay)
        yield from _permanent(life, stay)
        yield from _reported(life, stay)


def _foreign(stay: StayRecord) -> Iterator[Found]:
    """An error that is neither ours nor Airflow's lost its way, and with it the report."""
    known = (AirflowException, AirflowTaskTerminated, AirflowTaskTimeout, AirflowRuntimeError, SystemExit)
    ours = (Bitrix24Error, LostEventError)
    if not isinstance(stay.error, known + ours) and type(stay.error).__name__ != "TaskKilledError":
        yield "I3", f"a foreign {type(stay.error).__name__} ended try {stay.try_number}: {stay.error}"


def _permanent(life: Life, stay: StayRecord) -> Iterator[Found]:
    """Nothing was fired in this run, something passing ended the try, and yet no retry is to follow."""
    if not isinstance(stay.error, AirflowFailException):
        return
    if any(each.epoch == stay.epoch and each.may_have_run for each in life.world.portal.record.fires):
        return
    if set(stay.struck) & {"timeout", "exit", "sigterm"}:
        yield "I4", "an interruption ended it permanently before anything was fired"
    elif "been fired" in str(stay.error) or "were fired" in str(stay.error):
        yield "I4", "it says that some were fired, and none was"


def _reported(life: Life, stay: StayRecord) -> Iterator[Found]:
    """Whoever fires and fails leaves a report, unless Airflow takes none."""
    fired = any(each.stay == stay.number and each.may_have_run for each in life.world.portal.record.fires)
    if fired and stay.end in ("failed", "up_for_retry", "skipped") and stay.report is None and not stay.store_failed:
        yield "I3", f"try {stay.try_number} has fired and ended with {type(stay.error).__name__} without a report"
