"""I4 and I5: a try ends permanently only where it must, is repeated only where that is safe, and settles if it can."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRuntimeError,
    AirflowTaskTerminated,
    AirflowTaskTimeout,
)

from airflow_provider_bitrix24.exceptions import Bitrix24Error, LostEventError
from tests.histories.boards import CONTACT, DEAL, ORDER, OTHER_PIPELINE, board, key_of
from tests.histories.check_reports import MAX_FIRES, unknown
from tests.histories.exceptions import SETTLE_AFTER, expected_of, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.airflow_model import Life
    from tests.histories.record import Fire
    from tests.histories.stays import StayRecord

Found = tuple[str, str]
_KNOWN = (
    AirflowException,
    AirflowTaskTerminated,
    AirflowTaskTimeout,
    AirflowRuntimeError,
    SystemExit,
    Bitrix24Error,
    LostEventError,
)
_FOR_GOOD = ("redirect", "denied")
"""Faults of a request after which no retry helps."""


def check_ends(life: Life) -> Iterator[Found]:
    """Check how each stay ended."""
    for stay in life.stays:
        if stay.error is None or stay.killed or stay.orphaned or stay.raised_after:
            continue
        yield from _foreign(stay)
        if life.plan.kind == "sensor":
            continue
        if isinstance(stay.error, AirflowFailException):
            yield from _permanent(life, stay)
        elif stay.end == "up_for_retry" and "clear" not in stay.struck:
            yield from _repeated(life, stay)
        yield from _reported(life, stay)
        yield from _settled(life, stay)
    yield from _fired_for_nothing(life)
    for error in life.world.trigger_errors:
        yield "I3", f"a foreign {type(error).__name__} ended a wait on the triggerer: {error}"


def _fires(life: Life, stay: StayRecord, *, whole_run: bool = False) -> list[Fire]:
    """Return the fires of a stay, or of the whole run so far, that may have run."""
    fires = [each for each in life.world.portal.record.fires if each.may_have_run and not each.harmless]
    if whole_run:
        return [each for each in fires if each.epoch == stay.epoch and each.stay <= stay.number]
    return [each for each in fires if each.stay == stay.number]


def _foreign(stay: StayRecord) -> Iterator[Found]:
    """An error that is neither ours nor Airflow's lost its way, and with it the report."""
    if not isinstance(stay.error, _KNOWN) and type(stay.error).__name__ != "TaskKilledError":
        yield "I3", f"a foreign {type(stay.error).__name__} ended try {stay.try_number}: {stay.error}"


def _permanent(life: Life, stay: StayRecord) -> Iterator[Found]:
    """No retry is to follow: then one could break I1, or could not help."""
    if not _fires(life, stay, whole_run=True):
        if stay.struck_firing:
            return
        if _was_interrupted(stay.error):
            yield "I4", "an interruption ended it permanently before anything was fired"
        elif re.search(r"been fired|\d (was|were) fired", str(stay.error)):
            yield "I4", "it says that some were fired, and none was"
        return
    if life.remembers and not stay.store_failed:
        hopeful = [each["target"] for each in (stay.report or {}).get("results", ()) if _hopeful(life, stay, each)]
        if hopeful:
            yield "I4", f"it ended permanently, although a retry is safe and may help {hopeful[0]}"


def _was_interrupted(error: BaseException | None) -> bool:
    """Whether an error comes of an interruption that would have been retried."""
    while error is not None and not isinstance(error, AirflowTaskTerminated | AirflowTaskTimeout | SystemExit):
        error = error.__cause__ or error.__context__
    return error is not None


