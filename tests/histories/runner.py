"""Lives histories, one or many, and says which of them do not hold."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.histories.airflow_model import Life
from tests.histories.checker import Verdict, check
from tests.histories.seams import STAGE
from tests.histories.timeline import EndlessError
from tests.histories.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.histories.plan import History


@dataclass(frozen=True, slots=True)
class Lived:
    """A history that was lived: what came of it and what the checker says."""

    history: History
    life: Life
    verdict: Verdict


def live(history: History, tell: Callable[[float, str], None] | None = None) -> Lived:
    """Live a history; the seams are in (:func:`.seams.installed`).

    :param tell: told everything that happens, with the time.
    """
    random.seed(history.seed)
    world = World.of(history, tell)
    STAGE.world = world
    life, crash = Life(world), None
    try:
        life.live()
    except EndlessError as error:
        crash = error
    return Lived(history, life, check(life, crash))
