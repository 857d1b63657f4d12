"""Which updates that move entities an earlier try has sent: with other values they are not what it has done. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_bitrix24.client.entities.update_job import MOVING
from airflow_provider_bitrix24.client.entities.updates import digest
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.part_values import UNREADABLE, WHAT_TO_DO
from airflow_provider_bitrix24.client.firing.parts import LETTERS, VALUES, WAITING
from airflow_provider_bitrix24.client.packing import pack_json, unpack_json
from airflow_provider_bitrix24.client.report import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Self

    from airflow_provider_bitrix24.client.entities.before import Before
    from airflow_provider_bitrix24.client.entities.updates import Update
    from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring

PART = f"{MOVING[0]}_{VALUES}"
"""Of both groups that move entities, since an update may belong to the other one with other values."""
_NOT_SENT = (WAITING, LETTERS["failed"])
OTHER_STAGE = TargetError(
    "OTHER_STAGE",
    "An earlier try has sent it to another stage or pipeline, so this update could move it twice. "
    "Look at it in Bitrix24, and send what is missing in a new DAG run.",
    "no",
)


class Digests(NamedTuple):
    """Short texts that differ where updates of an entity do: in stage and pipeline, and in any field."""

    moving: str
    whole: str

    @classmethod
    def of(cls, update: Update) -> Self:
        """Those of an update."""
        return cls(*(digest([each])[:8] for each in (replace(update, fields=update.moving), update)))


@dataclass(frozen=True, slots=True)
class SentBefore:
    """The updates with a stage or a pipeline that earlier tries have sent.

    :param values: target -> what was sent, or was going to be.
    :param sent: targets of which the portal may have taken an update.
    """

    values: Mapping[str, Digests]
    sent: frozenset[str]

    @classmethod
    def read(cls, load: Callable[[str], Any], *, host: str) -> Self:
        """Read what earlier tries have kept.

        :param load: gives the value of a part by its whole name, or ``None``.
        :raises CheckpointError: it is of another portal, of an unknown form, or damaged.
        """
        sent: set[str] = set()
        for group in MOVING:
            kept = read_kept(partial(_load_of, group, load), host=host, code=None, refs=())
            if kept is not None:
                sent.update(_sent_of(kept))
        return cls(_read_values(load(PART)), frozenset(sent))

    def moved_otherwise(self, update: Update) -> bool:
        """Whether an earlier try has sent this entity to another stage or pipeline."""
        before = self._before(update)
        return before is not None and before.moving != Digests.of(update).moving

    def wrote_otherwise(self, update: Update) -> bool:
        """Whether an earlier try has sent an update of this entity that differs at all."""
        return self._before(update) not in (None, Digests.of(update))

    def _before(self, update: Update) -> Digests | None:
        target = str(update.ref)
        return self.values.get(target) if target in self.sent else None

    def part_for(self, updates: Iterable[Update]) -> dict[str, Any] | None:
        """The part that lets a later try know the values of these updates; ``None`` where it knows them."""
        values = dict(self.values) | {str(each.ref): Digests.of(each) for each in updates}
        return None if values == self.values else {"digests": pack_json(values)}


def moved_since(kept: KeptFiring, before: Before) -> set[str]:
    """Targets that an earlier try has sent, and that have shown another stage since."""
    refs, moved = kept.refs, set()
    for number in _sent_numbers(kept):
        then, now = kept.snapshots.get(number), before.stage(refs[number])
        if then is not None and None not in (then.stage, now) and then.stage != now:
            moved.add(str(refs[number]))
    return moved


def _load_of(group: str, load: Callable[[str], Any], part: str) -> Any:
    return load(f"{group}_{part}")


def _sent_of(kept: KeptFiring) -> Iterable[str]:
    refs = kept.refs
    return (str(refs[number]) for number in _sent_numbers(kept))


def _sent_numbers(kept: KeptFiring) -> set[int]:
    return {*kept.open_numbers, *(number for number, state in enumerate(kept.states) if state not in _NOT_SENT)}


def _read_values(part: Any) -> dict[str, Digests]:
    try:
        rows = {} if part is None else unpack_json(part["digests"]).items()
        return {target: Digests(str(moving), str(whole)) for target, (moving, whole) in dict(rows).items()}
    except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{UNREADABLE} ({type(error).__name__}).", hint=WHAT_TO_DO) from None