def _hopeful(life: Life, stay: StayRecord, result: dict[str, Any]) -> bool:
    """Whether a later try that remembers this one may do better with a target."""
    key = key_of(result["target"])
    plan = next((each for each in life.history.portal.entities if each.key == key), None)
    if plan is None or not plan.exists or plan.hidden or plan.locked or plan.odd:
        return False
    if any(each.kind in _FOR_GOOD for each in life.history.portal.requests) or _no_such_stage(life, *key):
        return False
    on_unmoved = life.plan.on_unmoved or ("fail" if expected_of(life.history) else "warn")
    match result["outcome"]:
        case "unmoved":
            return on_unmoved == "fail" and result["stage_after"] == result["stage_before"]
        case "failed":
            blind = key[0] in (CONTACT, ORDER) or not readable(life.history)
            tired = len([each for each in _fires(life, stay, whole_run=True) if each.key == key]) >= MAX_FIRES
            return unknown(result) and not blind and not tired
        case _:
            return False


def _no_such_stage(life: Life, type_id: int, number: int) -> bool:
    return not set(expected_of(life.history)) & set(board(type_id, number).stages) and bool(expected_of(life.history))


def _repeated(life: Life, stay: StayRecord) -> Iterator[Found]:
    """A retry is to follow that remembers nothing: then nothing fired may stand where that does not show."""
    if life.remembers:
        return
    fires = [each for each in _fires(life, stay) if not _seen_without_effect(life, stay, each)]
    expected = expected_of(life.history)
    if fires and (not expected or not readable(life.history)):
        yield "I4", f"it asks for a retry that would fire {fires[0].key} again, which may have moved"
        return
    for fire in fires:
        looks = life.world.portal.record.looks.get(fire.key, ())
        last = [each.shown for each in looks if each.arrived and each.stay == stay.number and each.at > fire.sent_at]
        if last and last[-1] is not None and last[-1] not in (*expected, fire.stood_at):
            yield "I4", f"it asks for a retry, although it saw {fire.key} move to {last[-1]}, which is not expected"


def _seen_without_effect(life: Life, stay: StayRecord, fire: Fire) -> bool:
    """Whether it did not move the entity, and a reading after the portal was done with it has shown so."""
    over = fire.sent_at + SETTLE_AFTER
    looks = [each for each in life.world.portal.record.looks.get(fire.key, ()) if each.arrived and each.at >= over]
    return not fire.moved and any(each.stay == stay.number and each.shown == fire.stood_at for each in looks)


def _reported(life: Life, stay: StayRecord) -> Iterator[Found]:
    """Whoever fires and fails leaves a report, unless Airflow takes none."""
    ended = stay.end in ("failed", "up_for_retry", "skipped") and not {"sigterm", "clear"} & set(stay.struck)
    if ended and stay.report is None and not stay.cannot_report and _fires(life, stay):
        yield "I3", f"try {stay.try_number} has fired and ended with {type(stay.error).__name__} without a report"


def _settled(life: Life, stay: StayRecord) -> Iterator[Found]:
    """On a healthy portal everything that can be read is settled."""
    if not stay.healthy or not readable(life.history):
        return
    if isinstance(stay.error, Bitrix24Error) and not stay.error.permanent:
        yield "I5", f"a healthy portal, and yet: {stay.error}"
    for result in (stay.report or {}).get("results", ()):
        if unknown(result) and _hopeful(life, stay, result):
            yield "I5", f"{result['target']} stays unknown on a healthy portal"


def _fired_for_nothing(life: Life) -> Iterator[Found]:
    """An expected stage that does not exist is noticed before the first fire, where its dictionary can be read."""
    portal, expected = life.history.portal, expected_of(life.history)
    plain = portal.dictionaries == "there" and portal.rights == "all" and not portal.requests and not portal.odd_time
    if not (plain and expected and life.plan.kind != "sensor"):
        return
    keys = {each.key for each in portal.entities}
    known = {*board(DEAL).stages, *board(DEAL, OTHER_PIPELINE).stages}
    if all(type_id == DEAL for type_id, _ in keys) and not known & set(expected):
        for fire in life.world.portal.record.fires[:1]:
            yield "I4", f"{fire.key} was fired, although {', '.join(expected)} is not a stage of any pipeline here"
