"""The records of a portal: stages, pipelines, items, triggers, robots, users and credentials."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

from airflow_provider_bitrix24.simulator.portal import entity_types

Semantics = Literal["S", "F"] | None
"""``"S"`` for success, ``"F"`` for failure, ``None`` for a stage before them."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a pipeline. `id` is the full id: ``C5:NEW``, not ``NEW``."""

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
        """The stage of that id, ``None`` if the pipeline has none."""
        return next((each for each in self.stages if each.id == stage_id), None)

    def position(self, stage_id: str) -> int:
        """The position of a stage in the pipeline, -1 if the pipeline does not have it."""
        for index, each in enumerate(self.stages):
            if each.id == stage_id:
                return index
        return -1

    @property
    def dictionary(self) -> str:
        """The ``ENTITY_ID`` of the pipeline's stages in ``crm.status.list``."""
        return entity_types.stage_dictionary(self.type_id, self.id)


@dataclass(slots=True)
class Item:
    """A lead, deal, contact, company, quote, invoice or smart-process item. Moments are seconds since the epoch.

    A contact or company has the empty text as its stage.
    """

    type_id: int
    id: int
    title: str
    category_id: int
    stage_id: str
    created_time: float
    updated_time: float
    moved_time: float
    moved_by: int = 1
    created_by: int = 1
    updated_by: int = 1
    previous_stage_id: str = ""
    assigned_by: int = 1
    contact_id: int = 0
    company_id: int = 0
    opportunity: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields by their names in ``crm.item.*``: ``sourceId``, ``ufCrm_1``."""

    @property
    def contact_ids(self) -> list[int]:
        """All contacts that it is linked to, the main one first."""
        several = self.extra.get("contactIds")
        if isinstance(several, list) and several:
            return several
        return [self.contact_id] if self.contact_id else []

    @property
    def reference(self) -> str:
        """The item's name as a trigger's target: ``DEAL_57``."""
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

    A webhook trigger without `code` matches every call. A trigger with `application` belongs to that application, which
    alone can fire it, by ``crm.automation.trigger.execute``.
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
    """A robot without delay: it runs inside the request that brings an item to its stage.

    :param seconds: how long it works before it has an effect.
    :param move_to: full id of the stage that it moves the item to, if any.
    :param fails: it fails after its work; the request then returns an error although the item has moved.
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
    has_logged_in: bool = True
    """Off: the user has never logged in, and may not be authorized by an application."""
    denied_types: frozenset[int] = frozenset()
    denied_items: frozenset[tuple[int, int]] = frozenset()
    """Single items, as (type id, id), that the user may not change unless the user is an administrator."""


@dataclass(slots=True)
class Webhook:
    """An inbound webhook: a user's secret, as part of a URL."""

    id: int
    user_id: int
    secret: str
    scopes: frozenset[str] = frozenset({"crm"})
    is_system: bool = False
    """A System webhook, which the portal creates when a trigger's URL is copied."""
    is_blocked: bool = False
    """An administrator of Bitrix24 has blocked it for overload."""


@dataclass(slots=True)
class Application:
    """A local application: its OAuth credentials and the automation triggers that it has registered."""

    client_id: str
    client_secret: str
    scopes: frozenset[str] = frozenset({"crm"})
    redirect_uri: str = ""
    is_installed: bool = True
    is_paid: bool = True
    is_blocked: bool = False
    """An administrator of Bitrix24 has blocked it for overload."""
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
