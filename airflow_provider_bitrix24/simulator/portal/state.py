"""The whole portal in memory, with short methods to fill and to inspect it.

:class:`Portal` holds the parts together for tests, seeds and REST methods. What a fire does is in :mod:`.automation`,
what a REST method does in :mod:`..rest.methods`.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal import entity_types, stages
from airflow_provider_bitrix24.simulator.portal.accounts import Accounts
from airflow_provider_bitrix24.simulator.portal.dictionaries import Dictionaries
from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, split_target
from airflow_provider_bitrix24.simulator.portal.events import EventLog
from airflow_provider_bitrix24.simulator.portal.faults import FaultPlan
from airflow_provider_bitrix24.simulator.portal.field_names import camel_name, is_user_field
from airflow_provider_bitrix24.simulator.portal.items import ItemStore, check_room
from airflow_provider_bitrix24.simulator.portal.latency import Latency, check_seconds
from airflow_provider_bitrix24.simulator.portal.limits import OperatingLimit, RequestLimit
from airflow_provider_bitrix24.simulator.portal.model import AutomationTrigger, Condition, HistoryType, Item, Robot
from airflow_provider_bitrix24.simulator.portal.request_log import RequestLog
from airflow_provider_bitrix24.simulator.portal.settings import Addresses, Plan, PortalSettings
from airflow_provider_bitrix24.simulator.portal.stage_history import StageHistory
from airflow_provider_bitrix24.simulator.portal.tokens import TokenStore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24.simulator.portal.limits import OperatingProfile
    from airflow_provider_bitrix24.simulator.portal.model import HistoryRow, Pipeline, Stage


class Portal:
    """A Bitrix24 portal. Its `lock` guards everything that REST methods read or change.

    :param plan: tariff plan, which sets the limits.
    :param profile: the version of the operating limit; see :data:`.limits.PROFILES`.
    :param clock: the portal's clock; by default a real one.
    """

    def __init__(
        self,
        *,
        plan: Plan | str = Plan.STANDARD,
        profile: OperatingProfile = "2026-05",
        clock: Clock | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock or Clock()
        self.settings = PortalSettings()
        self.addresses: Addresses | None = None
        self.latency = Latency()
        self.faults = FaultPlan()
        self.limits = RequestLimit()
        self.operating = OperatingLimit()
        self.operating.set_profile(profile)
        self.request_log = RequestLog()
        self.events = EventLog()
        self.set_plan(plan)
        self.clear()

    def clear(self) -> None:
        """Forget the content and everything that happened; keep plan, limits, latency, faults and clock."""
        with self.lock:
            self.accounts = Accounts()
            self.dictionaries = Dictionaries()
            self.tokens = TokenStore()
            self.pipelines: dict[tuple[int, int], Pipeline] = {}
            self.last_pipeline_id = 0
            self.items: dict[int, ItemStore] = {}
            self.history = StageHistory()
            self.triggers: dict[tuple[int, int], list[AutomationTrigger]] = {}
            self.robots: dict[tuple[int, str], list[Robot]] = {}
            self.vetoes: set[tuple[int, str]] = set()
            self.comments: list[dict[str, Any]] = []
            self.fires: Counter[str] = Counter()
            self.limits.clear()
            self.operating.clear()
            self.request_log.clear()
            self.events.clear()
            self.user_fields: dict[int, dict[str, None]] = {}
            """The user fields of each type in the order in which they were first written."""
            self.next_multifield_id = itertools.count(1).__next__
            """Returns the id of the next phone, e-mail address, site or messenger."""
            for pipeline in stages.fresh_pipelines():
                self.add_pipeline(pipeline)
            self.items |= {kind: ItemStore() for kind in (entity_types.CONTACT, entity_types.COMPANY)}

    def set_plan(self, plan: Plan | str) -> None:
        """Imitate another tariff plan from now on."""
        self.settings.plan = Plan(plan)
        self.limits.set_plan(self.settings.plan)
        self.operating.set_plan(self.settings.plan)

    # What the portal holds

    def add_pipeline(self, pipeline: Pipeline) -> Pipeline:
        """Add or replace a pipeline."""
        with self.lock:
            self.pipelines[pipeline.type_id, pipeline.id] = pipeline
            self.last_pipeline_id = max(self.last_pipeline_id, pipeline.id)
            self.items.setdefault(pipeline.type_id, ItemStore())
        return pipeline

    def pipeline_of(self, stage: str, type_id: int = DEAL) -> Pipeline:
        """The pipeline of a full stage id.

        :raises ValueError: when there is none; names the stages that exist.
        """
        known = []
        for pipeline in self.pipelines.values():
            if pipeline.type_id == type_id:
                if pipeline.stage(stage):
                    return pipeline
                known += [each.id for each in pipeline.stages]
        raise ValueError(
            f"{entity_types.type_name(type_id)} has no stage {stage!r}; there are {', '.join(known) or 'none'}"
        )

    def default_pipeline(self, type_id: int) -> Pipeline:
        """The pipeline that new items of a type start in.

        :raises ValueError: when the portal has no such type.
        """
        return self._pipeline_for(type_id, "", None)

    def add_item(
        self, type_id: int, item_id: int | None = None, *, stage: str = "", category: int | None = None, **fields: Any
    ) -> Item:
        """Create an item and its first history row.

        :param item_id: its id; the next free one by default.
        :param stage: full id of its stage; by default the first stage of the pipeline.
        :param category: number of its pipeline; by default that of the stage, or the type's default pipeline.
        :param fields: further fields of :class:`.model.Item`: `title`, `opportunity`, `contact_id` ...
        :raises ValueError: for an unknown stage or type, or an id that is taken.
        """
        with self.lock:
            kind = entity_types.traits(type_id)
            pipeline = self._pipeline_for(type_id, stage, category) if kind.has_stages else None
            first = (pipeline.stage(stage) or pipeline.stages[0]) if pipeline else None
            store = self.items[type_id]
            check_room(self.items, 1)
            if not math.isfinite(fields.get("opportunity", 0.0)):
                raise ValueError("an amount is a finite number")
            item_id = store.next_id() if item_id is None else item_id
            now = self.clock.now()
            title = str(fields.pop("title", "") or f"{entity_types.type_name(type_id).capitalize()} {item_id}")
            category_id, stage = (pipeline.id, first.id) if pipeline and first else (0, "")
            extra = {camel_name(name): value for name, value in fields.pop("extra", {}).items()}
            self.user_fields.setdefault(type_id, {}).update(dict.fromkeys(filter(is_user_field, extra)))
            item = Item(type_id, item_id, title, category_id, stage, now, now, now, **fields, extra=extra)
            store.add(item)
            if first is not None and kind.has_moved_time:
                self.history.record(HistoryType.CREATED, item, first, now)
            return item

    def add_deal(self, id: int | None = None, stage: str = "NEW", **fields: Any) -> Item:  # noqa: A002 - as seeds call it
        """Create a deal; see :meth:`add_item`."""
        return self.add_item(DEAL, id, stage=stage, **fields)

    def remove(self, target: str) -> None:
        """Delete the item that ``"DEAL_57"`` names, if there is one, with its history."""
        type_id, item_id = split_target(target)
        with self.lock:
            self.items[type_id].remove(item_id)
            self.history.forget(type_id, item_id)

    def move(self, target: str, stage: str, *, moved_by: int = 1) -> None:
        """Move an item to another stage of its pipeline, as a colleague does, but without starting robots.

        :raises KeyError: when there is no such item.
        :raises ValueError: when its pipeline has no such stage.
        """
        with self.lock:
            item = self.find(target)
            if item is None:
                raise KeyError(target)
            pipeline = self.pipelines.get((item.type_id, item.category_id))
            found = pipeline.stage(stage) if pipeline else None
            if found is None:
                raise ValueError(f"{target} is in a pipeline without stage {stage!r}")
            self.place(item, item.category_id, found, moved_by=moved_by)

    def add_trigger(
        self,
        stage: str,
        code: str = "",
        *,
        type_id: int = DEAL,
        conditions: Mapping[str, Any] | Iterable[Condition] = (),
        allow_backwards: bool = False,
        application: str = "",
        execute_by: int = 0,
    ) -> AutomationTrigger:
        """Place a webhook trigger on a stage.

        :param code: the code that calls must have; a trigger without one matches every call.
        :param conditions: conditions on fields; a mapping means equality of each field.
        :param allow_backwards: also move items that are past this stage.
        :param application: client id of an application, for a trigger of that application instead of a webhook.
        """
        if isinstance(conditions, Mapping):
            conditions = [Condition(name, "=", value) for name, value in conditions.items()]
        with self.lock:
            pipeline = self.pipeline_of(stage, type_id)
            trigger = AutomationTrigger(
                type_id, pipeline.id, stage, code, tuple(conditions), allow_backwards, application, execute_by
            )
            placed = self.triggers.setdefault((type_id, pipeline.id), [])
            placed.append(trigger)
            placed.sort(key=lambda each: pipeline.position(each.stage_id))
        return trigger

    def add_robot(
        self, stage: str, *, type_id: int = DEAL, seconds: float = 0.0, move_to: str = "", fails: bool = False
    ) -> Robot:
        """Add a robot to a stage; see :class:`.model.Robot`."""
        check_seconds(seconds, "a robot")
        with self.lock:
            for each in filter(None, (stage, move_to)):
                self.pipeline_of(each, type_id)
            robot = Robot(type_id, stage, seconds, move_to, fails)
            self.robots.setdefault((type_id, stage), []).append(robot)
        return robot

    def add_veto(self, stage: str, *, type_id: int = DEAL) -> None:
        """Let a before-update handler refuse every move to a stage."""
        with self.lock:
            self.pipeline_of(stage, type_id)
            self.vetoes.add((type_id, stage))

    # What happened

    def find(self, target: str) -> Item | None:
        """The item that ``"DEAL_57"`` names, ``None`` if there is none."""
        type_id, item_id = split_target(target)
        store = self.items.get(type_id)
        return store.get(item_id) if store else None

    def stage_of(self, target: str) -> str:
        """The stage of ``"DEAL_57"``.

        :raises KeyError: when there is no such item.
        """
        item = self.find(target)
        if item is None:
            raise KeyError(target)
        return item.stage_id

    def history_of(self, target: str) -> list[HistoryRow]:
        """An item's stage history, the oldest row first."""
        return list(self.history.of_owner(*split_target(target)))

    @property
    def moves(self) -> Counter[str]:
        """How often each item moved to another stage, by target."""
        return self.events.move_count

    @property
    def requests(self) -> RequestLog:
        """The request log, secrets hidden."""
        return self.request_log

    def place(self, item: Item, category_id: int, stage: Stage, *, moved_by: int) -> None:
        """Move an item to a stage, with everything that the portal records of a move."""
        now = self.clock.now()
        changes_pipeline = category_id != item.category_id
        item.previous_stage_id = item.stage_id
        self.items[item.type_id].place(item, category_id, stage.id)
        item.moved_time = item.updated_time = now
        item.moved_by = item.updated_by = moved_by
        if entity_types.traits(item.type_id).has_moved_time:
            kind = HistoryType.FINAL if stage.semantics else HistoryType.INTERMEDIATE
            self.history.record(HistoryType.PIPELINE_CHANGED if changes_pipeline else kind, item, stage, now)
        self.events.updated(item, now)
        self.events.moved(item)

    def _pipeline_for(self, type_id: int, stage: str, category: int | None) -> Pipeline:
        if category is None and stage:
            return self.pipeline_of(stage, type_id)
        for pipeline in sorted(self.pipelines.values(), key=lambda each: not each.is_default):
            if pipeline.type_id == type_id and (category is None or pipeline.id == category):
                if stage and not pipeline.stage(stage):
                    raise ValueError(f"pipeline {pipeline.id} has no stage {stage!r}")
                return pipeline
        number = "" if category is None else f" {category}"
        raise ValueError(f"{entity_types.type_name(type_id)} has no pipeline{number}")
