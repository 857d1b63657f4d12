"""Whether the expected stages exist, found out before the first fire. Pure.

The id of a stage and the type of a target name the dictionary that must list it: ``C5:WON`` is a stage of the deals'
pipeline 5, ``DT177_12:NEW`` of pipeline 12 of the type 177, ``WON`` of the deals' first pipeline. A stage that the
dictionary does not list can never be reached, so firing for it would move entities and then report a failure.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.stages import Pipeline
from airflow_provider_bitrix24.client.targets import TYPE_IDS, EntityRef

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from airflow_provider_bitrix24.client.stages import Snapshot, Stage

DEAL, LEAD, QUOTE = TYPE_IDS["DEAL"], TYPE_IDS["LEAD"], TYPE_IDS["QUOTE"]
_FIRST_PIPELINES = {DEAL: Pipeline(DEAL, 0), LEAD: Pipeline(LEAD, None), QUOTE: Pipeline(QUOTE, None)}
"""Pipelines whose stages have ids without a prefix."""
MOST_PIPELINES = 20
"""How many dictionaries are read; stages of further ones are not checked."""
_SHOWN = 12


class ExpectedStages:
    """Collects what dictionaries say about the expected stages.

    :param expected: stage ids, any of which will do.
    :param type_ids: types of the targets.
    """

    def __init__(self, expected: Collection[str], type_ids: Collection[int]) -> None:
        self._expected = sorted(expected)
        self._types = sorted(type_ids)
        self._read: dict[Pipeline, list[Stage]] = {}
        self._asked: set[Pipeline] = set()
        self._warned: set[Pipeline] = set()

    def to_read(self, found: Mapping[EntityRef, Snapshot]) -> list[Pipeline]:
        """Pipelines to read next: first those that the ids name, later those of the targets where no id named one.

        :param found: where targets stand.
        """
        wanted: dict[Pipeline, None] = {}
        for stage in self._expected:
            wanted.update(dict.fromkeys(self._named_by(stage)))
        if not self._asked.isdisjoint(wanted) or not wanted:
            standing = {Pipeline(ref.type_id, seen.category_id): None for ref, seen in found.items()}
            wanted.update(standing if self._undecided() else {})
        free = MOST_PIPELINES - len(self._asked)
        chosen = [each for each in wanted if each not in self._asked][:free]
        self._asked.update(chosen)
        return chosen

    def record(self, pipelines: Mapping[Pipeline, list[Stage]]) -> None:
        """Take over the stages of pipelines. An empty dictionary says nothing."""
        self._read.update((pipeline, stages) for pipeline, stages in pipelines.items() if stages)

    @property
    def unread(self) -> bool:
        """Whether a dictionary that was asked for could not be read."""
        return any(pipeline not in self._read for pipeline in self._asked)

    def problem(self) -> ConfigurationError | None:
        """The error where a stage does not exist."""
        unknown = [stage for stage in self._expected if self._is_unknown(stage)]
        if not unknown:
            return None
        pipeline, near = self._nearest(unknown[0])
        stages = self._read[pipeline]
        shown = ", ".join(f"{stage.id} ({stage.name})" for stage in stages[:_SHOWN])
        more = f" and {len(stages) - _SHOWN} more" if len(stages) > _SHOWN else ""
        return ConfigurationError(
            f"expected_stage {unknown[0]!r} is not a stage of {_name(pipeline)}.",
            hint=(f"Did you mean {near.id} ({near.name})? " if near else "") + f"Its stages are {shown}{more}.",
        )

    def warnings(self, found: Mapping[EntityRef, Snapshot]) -> Iterable[str]:
        """One sentence for each pipeline of targets in which no expected stage lies; robots may change pipelines."""
        counts: dict[Pipeline, list[EntityRef]] = {}
        for ref, seen in found.items():
            counts.setdefault(Pipeline(ref.type_id, seen.category_id), []).append(ref)
        for pipeline, refs in counts.items():
            if pipeline in self._warned or any(self._lies_in(stage, pipeline) for stage in self._expected):
                continue
            self._warned.add(pipeline)
            shown = str(refs[0]) if len(refs) == 1 else f"{len(refs)} targets such as {refs[0]}"
            yield (
                f"{shown}: expected_stage ({', '.join(self._expected)}) is in another pipeline than theirs, "
                f"{_name(pipeline)}. Only a robot or trigger that changes the pipeline can bring them there."
            )

    def _named_by(self, stage: str) -> list[Pipeline]:
        prefixed = _prefix(stage)
        if prefixed is not None:
            return [prefixed]
        return [_FIRST_PIPELINES[type_id] for type_id in self._types if type_id in _FIRST_PIPELINES]

    def _undecided(self) -> bool:
        """Whether a stage without prefix is in no dictionary that was read, though all that it names were."""
        return any(
            _prefix(stage) is None and not self._is_known(stage) and self._read.keys() >= set(self._named_by(stage))
            for stage in self._expected
        )

    def _is_known(self, stage: str) -> bool:
        return any(each.id == stage for stages in self._read.values() for each in stages)

    def _is_unknown(self, stage: str) -> bool:
        if self._is_known(stage):
            return False
        named = self._named_by(stage) or [each for each in self._read if each.type_id in self._types]
        return bool(named) and all(pipeline in self._read for pipeline in named)

    def _nearest(self, stage: str) -> tuple[Pipeline, Stage | None]:
        """The dictionary to show, and the stage that may be meant.

        That of the targets' own pipeline comes first where the id names none, or else the one that it names.
        """
        own = [each for each in self._read if each.type_id in self._types and each not in _FIRST_PIPELINES.values()]
        named = [each for each in self._named_by(stage) if each in self._read]
        candidates = [*named, *own] if _prefix(stage) is not None else [*own, *named]
        near = [(pipeline, _nearest_of(stage, self._read[pipeline])) for pipeline in candidates]
        return next((each for each in near if each[1] is not None), near[0])

    def _lies_in(self, stage: str, pipeline: Pipeline) -> bool:
        named = _prefix(stage)
        if named is not None:
            return named == pipeline
        first = _FIRST_PIPELINES.get(pipeline.type_id)
        if first is not None:
            return (pipeline.category_id or 0) == (first.category_id or 0) and (
                first not in self._read or any(each.id == stage for each in self._read[first])
            )
        return pipeline not in self._read or any(each.id == stage for each in self._read[pipeline])


def _nearest_of(stage: str, stages: list[Stage]) -> Stage | None:
    by_text = {each.name.casefold(): each for each in stages}
    by_text |= {each.id.rpartition(":")[2].casefold(): each for each in stages}
    by_text |= {each.id.casefold(): each for each in stages}
    close = get_close_matches(stage.casefold(), by_text, n=1)
    return by_text[close[0]] if close else None


def _prefix(stage: str) -> Pipeline | None:
    deal = re.match(r"C(\d{1,9}):", stage)
    if deal:
        return Pipeline(DEAL, int(deal[1]))
    dynamic = re.match(r"DT(\d{1,9})_(\d{1,9}):", stage)
    return Pipeline(int(dynamic[1]), int(dynamic[2])) if dynamic else None


def _name(pipeline: Pipeline) -> str:
    name = EntityRef(pipeline.type_id, 1).type_name
    return f"{name}" if pipeline.category_id is None else f"{name} pipeline {pipeline.category_id}"
