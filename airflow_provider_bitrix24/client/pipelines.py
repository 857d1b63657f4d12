"""Which pipeline the id of a stage names, and how a sentence names a pipeline. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.entity_types import TYPE_IDS
from airflow_provider_bitrix24.client.stages import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN = 3
"""How many stages a sentence names."""
DEAL, LEAD, QUOTE = TYPE_IDS["DEAL"], TYPE_IDS["LEAD"], TYPE_IDS["QUOTE"]
FIRST_PIPELINES = {DEAL: Pipeline(DEAL, 0), LEAD: Pipeline(LEAD, None), QUOTE: Pipeline(QUOTE, None)}
"""Pipelines whose stages have ids without a prefix."""


def prefixed_pipeline(stage: str) -> Pipeline | None:
    """The pipeline that the prefix of a stage's id names, such as pipeline 5 of deals for ``C5:WON``."""
    deal = re.match(r"C(\d{1,9}):", stage)
    if deal:
        return Pipeline(DEAL, int(deal[1]))
    dynamic = re.match(r"DT(\d{1,9})_(\d{1,9}):", stage)
    return Pipeline(int(dynamic[1]), int(dynamic[2])) if dynamic else None


def pipeline_of(ref: EntityRef, stage: str) -> Pipeline | None:
    """The pipeline of an entity that stands at this stage; ``None`` where the stage's id does not name it."""
    return prefixed_pipeline(stage) or FIRST_PIPELINES.get(ref.type_id)


def pipeline_name(pipeline: Pipeline) -> str:
    """Name a pipeline in a sentence: ``DEAL pipeline 5``, or ``LEAD`` for a type without pipelines."""
    name = EntityRef(pipeline.type_id, 1).type_name
    return name if pipeline.category_id is None else f"{name} pipeline {pipeline.category_id}"


def owner_in_words(stages: Iterable[str], ref: EntityRef, own: Pipeline | None) -> str:
    """Say that stages belong to another pipeline than an entity does.

    :param stages: their ids.
    :param own: the entity's pipeline, where it is known.
    """
    ids = sorted(stages)
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    named, mine = ", ".join(ids[:_SHOWN]) + more, "its pipeline" if own is None else pipeline_name(own)
    owners = {pipeline_of(ref, stage) for stage in ids}
    owner = owners.pop() if len(owners) == 1 else None
    if owner is None or owner == own:
        return f"{named} is not a stage of {mine}" if len(ids) == 1 else f"none of {named} is a stage of {mine}"
    if len(ids) == 1:
        return f"{named} is a stage of {pipeline_name(owner)}, not of {mine}"
    return f"{named} are stages of {pipeline_name(owner)}, not of {mine}"
