"""What a portal is made of: stages, pipelines, items, triggers, robots, users and credentials.

Plain records without behaviour beyond looking things up in themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from airflow_provider_bitrix24.simulator.portal import entity_types

Semantics = Literal["S", "F"] | None
"""``"S"`` success, ``"F"`` failure, ``None`` a stage on the way."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline. `id` is the full one: ``C5:NEW``, not ``NEW``."""

    id: str
    name: str
    sort: int
    semantics: Semantics = None
    color: str = "#A8ADB4"


@dataclass(slots=True)
class Pipeline:
    """An ordered list of stages for the items of one type; REST calls it a category."""

    type_id: int
    id: int
    name: str
    stages: list[Stage]
    is_default: bool = False
    sort: int = 100

    def stage(self, stage_id: str) -> Stage | None:
        """Return the stage of that id, ``None`` when it belongs to no stage here."""
        return next((each for each in self.stages if each.id == stage_id), None)

    def position(self, stage_id: str) -> int:
        """Return where a stage stands in the order, -1 when it is not in this pipeline."""
        for index, each in enumerate(self.stages):
            if each.id == stage_id:
                return index
        return -1

    @property
    def dictionary(self) -> str:
        """The pipeline's name in ``crm.status.list``."""
        return entity_types.stage_dictionary(self.type_id, self.id)


@dataclass(slots=True)
class Item:
    """A deal, lead, quote, invoice or smart-process item. Moments are seconds since the epoch."""

    type_id: int
    id: int
    title: str
    category_id: int
    stage_id: str
    created_time: float
    updated_time: float
    moved_time: float
    moved_by: int = 1
    previous_stage_id: str = ""
    assigned_by: int = 1
    contact_id: int = 0
    company_id: int = 0
    opportunity: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields by their REST name (``ufCrm_1``), shown as they are."""

    @property
    def reference(self) -> str:
        """The item as a trigger's target: ``DEAL_57``."""
        return entity_types.reference(self.type_id, self.id)


@dataclass(frozen=True, slots=True)
class Condition:
    """One field condition of a trigger; all of a trigger's conditions must hold."""

    field: str
    operator: Literal["=", "!=", ">", ">=", "<", "<=", "in", "contain", "empty", "!empty"]
    value: Any = None


@dataclass(slots=True)
class AutomationTrigger:
    """A trigger placed on a stage.

    Without `code` a webhook trigger matches every call. With `application` set it is an application's
    trigger, which only ``crm.automation.trigger.execute`` of that application fires.
    """

    type_id: int
    category_id: int
    stage_id: str
    code: str = ""
    conditions: tuple[Condition, ...] = ()
    allow_backwards: bool = False
    application: str = ""
    execute_by: int = 0


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot without delay: it runs inside the request that brought an item to its stage.

    :param seconds: how long it works before it does anything.
    :param move_to: full id of the stage it moves the item to, if any.
    :param fails: it raises after its work; the request then answers with an error although the item moved.
    """

    type_id: int
    stage_id: str
    seconds: float = 0.0
    move_to: str = ""
    fails: bool = False


class Access(IntEnum):
    """How much of the CRM a user may reach."""

    NONE = 0
    READ = 1
    OWN = 2
    """Reads and changes what is assigned to the user."""
    ALL = 3
    """Reads and changes every item, without being an administrator."""


@dataclass(slots=True)
class User:
    """A user of the portal."""

    id: int
    name: str = "Admin"
    last_name: str = "Simulator"
    login: str = "admin"
    is_admin: bool = True
    access: Access = Access.ALL
    is_active: bool = True
    denied_types: frozenset[int] = frozenset()
    denied_items: frozenset[tuple[int, int]] = frozenset()
    """Single items, as (type id, id), that a user who is no administrator may not change."""


@dataclass(slots=True)
class Webhook:
    """An inbound webhook: the secret part of a URL, bound to a user."""

    id: int
    user_id: int
    secret: str
    scopes: frozenset[str] = frozenset({"crm"})
    is_system: bool = False
    """A trigger's own webhook, made by the portal when somebody copied the trigger's URL."""
    is_blocked: bool = False
    """Blocked by hand for overload."""


@dataclass(slots=True)
class Application:
    """A local application with OAuth keys and the automation triggers that it has registered."""

    client_id: str
    client_secret: str
    scopes: frozenset[str] = frozenset({"crm"})
    redirect_uri: str = ""
    is_installed: bool = True
    is_paid: bool = True
    is_blocked: bool = False
    """Blocked by hand for overload."""
    triggers: dict[str, str] = field(default_factory=dict)
    """Name by code."""


class HistoryType(IntEnum):
    """Kinds of stage-history rows, by the portal's numbers."""

    CREATED = 1
    INTERMEDIATE = 2
    FINAL = 3
    PIPELINE_CHANGED = 5


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One row of the stage history."""

    id: int
    kind: HistoryType
    type_id: int
    owner_id: int
    time: float
    category_id: int
    stage_id: str
    semantics: Literal["P", "S", "F"]
