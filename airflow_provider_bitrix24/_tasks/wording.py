"""How messages and log lines name entities, whether one or thousands. Pure and light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.report import MISSING, MISSING_SEVERAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

SHOWN = 10
"""How many entities a message names; the task's log names more."""
NOTHING_TO_FIRE = "target is an empty list; nothing is fired."
SHORTEST_RUN = 3
"""From how many numbers on a run of them is written as its first and its last."""
NOUNS = {
    "DEAL": "deal",
    "LEAD": "lead",
    "QUOTE": "quote",
    "SMART_INVOICE": "invoice",
    "SMART_DOCUMENT": "document",
    "SMART_B2E_DOC": "document",
    "ORDER": "order",
    "CONTACT": "contact",
    "COMPANY": "company",
}
"""Type of an entity -> what people call one. Others are items of smart processes."""


def noun(targets: Collection[object], count: int | None = None) -> str:
    """What to call these entities: ``deal``, ``leads``, ``entities`` if there are several types.

    :param count: of how many it is said, if not of all; decides between singular and plural.
    """
    nouns = {_noun_of(str(each)) for each in targets}
    one = nouns.pop() if len(nouns) == 1 else "entity"
    if (len(targets) if count is None else count) == 1:
        return one
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"


def _noun_of(target: str) -> str:
    return NOUNS.get(target.rpartition("_")[0], "item")


def counted(targets: Sequence[object]) -> str:
    """Name one entity, or say how many there are."""
    return str(targets[0]) if len(targets) == 1 else f"{len(targets):,} {noun(targets)}"


def opening_line(code: str | None, targets: Sequence[object], *, reads: bool) -> str:
    """Say what a task begins with. It must not claim a fire: a reading comes first, and may end the task.

    :param code: the trigger's code; ``None`` for the connection's default.
    :param reads: whether the entities are read before they are fired.
    """
    if not targets:
        return NOTHING_TO_FIRE
    trigger, count = f"trigger {code!r}" if code else "the trigger", counted(targets)
    return f"Reading {count}, then firing {trigger}." if reads else f"Firing {trigger} for {count}, without reading."


def spans(targets: Iterable[object]) -> list[str]:
    """Name entities in order, a run of at least three numbers by its first and its last."""
    found: list[str] = []
    run: list[tuple[str, int]] = []
    for each in sorted(map(_split, targets)):
        if run and each != (run[-1][0], run[-1][1] + 1):
            found += _written(run)
            run = []
        run.append(each)
    return found + _written(run)


def _split(target: object) -> tuple[str, int]:
    kind, _, number = str(target).rpartition("_")
    return kind, int(number)


def _written(run: Sequence[tuple[str, int]]) -> list[str]:
    names = [f"{kind}_{number}" for kind, number in run]
    return names if len(names) < SHORTEST_RUN else [f"{names[0]} to {names[-1]}"]


def listed(texts: Sequence[str], separator: str = ", ") -> str:
    """Join the first texts, and say how many more there are."""
    shown = separator.join(texts[:SHOWN])
    return f"{shown}{separator}and {len(texts) - SHOWN} more" if len(texts) > SHOWN else shown


def of_several(message: str, count: int) -> str:
    """The reason why an entity failed, as that of several."""
    return message.replace(MISSING.rstrip("."), MISSING_SEVERAL.rstrip(".")) if count > 1 else message


def standing(stages: Mapping[str, str | None]) -> str:
    """Say where targets stand, those at the same stage together.

    :param stages: target -> stage id.
    """
    groups: dict[str | None, list[str]] = {}
    for target, stage in stages.items():
        groups.setdefault(stage, []).append(target)
    return listed(
        [f"{named(each)} {'stands' if len(each) == 1 else 'stand'} at {shown(at)}" for at, each in groups.items()]
    )


def shown(stage: str | None) -> str:
    """Name a stage, also one that the portal did not send."""
    return stage or "a stage that Bitrix24 does not show"


def named(targets: Collection[str]) -> str:
    """Name entities in a message: ranges, and how many more there are."""
    return listed(spans(targets))
