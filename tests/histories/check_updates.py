"""I2 and I3 for updates: a success leaves nobody out, and what was updated was executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.histories.boards import board, key_of
from tests.histories.check_reports import could_look, reached, unique, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.histories.airflow_model import Life
    from tests.histories.stays import StayRecord

Found = tuple[str, str]


def check_updates(life: Life) -> Iterator[Found]:
    """Check every report that a stay has left behind, and every list of targets that it returned."""
    if life.plan.kind != "updates":
        return
    for stay in life.stays:
        results = {each["target"]: each for each in (stay.report or {}).get("results", ())}
        if stay.returned is not None:
            yield from _success(life, stay, results)
        for target, result in results.items():
            if result["outcome"] == "failed":
                if unknown(result) and could_look(life, stay, target):
                    yield "I3", f"{target} is said to be unknown, although somebody could look"
            elif not reached(life, stay, target):
                yield "I3", f"{target} was never updated, and is reported as {result['outcome']}"


def _success(life: Life, stay: StayRecord, results: dict[str, dict[str, Any]]) -> Iterator[Found]:
    for target in unique(stay.targets):
        result = results.get(target)
        if result is None:
            yield "I2", f"{target} is left out of the report of a success"
        elif result["outcome"] == "failed" and life.plan.on_failed == "fail":
            yield "I2", f"{target} failed, and the task succeeds"
        elif (result["outcome"] != "failed") != (target in stay.returned):
            yield "I2", f"{target} is {result['outcome']}, and the targets returned say otherwise"
        elif result["outcome"] != "failed" and not _was_there(life, stay, target):
            yield "I2", f"{target} is {result['outcome']}, and never stood at the stage that was to be written"


def _was_there(life: Life, stay: StayRecord, target: str) -> bool:
    """Whether an entity stood at the stage of this try's row at any time, as far as nobody else moves entities."""
    type_id, number = key_of(target)
    portal, record = life.history.portal, life.world.portal.record
    if portal.colleagues or portal.vetoes or (life.plan.mixed and number % 2):
        return True
    later = None if stay.try_number == 1 else life.plan.later_stage
    wanted = board(type_id, number).stages[life.plan.stage if later is None else later]
    stood = {each.stage for each in record.stood.get((type_id, number), ())}
    return wanted in stood | {record.stage_at((type_id, number), 0.0)}
