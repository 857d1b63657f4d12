"""The stage of an entity, and the stages of a pipeline. Pure values; :mod:`.flows.readings` reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_bitrix24.client.combinations import check_or_later
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.plain import NO_TEMPLATE, quoted, trimmed, unwrapped
from airflow_provider_bitrix24.client.values import absent, epoch_seconds, moment, text, whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime


_SHOWN = 3
"""How many stages a sentence names."""
UNKNOWN_MOMENT = ""
"""In place of :attr:`Snapshot.moved_time` where it was not kept; then only the stage can show a move."""
WHOLE_SECOND = 1.0
"""The portal's times leave out what is less than a second."""


class Pipeline(NamedTuple):
    """One pipeline of a type; ``category_id`` is ``None`` for types without pipelines."""

    type_id: int
    category_id: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An entity's stage when it was read. ``moved_time`` is the portal's text; quotes have none."""

    stage: str | None
    category_id: int | None = None
    moved_time: str | None = None

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Snapshot | None:
        """Read an item of ``crm.item.list``; ``None`` where a part of it cannot be read.

        Half of a reading would be worse than none: a pipeline that is missing looks like a move out of it.
        """
        shown = item.get("stageId"), item.get("categoryId"), item.get("movedTime")
        read = text(shown[0]), whole(shown[1]), text(shown[2])
        if any(part is None and not absent(value) for part, value in zip(read, shown, strict=True)):
            return None
        return cls(*read)

    def differs(self, other: Snapshot) -> bool:
        """Whether stage or pipeline differ."""
        return self.stage != other.stage or self.category_id != other.category_id

    def shows_a_move_since(self, before: Snapshot) -> bool:
        """Whether anything has moved it in between, even if a robot then moved it back."""
        return self.differs(before) or not (before.moved_time == UNKNOWN_MOMENT or self._moved_when(before))

    def moved_by(self, before: Snapshot) -> float | None:
        """When it had moved at the latest, by the portal's clock, in seconds since the epoch.

        ``None`` where the portal's time of the move is missing, has no offset from UTC, or is still that of before.
        """
        seconds = None if self._moved_when(before) else epoch_seconds(self.moved_time)
        return None if seconds is None else seconds + WHOLE_SECOND

    def _moved_when(self, other: Snapshot) -> bool:
        """Whether both show the same time of the last move, be it in two time zones, as two users may be."""
        if self.moved_time == other.moved_time:
            return True
        seconds = epoch_seconds(self.moved_time)
        return seconds is not None and seconds == epoch_seconds(other.moved_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageInfo:
    """The stage of an entity.

    :param target: canonical form, such as ``DEAL_57``.
    :param stage: stage id, such as ``C5:WON``.
    :param category_id: number of the pipeline; ``None`` for types without pipelines.
    :param moved_time: when it moved to this stage; ``None`` for quotes.
    """

    target: str
    stage: str | None
    category_id: int | None
    moved_time: datetime | None

    @classmethod
    def from_snapshot(cls, target: str, snapshot: Snapshot) -> StageInfo:
        """Translate a reading; a date keeps the portal's offset from UTC."""
        return cls(
            target=target,
            stage=snapshot.stage,
            category_id=snapshot.category_id,
            moved_time=moment(snapshot.moved_time),
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline: the id that ``expected_stage`` takes, the name, and ``"S"``, ``"F"`` or ``None``."""

    id: str
    name: str
    semantics: str | None


def parse_stages(name: str, value: object) -> frozenset[str] | None:
    """Read one stage id or several, any of which is accepted; ``None`` where none is given.

    :param name: of the argument, for the message.
    :raises ConfigurationError: it is empty, or holds something other than texts.
    """
    value = unwrapped(value)
    if value is None:
        return None
    stages: Iterable[object] = [value] if isinstance(value, str) else _iterable(value)
    cleaned = [trimmed(stage) if isinstance(stage, str) else stage for stage in stages]
    if not cleaned or not all(isinstance(stage, str) and stage for stage in cleaned):
        raise ConfigurationError(
            f"{name} is {quoted(value)}.",
            hint="Pass a stage id such as C5:WON, or a list of them; `stages` of the command line lists them.",
        )
    if any(re.match(r"[\[({]\s*['\"]", str(stage)) for stage in cleaned):
        raise ConfigurationError(
            f"{name} is {quoted(value)}: a list that a template turned into text.", hint=NO_TEMPLATE
        )
    return frozenset(str(stage) for stage in cleaned)


def stages_in_words(stages: Iterable[str], *, or_later: bool = False) -> str:
    """Name stages, any of which is accepted, in a sentence: ``C5:WON or WON or later``."""
    named = sorted(stages)
    shown = named[:_SHOWN] + ([f"{len(named) - _SHOWN} more"] if named[_SHOWN:] else [])
    return " or ".join([*shown, "later"] if or_later else shown)


def check_stage_arguments(expected: Collection[str] | None, *, or_later: object, fail_on: Collection[str]) -> None:
    """Refuse stages that contradict each other.

    :raises ConfigurationError: the message names the arguments.
    """
    check_or_later(or_later=or_later, expects=bool(expected))
    if both := sorted(frozenset(expected or ()).intersection(fail_on)):
        raise ConfigurationError(
            f"{quoted(', '.join(both))} is in expected_stage and in fail_on.", hint="Leave it out of one."
        )


def _iterable(value: object) -> Iterable[object]:
    if isinstance(value, dict | bytes) or not hasattr(value, "__iter__"):
        return ()
    return value


def arrived(before: Snapshot, after: Snapshot, expected: frozenset[str] | None) -> bool:
    """Whether a fired entity counts as moved: it is at an expected stage or, without one, elsewhere than before."""
    return after.differs(before) if expected is None else after.stage in expected
