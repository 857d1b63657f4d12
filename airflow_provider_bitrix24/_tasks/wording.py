"""How messages and log lines name entities, whether one or thousands. Pure and light."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHOWN = 10
"""How many entities a message names; the task's log names all."""


def counted(targets: Sequence[object]) -> str:
    """Name one entity, or say how many there are."""
    return str(targets[0]) if len(targets) == 1 else f"{len(targets)} entities"


def listed(texts: Sequence[str], separator: str = ", ") -> str:
    """Join the first texts, and say how many more there are."""
    shown = separator.join(texts[:SHOWN])
    return f"{shown}{separator}and {len(texts) - SHOWN} more" if len(texts) > SHOWN else shown


def standing(stages: Mapping[str, str | None]) -> str:
    """Say where targets stand.

    :param stages: target -> stage id.
    """
    return listed([f"{target} stands at {stage}" for target, stage in stages.items()])
