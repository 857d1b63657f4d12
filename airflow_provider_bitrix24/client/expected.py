"""Whether the expected stages exist, found out before the first fire. Pure.

The id of a stage and the type of a target name the dictionary that must list it: ``C5:WON`` is a stage of the deals'
pipeline 5, ``DT177_12:NEW`` of pipeline 12 of the type 177, ``WON`` of the deals' first pipeline. A stage that the
dictionary does not list can never be reached, so firing for it would move entities and then report a failure.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.pipelines import (
    FIRST_PIPELINES,
    owner_in_words,
    pipeline_name,
    prefixed_pipeline,
)
from airflow_provider_bitrix24.client.plain import quoted
from airflow_provider_bitrix24.client.stage_order import StageOrder
from airflow_provider_bitrix24.client.stages import Pipeline, stages_in_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Self

    from airflow_provider_bitrix24.client.report import Place
    from airflow_provider_bitrix24.client.stages import Snapshot, Stage, StageInfo

MOST_PIPELINES = 20
"""How many dictionaries are read; stages of further ones are not checked."""
_TRIES_OF_A_WAIT = 3
_SHOWN = 12


class ExpectedStages:
    """Collects what dictionaries say about the stages that a caller names.

    :param expected: stage ids, any of which is accepted.
    :param type_ids: types of the targets.
    :param or_later: whether every later stage of the same pipeline is accepted, too, unless it is a failure stage.
    :param fail_on: stage ids that must exist as well.
    :param standing: whether the pipelines are read in which targets stand, to know their final stages.
    :param tries: how often a dictionary is asked for that cannot be read.
    :param argument: what a message calls ``expected``.
    """

    def __init__(
        self,
        expected: Collection[str],
        type_ids: Collection[int],
        *,
        or_later: bool = False,
        fail_on: Collection[str] = (),
        standing: bool = False,
        tries: int = 1,
        argument: str = "expected_stage",
    ) -> None:
        self.order = StageOrder()
        self.seen: Mapping[EntityRef, Snapshot] = {}
        """Where targets stood when they were last read."""
        self.unreadable: Collection[EntityRef] = ()
        """Those of which the portal sent something then that cannot be read."""
        self.or_later = or_later
        self.fail_on = frozenset(fail_on)
        self.expected = frozenset(expected)
        self._named = sorted({*expected, *fail_on})
        self._types = sorted(type_ids)
        self._standing = standing
        self._tries = tries
        self._argument = argument
        self._asked: Counter[Pipeline] = Counter()
        self._warned: set[Pipeline] = set()
        self._fail_on_checked = False

    @classmethod
    def for_wait(
        cls, targets: Iterable[str], expected: Collection[str], *, or_later: bool, fail_on: Collection[str]
    ) -> Self:
        """What a wait for entities knows of the stages.

        :param targets: canonical forms.
        """
        types = {EntityRef.parse(target).type_id for target in targets}
        return cls(expected, types, or_later=or_later, fail_on=fail_on, standing=True, tries=_TRIES_OF_A_WAIT)

    def is_final(self, info: StageInfo) -> bool:
        """Whether an entity stands at a final stage of its pipeline."""
        return self.order.is_final(Pipeline(EntityRef.parse(info.target).type_id, info.category_id), info.stage)

    @property
    def wording(self) -> str:
        """The expected stages in a sentence."""
        return stages_in_words(self.expected, or_later=self.or_later)

    def place(self, ref: EntityRef, seen: Snapshot) -> Place | None:
        """Where an entity stands that has not arrived, or ``None`` where that is not known."""
        pipeline = Pipeline(ref.type_id, seen.category_id)
        if not self.expected:
            return None
        if self.order.is_final(pipeline, seen.stage):
            return "final"
        if pipeline not in self.order:
            return None if any(self._lies_in(stage, pipeline) for stage in self.expected) else "aside"
        return self.order.place(pipeline, seen.stage, of=self.expected)

    @property
    def accepted(self) -> frozenset[str]:
        """The accepted stages, as far as the pipelines' order is known."""
        if not self.or_later:
            return self.expected
        return self.order.with_later(self.expected).difference(self.fail_on)

    def to_read(self, found: Mapping[EntityRef, Snapshot], *, room: int | None = None) -> list[Pipeline]:
        """Pipelines to read next: first those that the ids name, later those of the targets where no id named one.

        :param found: where targets stand.
        :param room: how many may be read; if that is not enough, none are for now.
        """
        wanted: dict[Pipeline, None] = {}
        for stage in self._named:
            wanted.update(dict.fromkeys(self._named_by(stage)))
        if self._standing or not self._asked.keys().isdisjoint(wanted) or not wanted:
            standing = {Pipeline(ref.type_id, seen.category_id): None for ref, seen in found.items()}
            wanted.update(standing if self._standing or self._undecided() else {})
        free = MOST_PIPELINES - len(self._asked)
        new = [each for each in wanted if each not in self._asked][:free]
        again = [each for each in wanted if each in self._asked and each not in self.order]
        chosen = new + [each for each in again if self._asked[each] < self._tries]
        if room is not None and len(chosen) > room:
            return []
        self._asked.update(chosen)
        return chosen

    def record(self, pipelines: Mapping[Pipeline, list[Stage]]) -> None:
        """Take over the stages of pipelines. An empty dictionary says nothing."""
        self.order.record(pipelines)

    @property
    def unread(self) -> bool:
        """Whether a dictionary that was asked for could not be read."""
        return any(pipeline not in self.order for pipeline in self._asked)

    def problem(self) -> ConfigurationError | None:
        """The error where a stage does not exist."""
        unknown = [stage for stage in self._named if self._is_unknown(stage)]
        if not unknown:
            return None
        pipeline, near = self._nearest(unknown[0])
        argument = self._argument if unknown[0] in self.expected else "fail_on"
        stages = self.order[pipeline]
        shown = ", ".join(f"{stage.id} ({stage.name})" for stage in stages[:_SHOWN])
        more = f" and {len(stages) - _SHOWN} more" if len(stages) > _SHOWN else ""
        return ConfigurationError(
            f"{argument} {quoted(unknown[0])} is not a stage of {pipeline_name(pipeline)}.",
            hint=(f"Did you mean {near.id} ({near.name})? " if near else "") + f"Its stages are {shown}{more}.",
        )

    def warnings(self, found: Mapping[EntityRef, Snapshot]) -> Iterable[str]:
        """Sentences about stages that lie in another pipeline than the targets; robots may change pipelines."""
        counts: dict[Pipeline, list[EntityRef]] = {}
        for ref, seen in found.items():
            counts.setdefault(Pipeline(ref.type_id, seen.category_id), []).append(ref)
        if self.fail_on and counts and not self._fail_on_checked:
            self._fail_on_checked = True
            if not any(self._lies_in(stage, pipeline) for stage in self.fail_on for pipeline in counts):
                yield (
                    f"fail_on ({', '.join(sorted(self.fail_on))}) has no stage of the targets' pipelines, such as "
                    f"{pipeline_name(next(iter(counts)))}. Name their own failure stages."
                )
        for pipeline, refs in counts.items() if self.expected else ():
            if pipeline in self._warned or any(self._lies_in(stage, pipeline) for stage in self.expected):
                continue
            self._warned.add(pipeline)
            shown = str(refs[0]) if len(refs) == 1 else f"{len(refs):,} targets such as {refs[0]}"
            yield f"{shown}: {owner_in_words(self.expected, refs[0], pipeline)}. {self._way_there(refs[0])}"

    def _way_there(self, ref: EntityRef) -> str:
        """How an entity of another pipeline may reach an expected stage."""
        if all((each := prefixed_pipeline(stage)) and each.type_id != ref.type_id for stage in self.expected):
            return "Check expected_stage: an entity never reaches a stage of another type."
        return "Check expected_stage: only a robot or trigger that changes the pipeline leads there."

    def _named_by(self, stage: str) -> list[Pipeline]:
        prefixed = prefixed_pipeline(stage)
        if prefixed is not None:
            return [prefixed]
        return [FIRST_PIPELINES[type_id] for type_id in self._types if type_id in FIRST_PIPELINES]

    def _undecided(self) -> bool:
        """Whether a stage without prefix is in no dictionary that was read, though all that it names were."""
        return any(
            prefixed_pipeline(stage) is None
            and not self.order.lists(stage)
            and all(pipeline in self.order for pipeline in self._named_by(stage))
            for stage in self._named
        )

    def _is_unknown(self, stage: str) -> bool:
        if self.order.lists(stage):
            return False
        named = self._named_by(stage) or [each for each in self.order if each.type_id in self._types]
        return bool(named) and all(pipeline in self.order for pipeline in named)

    def _nearest(self, stage: str) -> tuple[Pipeline, Stage | None]:
        """The dictionary to show, and the stage that may be meant.

        That of the targets' own pipeline comes first where the id names none, or else the one that it names.
        """
        own = [each for each in self.order if each.type_id in self._types and each not in FIRST_PIPELINES.values()]
        named = [each for each in self._named_by(stage) if each in self.order]
        candidates = [*named, *own] if prefixed_pipeline(stage) is not None else [*own, *named]
        near = [(pipeline, _nearest_of(stage, self.order[pipeline])) for pipeline in candidates]
        return next((each for each in near if each[1] is not None), near[0])

    def _lies_in(self, stage: str, pipeline: Pipeline) -> bool:
        named = prefixed_pipeline(stage)
        if named is not None:
            return named == pipeline
        first = FIRST_PIPELINES.get(pipeline.type_id)
        if first is not None:
            return (pipeline.category_id or 0) == (first.category_id or 0) and (
                first not in self.order or any(each.id == stage for each in self.order[first])
            )
        return pipeline not in self.order or any(each.id == stage for each in self.order[pipeline])


def _nearest_of(stage: str, stages: list[Stage]) -> Stage | None:
    from difflib import get_close_matches

    by_text = {each.name.casefold(): each for each in stages}
    by_text |= {each.id.rpartition(":")[2].casefold(): each for each in stages}
    by_text |= {each.id.casefold(): each for each in stages}
    close = get_close_matches(stage.casefold(), by_text, n=1)
    return by_text[close[0]] if close else None
