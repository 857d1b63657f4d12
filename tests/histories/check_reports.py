"""I2 and I3: a success leaves nobody out, and what a report says of an entity is what the portal's record shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.histories.boards import CONTACT, ORDER, QUOTE, key_of
from tests.histories.exceptions import SETTLE_AFTER, expected_of
from tests.histories.rest import EXOTIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.airflow_model import Life
    from tests.histories.record import Fire
    from tests.histories.stays import StayRecord

Found = tuple[str, str]
MARGIN = 5.0
"""Seconds that the portal's clock, told in whole seconds, may leave unclear."""
MAX_FIRES = 3
"""Fires of one target after which the package gives it up."""


def check_reports(life: Life) -> Iterator[Found]:
    """Check every report that a stay has left behind."""
    if life.plan.kind == "sensor":
        yield from _sensor(life)
        return
    if life.plan.kind == "updates":
        return  # :mod:`.check_updates`
    for stay in life.stays:
        if stay.returned is not None:
            yield from _success(life, stay)
        report = stay.returned or stay.report
        if isinstance(report, dict):
            for result in report["results"]:
                yield from _true(life, stay, result)


def _success(life: Life, stay: StayRecord) -> Iterator[Found]:
    report = stay.returned
    listed = {each["target"]: each for each in report["results"]}
    on_unmoved = life.plan.on_unmoved or ("fail" if life.plan.expected_stage else "warn")
    for target in unique(stay.targets):
        result = listed.get(target)
        if result is None:
            yield "I2", f"{target} is left out of the report of a success"
            continue
        match result["outcome"]:
            case "failed":
                yield "I2", f"{target} failed, and the task succeeds"
            case "unmoved" | "elsewhere" if on_unmoved == "fail":
                yield "I2", f"{target} is {result['outcome']}, and the task succeeds although on_unmoved is fail"
            case "already":
                if not _stood_there(life, stay, target):
                    yield "I2", f"{target} never stood at an expected stage, and is reported as already there"
            case outcome if not reached(life, stay, target):
                yield "I2", f"{target} was never fired and executed, and is reported as {outcome} by a success"


def unique(targets: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(each.upper() for each in targets))


def _epochs(life: Life, stay: StayRecord) -> tuple[int, ...]:
    """Return the runs whose fires a stay's report may tell of."""
    first = stay.epoch
    # Without evidence of a cleared success, or where a try was cut off right after it, the older report is resumed.
    while first > 0 and not _began_anew(life, stay, first):
        first -= 1
    return tuple(range(first, stay.epoch + 1))


def _began_anew(life: Life, stay: StayRecord, epoch: int) -> bool:
    """Whether what was done before this run of the task counts no more."""
    if stay.evidence and stay.epoch == epoch:
        return True
    fired = any(each.epoch == epoch for each in life.world.portal.record.fires)
    return fired and any(each.evidence and each.epoch == epoch for each in life.stays)


def _fires(life: Life, stay: StayRecord, target: str) -> list[Fire]:
    key, epochs = key_of(target), _epochs(life, stay)
    return [each for each in life.world.portal.record.fires if each.key == key and each.epoch in epochs]


def reached(life: Life, stay: StayRecord, target: str) -> bool:
    """Whether a fire of this run was executed, or somebody else moved it after one had left (nobody can tell who)."""
    fires = _fires(life, stay, target)
    if any(each.executed_at is not None for each in fires):
        return True
    stood = life.world.portal.record.stood.get(key_of(target), ())
    stays = [each for each in life.stays if each.epoch in _epochs(life, stay) and each.number <= stay.number]
    # A try that was cut off may have fired, as far as the next one can know.
    maybe_fired = bool(fires) or any(each.killed or each.orphaned or each.struck for each in stays)
    return maybe_fired and any(stays[0].began_at <= each.at <= stay.ended_at for each in stood)


def _stood_there(life: Life, stay: StayRecord, target: str) -> bool:
    epochs = _epochs(life, stay)
    began = min(each.began_at for each in life.stays if each.epoch in epochs)
    return any(stage in expected_of(life.history) for stage in _stages(life, target, began, stay.ended_at))


def _stages(life: Life, target: str, since: float, until: float) -> list[str]:
    """Return where an entity stood in a span of time, in order."""
    record, key = life.world.portal.record, key_of(target)
    first = record.stage_at(key, since)
    later = [each.stage for each in record.stood.get(key, ()) if since < each.at <= until]
    return ([] if first is None else [first]) + later


