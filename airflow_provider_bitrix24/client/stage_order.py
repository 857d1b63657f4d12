"""The order of the stages in pipelines that were read: which come later, and at which a pipeline ends. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from airflow_provider_bitrix24.client.report import Place
    from airflow_provider_bitrix24.client.stages import Pipeline, Stage

SUCCESS, FAILURE = "S", "F"
"""What the portal calls the two kinds of final stages (``SEMANTICS``)."""


class StageOrder:
    """Stages in the order in which entities pass them, of those pipelines that were read."""

    def __init__(self) -> None:
        self._stages: dict[Pipeline, list[Stage]] = {}

    def record(self, pipelines: Mapping[Pipeline, list[Stage]]) -> None:
        """Take over the stages of pipelines. An empty list says nothing."""
        self._stages.update((pipeline, stages) for pipeline, stages in pipelines.items() if stages)

    def __contains__(self, pipeline: object) -> bool:
        return pipeline in self._stages

    def __getitem__(self, pipeline: Pipeline) -> list[Stage]:
        return self._stages[pipeline]

    def __iter__(self) -> Iterator[Pipeline]:
        return iter(self._stages)

    def lists(self, stage_id: str) -> bool:
        """Whether any pipeline that was read has this stage."""
        return any(each.id == stage_id for stages in self._stages.values() for each in stages)

    def with_later(self, stage_ids: Collection[str]) -> frozenset[str]:
        """Add to these stages all later ones of the same pipeline that are not failure stages."""
        found = set(stage_ids)
        for stages in self._stages.values():
            first = _first(stages, stage_ids)
            if first is not None:
                found.update(each.id for each in stages[first:] if each.semantics != FAILURE)
        return frozenset(found)

    def is_final(self, pipeline: Pipeline, stage_id: str | None) -> bool:
        """Whether entities stay at this stage: it ends the pipeline with success or failure."""
        stages = self._stages.get(pipeline, ())
        return any(each.id == stage_id and each.semantics in (SUCCESS, FAILURE) for each in stages)

    def place(self, pipeline: Pipeline, stage_id: str | None, *, of: Iterable[str]) -> Place | None:
        """Where a stage lies from others, or ``None`` where that is not known.

        :param of: the ids of the others.
        """
        stages = self._stages.get(pipeline)
        here = None if stages is None else _first(stages, (stage_id,))
        if stages is None or here is None:
            return None
        first = _first(stages, list(of))
        if first is None:
            return "aside"
        return "before" if here < first else "past"


def _first(stages: list[Stage], stage_ids: Collection[str | None]) -> int | None:
    return next((index for index, each in enumerate(stages) if each.id in stage_ids), None)
