"""Pipelines of the model's portal: which stages the entities of a type pass, and how Bitrix24 calls them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

LEAD, DEAL, CONTACT, QUOTE, ORDER, INVOICE, PROCESS = 1, 2, 3, 7, 14, 31, 177
OTHER_PIPELINE = 1_000
"""Deals of this id and above are in pipeline 5."""
_NAMES = {LEAD: "LEAD", DEAL: "DEAL", CONTACT: "CONTACT", QUOTE: "QUOTE", ORDER: "ORDER", INVOICE: "SMART_INVOICE"}
_STAGES = ("NEW", "PREPARATION", "EXECUTING", "FINAL", "WON", "LOSE")
COUNT = len(_STAGES)
SUCCESS, FAILURE = 4, 5
"""Index of the stages that end a pipeline."""


@dataclass(frozen=True, slots=True)
class Board:
    """One pipeline. ``dictionary`` is the ENTITY_ID of its stages."""

    type_id: int
    category: int | None
    stages: tuple[str, ...]
    dictionary: str
    index: dict[str, int]


@cache
def board(type_id: int, entity_id: int = 1) -> Board:
    """Return the pipeline of an entity."""
    category, prefix, dictionary = _naming(type_id, other=entity_id >= OTHER_PIPELINE)
    stages = tuple(prefix + name for name in _STAGES)
    return Board(type_id, category, stages, dictionary, {stage: at for at, stage in enumerate(stages)})


def _naming(type_id: int, *, other: bool) -> tuple[int | None, str, str]:
    match type_id:
        case 1:
            return None, "", "STATUS"
        case 7:
            return None, "", "QUOTE_STATUS"
        case 2 | 3 | 14:
            return (5, "C5:", "DEAL_STAGE_5") if other else (0, "", "DEAL_STAGE")
        case 31:
            return 2, "DT31_2:", "SMART_INVOICE_STAGE_2"
        case _:
            return 12, f"DT{type_id}_12:", f"DYNAMIC_{type_id}_STAGE_12"


def name_of(type_id: int, entity_id: int) -> str:
    """Return the canonical form of a target."""
    return f"{_NAMES.get(type_id, f'DYNAMIC_{type_id}')}_{entity_id}"


def key_of(target: str) -> tuple[int, int]:
    """Return type and id of a canonical target."""
    name, _, number = target.rpartition("_")
    for type_id, known in _NAMES.items():
        if known == name:
            return type_id, int(number)
    return int(name.removeprefix("DYNAMIC_")), int(number)