def _true(life: Life, stay: StayRecord, result: dict[str, Any]) -> Iterator[Found]:
    """Hold one line of a report against the record."""
    target, before, after = result["target"], result["stage_before"], result["stage_after"]
    key = key_of(target)
    if _odd(life, key):
        return
    epochs = _epochs(life, stay)
    began = min((each.began_at for each in life.stays if each.epoch in epochs), default=stay.began_at)
    stages = _stages(life, target, began, stay.ended_at)
    if before is not None and before not in stages:
        yield "I3", f"{target} is said to have stood at {before}, where it never stood"
    if after is not None and after not in (stages[stages.index(before) :] if before in stages else stages):
        yield "I3", f"{target} is said to stand at {after}, where it did not stand later"
    match result["outcome"]:
        case "moved" if after is None or (before == after and not expected_of(life.history)):
            yield "I3", f"{target} is said to have moved from {before} to {after}"
        case "moved" if expected_of(life.history) and after not in expected_of(life.history):
            yield "I3", f"{target} is said to have moved to {after}, which is not expected"
        case "unmoved" if before != after and after is not None and not expected_of(life.history):
            yield "I3", f"{target} is said not to have moved from {before} to {after}"
        case "unmoved" if _moved_before_reading(life, stay, target, before):
            yield "I3", f"{target} is said not to have moved, and the last reading before that showed a move"
        case "failed" if unknown(result) and could_look(life, stay, target):
            yield "I3", f"{target} is said to be unknown, although somebody could look"
        case "unverified" if key[0] not in (CONTACT, ORDER) and life.plan.verify and could_look(life, stay, target):
            yield "I3", f"{target} is said to be unverified, although somebody could look"


def _odd(life: Life, key: tuple[int, int]) -> bool:
    entity = next((each for each in life.history.portal.entities if each.key == key), None)
    return entity is not None and entity.odd is not None


def unknown(result: dict[str, Any]) -> bool:
    """Tell whether a result says that nobody knows what became of its target.

    A refusal is a refusal, also one whose code is not known and therefore proves nothing.
    """
    error = result.get("error") or {}
    return error.get("executed") == "unknown" and error.get("code") != EXOTIC[0]


def _moved_before_reading(life: Life, stay: StayRecord, target: str, before: str | None) -> bool:
    """Whether the last reading that arrived showed the entity elsewhere than it is said to have stood, unexpectedly."""
    looks = [each for each in life.world.portal.record.looks.get(key_of(target), ()) if each.arrived]
    looks = [each for each in looks if each.stay == stay.number and each.at <= stay.reported_at]
    if not looks or looks[-1].shown is None or before is None:
        return False
    moved = any(each.moved for each in _fires(life, stay, target))
    return moved and looks[-1].shown != before


def could_look(life: Life, stay: StayRecord, target: str) -> bool:
    """Whether a reading of this entity arrived in this stay, once every fire of it was over."""
    fires = _fires(life, stay, target)
    if not fires or len(fires) >= MAX_FIRES or stay.struck or stay.store_failed or stay.xcom_failed:
        return False
    latest = [*(each.sent_at for each in fires), *_first_seen_moved(life, stay, fires)]
    over = max(latest) + SETTLE_AFTER + MARGIN
    looks = life.world.portal.record.looks.get(key_of(target), ())
    seen = [each for each in looks if each.arrived and each.shown is not None and each.stay == stay.number]
    return any(over <= each.at <= stay.reported_at for each in seen)


def _first_seen_moved(life: Life, stay: StayRecord, fires: list[Fire]) -> Iterator[float]:
    """When a reading first showed moves by the same requests whose time nobody tells: they may have been just then."""
    record, numbers = life.world.portal.record, {each.request for each in fires}
    for fire in record.fires:
        if fire.request in numbers and fire.moved_at is not None and _timeless(life, fire.key):
            looks = [each for each in record.looks.get(fire.key, ()) if each.arrived and each.stay == stay.number]
            yield from [each.at for each in looks if each.at > fire.moved_at][:1]


def _timeless(life: Life, key: tuple[int, int]) -> bool:
    """Whether the portal tells no usable time of a move: of quotes, in odd readings, or where its clock is odd."""
    return key[0] == QUOTE or life.history.portal.odd_time or _odd(life, key)


def _sensor(life: Life) -> Iterator[Found]:
    """A sensor that succeeds has seen it."""
    for stay in life.stays:
        if not isinstance(stay.returned, dict):
            continue
        for target, stage in stay.returned.items():
            if stage not in _stages(life, target, life.stays[0].began_at, stay.ended_at):
                yield "I3", f"{target} is said to have arrived at {stage}, where it never stood"
        missing = set(unique(stay.targets)) - set(stay.returned)
        if life.plan.require == "all" and missing:
            yield "I2", f"{', '.join(sorted(missing))} left out by a sensor that waits for all"
