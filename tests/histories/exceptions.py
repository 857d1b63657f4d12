"""What "never twice" excepts, by name (design of retries): as narrow as it can be said from the portal's record.

Each takes two fires of one run for one entity, the first of which moved it, and says whether the second one is
excused because nobody could have known.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.histories.boards import COUNT, FAILURE, QUOTE, board

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.histories.plan import EntityPlan, History
    from tests.histories.record import Fire, Record
    from tests.histories.stays import StayRecord

SETTLE_AFTER = 60.0
"""Seconds for which a portal may go on with a request that the client has lost."""

READINGS = 10
"""Times that a try asks for what it has fired until it gives up."""
AT_ONCE = 5.0
"""Seconds between a reading and the fire that follows it, of which nobody can know anything."""


def expected_of(history: History) -> tuple[str, ...]:
    """Return the stages that a task expects, with the later ones of the same pipelines where they count, too."""
    named = history.task.expected_stage
    expected = (named,) if isinstance(named, str) else named or ()
    return expected if not history.task.or_later else tuple(dict.fromkeys(_with_later(history, expected)))


def _with_later(history: History, expected: Sequence[str]) -> Iterator[str]:
    yield from expected
    for each in history.portal.entities:
        stages = board(*each.key).stages
        first = min((at for at, stage in enumerate(stages) if stage in expected), default=COUNT)
        yield from stages[first:FAILURE]


def readable(history: History) -> bool:
    """Tell whether somebody may read entities."""
    return history.task.verify and (history.portal.rights == "all" or history.task.second)


class Pair:
    """Two fires of one run for one entity, and what is known about the time between them."""

    def __init__(
        self, history: History, record: Record, stays: Sequence[StayRecord], first: Fire, second: Fire
    ) -> None:
        self.history, self.record = history, record
        self.first, self.second = first, second
        self.between = [each for each in stays if first.stay <= each.number < second.stay]
        self.after_first = [each for each in stays if first.stay < each.number <= second.stay]

    @property
    def same_stay(self) -> bool:
        """Whether one stay sent both."""
        return self.first.stay == self.second.stay

    @property
    def remembers(self) -> bool:
        """Whether what the first one's stay stored is there for the second one's."""
        kept = self.history.airflow != "2.11" and self.history.task.durable
        return kept and not any(each.forgot_before for each in self.after_first)

    @property
    def cut_off(self) -> bool:
        """Whether a stay between them was ended by others, so that the task could not rule a next try out."""
        ended = any(
            each.killed or each.orphaned or each.raised_after or "clear" in each.struck for each in self.between
        )
        return ended or any(each.cleared_before for each in self.after_first)

    @property
    def expected(self) -> tuple[str, ...]:
        """Stages that the task expects."""
        return expected_of(self.history)

    @property
    def readable(self) -> bool:
        """Whether somebody may read the entity, and what it shows makes sense."""
        hidden = self._plan is not None and self._plan.hidden and not self.history.task.second
        return readable(self.history) and not hidden and not self.odd

    @property
    def odd(self) -> bool:
        """Whether a reading shows odd values for the entity."""
        return self._plan is not None and self._plan.odd is not None

    @property
    def _plan(self) -> EntityPlan | None:
        return next((each for each in self.history.portal.entities if each.key == self.first.key), None)


def nothing_remembers(pair: Pair) -> bool:
    """No store, and a try that others ended or cleared: all that is left is where the entity stands."""
    if pair.same_stay or pair.remembers or not pair.cut_off:
        return False
    return not pair.expected or not pair.readable or pair.second.stood_at not in pair.expected


def left_between_tries(pair: Pair) -> bool:
    """No store: the entity stood at its expected stage when its try ended, or came there by its fire, and has left."""
    if pair.same_stay or pair.remembers or not pair.expected or not pair.readable:
        return False
    at_end = pair.record.stage_at(pair.first.key, pair.between[-1].ended_at)
    came_to = pair.record.stage_by(pair.first)
    return pair.second.stood_at not in pair.expected and (at_end in pair.expected or came_to in pair.expected)


def moved_after_its_try(pair: Pair) -> bool:
    """No store: the portal moved the entity when its try was over, and the next one had to look at once."""
    moved_at = pair.first.moved_at
    if pair.same_stay or pair.remembers or not pair.expected or moved_at is None:
        return False
    return moved_at > pair.between[0].ended_at


def arrived_right_before_its_fire(pair: Pair) -> bool:
    """No store: it came to its expected stage after the next try had read it, and that try fired at once."""
    if pair.same_stay or pair.remembers or not pair.readable or pair.second.stood_at not in pair.expected:
        return False
    looks = [each for each in pair.record.looks.get(pair.first.key, ()) if each.at <= pair.second.sent_at]
    last = next((each for each in reversed(looks) if each.arrived and each.stay == pair.second.stay), None)
    return last is not None and last.shown not in pair.expected and pair.second.sent_at - last.at <= AT_ONCE


def interrupted_before_looking(pair: Pair) -> bool:
    """No store: the try was interrupted before it had seen where the entity had gone, which is not where expected."""
    moved_at, sender = pair.first.moved_at, pair.between[0] if pair.between else None
    if pair.remembers or sender is None or not sender.struck or not pair.expected or moved_at is None:
        return False
    looks = pair.record.looks.get(pair.first.key, ())
    seen = [each for each in looks if each.arrived and each.stay == sender.number and each.at > moved_at]
    if sender.struck_at == "answered":
        seen = seen[:-1]  # which it could not take in any more
    return pair.second.stood_at not in pair.expected and not seen


def outage_before_looking(pair: Pair) -> bool:
    """No store: the portal failed until the try gave up, which had not seen where the entity had gone."""
    moved_at, sender = pair.first.moved_at, pair.between[0] if pair.between else None
    if pair.same_stay or pair.remembers or sender is None or not pair.expected or moved_at is None:
        return False
    failed = {each.number for each in pair.history.portal.requests}
    last = range(sender.requests_to - READINGS, sender.requests_to)
    return pair.second.stood_at not in pair.expected and failed.issuperset(last)


def there_and_back_unseen(pair: Pair) -> bool:
    """No time of the move, as of quotes and in odd readings: what went there and back seems to have stayed."""
    quote = pair.first.key[0] == QUOTE
    return (quote and pair.odd) or ((quote or pair.odd) and pair.second.stood_at == pair.first.stood_at)


def within_the_same_second(pair: Pair) -> bool:
    """It moved, was fired, and was back again within one second: the portal's times have whole seconds."""
    moves = [each.at for each in pair.record.stood[pair.first.key]]
    seen = [max((at for at in moves if at <= fire.sent_at), default=0.0) for fire in (pair.first, pair.second)]
    return pair.second.stood_at == pair.first.stood_at and math.floor(seen[0]) == math.floor(seen[1])


def executed_late(pair: Pair) -> bool:
    """The portal executed the first one later than ``settle_after``."""
    moved_at = pair.first.moved_at
    return moved_at is not None and moved_at > pair.first.sent_at + SETTLE_AFTER


ALL: tuple[Callable[[Pair], bool], ...] = (
    nothing_remembers,
    left_between_tries,
    moved_after_its_try,
    arrived_right_before_its_fire,
    interrupted_before_looking,
    outage_before_looking,
    there_and_back_unseen,
    within_the_same_second,
    executed_late,
)


def excuse(pair: Pair) -> str | None:
    """Return the name of the exception that covers the pair, if one does."""
    return next((each.__name__ for each in ALL if each(pair)), None)
