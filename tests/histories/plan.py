"""What a history is: plain values, drawn before anything happens (:mod:`.draw`), so that it can be told and shrunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Airflow = Literal["2.11", "3.3", "3.4"]
"""Which rules hold. 2.11 has no task state store; with 3.4 a Clear empties it."""

Interrupted = Literal["kill", "timeout", "sigterm", "exit", "orphan", "clear"]
"""``kill``: kill -9. ``timeout``: the execution time-out. ``sigterm``: Airflow asks the process to end, as it does on
a user's mark. ``exit``: SystemExit. ``orphan``: the supervisor is gone. ``clear``: a user clears the running task."""

RequestKind = Literal[
    "refused", "operating", "unreachable", "lost_before", "lost_after", "html_after", "empty_after", "cut_after",
    "midway", "late", "no_answer", "core_after", "server_error", "encoding", "redirect", "denied",
]  # fmt: skip
"""What becomes of a request; see :mod:`.faults`."""
CommandKind = Literal["operating", "core_before", "core_after", "unmentioned", "exotic"]
"""What becomes of one trigger command; see :mod:`.faults`."""
Odd = Literal["category", "huge", "moved_number", "stage_list", "stage_null", "id_text"]
"""What is odd about an entity in a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """Something that strikes a process at a numbered point.

    :param point: number of the point, from 1; with ``at`` only those are counted whose name begins so.
    :param grace: seconds until a kill follows, where Airflow asks first.
    """

    kind: Interrupted
    point: int = 1
    at: str = ""
    grace: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """One stay of the task in a worker: from a start or a resumption to its end."""

    host: int = 0
    interruptions: tuple[Interruption, ...] = ()
    store_fails: frozenset[int] = frozenset()
    """Numbers of calls of the task state store that raise."""
    xcom_fails: frozenset[int] = frozenset()
    """Numbers of the task's own pushes and pulls of XComs that raise."""
    after_execute: Literal["", "post_execute", "push"] = ""
    """What raises after ``execute`` has returned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """One stay on the triggerer. ``deaths``: points at which it dies and another one starts anew."""

    host: int = 0
    deaths: tuple[int, ...] = ()
    fate: Literal["", "lost", "odd", "clear", "crash"] = ""
    """Its event gets lost or changed, a user clears the waiting task, or the Airflow trigger crashes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlan:
    """The task, as a DAG's author wrote it.

    :param lists: targets of the first try, of the second ...; the last one holds for all that follow.
    :param stage: of updates, the stage that they write, by its place in the pipeline.
    :param later_stage: of updates, the stage that the rows hold from the second try on, unless it is the same.
    :param mixed: whether every other update writes something that moves nothing.
    """

    kind: Literal["operator", "decorator", "sensor", "updates"] = "operator"
    lists: tuple[tuple[str, ...], ...] = ()
    code: str = "go"
    expected_stage: str | tuple[str, ...] | None = None
    or_later: bool = False
    on_unmoved: str | None = None
    verify: bool = True
    second: bool = False
    """Whether there is a second connection that may read (``verify_conn_id``)."""
    wait_timeout: float | None = None
    poke_interval: float = 60.0
    deferrable: bool = False
    durable: bool = True
    retries: int = 0
    retry_delay: float = 0.0
    do_xcom_push: bool = True
    retry_policy: bool = False
    concurrency: int = 4
    fail_on: tuple[str, ...] = ()
    require: Literal["all", "any"] = "all"
    mode: Literal["poke", "reschedule"] = "poke"
    stage: int = 1
    later_stage: int | None = None
    mixed: bool = False
    on_failed: Literal["fail", "warn"] = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityPlan:
    """An entity. ``linked``: a contact, whose fires move somebody else."""

    type_id: int
    id: int
    stage: int = 0
    exists: bool = True
    hidden: bool = False
    """The webhook's user may not read it."""
    locked: bool = False
    """The webhook's user may not fire for it."""
    odd: Odd | None = None

    @property
    def key(self) -> tuple[int, int]:
        """What the portal knows it by."""
        return self.type_id, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPlan:
    """An automation trigger on a stage. ``failing``: ids of entities that do not meet its conditions."""

    type_id: int
    stage: int
    code: str
    other: bool = False
    """Whether it sits in the other pipeline of the deals."""
    backwards: bool = False
    failing: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotPlan:
    """A robot on a stage that moves an entity on, at once or after ``delay`` seconds."""

    type_id: int
    stage: int
    to: int
    delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFault:
    """What becomes of the request of this number. ``share`` of its commands run before, in ``midway``."""

    number: int
    kind: RequestKind
    share: float = 0.5
    delay: float = 0.0
    """Seconds after which the rest runs; it never runs where it is negative."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFault:
    """What becomes of trigger commands ``first`` to ``last``, counted over the portal's life."""

    first: int
    last: int
    kind: CommandKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ColleagueMove:
    """Somebody moves an entity by hand."""

    at: float
    entity: int
    stage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalPlan:
    """The portal."""

    entities: tuple[EntityPlan, ...] = ()
    triggers: tuple[TriggerPlan, ...] = ()
    robots: tuple[RobotPlan, ...] = ()
    vetoes: frozenset[tuple[int, int]] = frozenset()
    """(type, stage) that nothing may enter."""
    lag: float = 0.0
    """Seconds between the answer to a fire and its effect."""
    cost: float = 0.02
    """Seconds that one trigger works."""
    rights: Literal["all", "fire_only", "no_read"] = "all"
    """``fire_only``: the trigger's own System webhook. ``no_read``: batches are fine, reading is refused."""
    requests: tuple[RequestFault, ...] = ()
    commands: tuple[CommandFault, ...] = ()
    colleagues: tuple[ColleagueMove, ...] = ()
    dictionaries: Literal["there", "refused", "empty", "odd"] = "there"
    odd_time: bool = False
    """Whether the figures in ``time`` make no sense."""
    clock: float = 0.0
    """How far its calendar is ahead of true time."""
    reset_in: float = 30.0
    """Seconds until its operating limit frees some time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A user clears the task so many seconds after it has ended.

    :param retries: what the DAG file says by then, unless it is what it was.
    """

    after: float = 60.0
    retries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A task's life, before it is lived. ``seed`` feeds what is random in the package (jitter)."""

    seed: int
    airflow: Airflow = "3.3"
    task: TaskPlan = field(default_factory=TaskPlan)
    portal: PortalPlan = field(default_factory=PortalPlan)
    hosts: tuple[float, ...] = (0.0,)
    """How far each host's calendar is ahead."""
    stays: tuple[Stay, ...] = ()
    waits: tuple[Away, ...] = ()
    actions: tuple[Action, ...] = ()
    clear_on_success: bool = False
    """Airflow's option that empties the task state store once a success is recorded."""
