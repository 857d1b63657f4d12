"""Airflow, as far as a task's life depends on it: tries, Clear, deferral, XComs, the store, and how a try ends.

The rules are those of 3.3.2 and 2.11.2, each held against the real thing in tests/system/test_conformance.py:

- A try that starts deletes the XComs of the last one, and so does each look of a sensor that is rescheduled; a resumed
  one does not. A Clear deletes nothing by itself.
- ``max_tries`` begins as ``retries``; a Clear sets it to ``try_number + retries``. A Clear of a running task lets it be
  ended and tried again, whatever the numbers say; only Airflow 3 sets ``max_tries`` then, too.
- A retry follows where ``max_tries`` is not 0 and ``try_number`` is not above it, also for a killed process.
- The store survives all of this (from 3.4 on, a Clear empties it).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.finished import RECORDED_KEY
from airflow_provider_bitrix24.links import ENTITY_URL_KEY
from tests.histories import task
from tests.histories.away import be_away
from tests.histories.context import ContextFromServer, StateStore, TaskInstance, XComs, ask, context_of, hand_over
from tests.histories.ending import End, end_of, raised_by
from tests.histories.plan import Away, Stay
from tests.histories.portal import Sender
from tests.histories.stays import StayRecord
from tests.histories.timeline import EndlessError, Killed, Process, date_of

if TYPE_CHECKING:
    from tests.histories.plan import Action, Interruption
    from tests.histories.world import World

MOST_TRIES, MOST_STAYS = 25, 500
HEARTBEATS_MISSED = 300.0
"""Seconds after which Airflow takes a task without a heartbeat for dead."""
TERMINAL = ("success", "failed", "skipped")


class Life:
    """The life of one task instance."""

    def __init__(self, world: World) -> None:
        self.world, self.history = world, world.history
        self.plan = world.history.task
        self.state = ""
        self.retries = self.plan.retries
        """What the DAG file says now."""
        self.try_number, self.max_tries = 0, self.retries
        self.xcoms = XComs()
        self.values: dict[str, str] = {}
        self.stays: list[StayRecord] = []
        self.waits = 0
        self.epoch = 0
        self.resume: tuple[str, dict[str, Any]] | None = None
        self.deferral: Any = None
        self.last_called: tuple[str, ...] = ()
        self.function_called = False
        self._actions = list(world.history.actions)
        self._cleared: str | None = None
        self._forgot = False
        self._delay: float | None = None
        self._restarting = self._marked = self._executing = False
        self._in_database = "running"
        """State that the database shows while the task runs."""
        self._ended_well = False
        """Whether nothing kept the last stay from leaving evidence of its success."""
        self._first_look: Any = None

    @property
    def _is_3(self) -> bool:
        return self.history.airflow != "2.11"

    @property
    def remembers(self) -> bool:
        """Whether a task state store is in use."""
        return self._is_3 and self.plan.durable

    def live(self) -> None:
        """Live from the first try to the end, with what a user does about it."""
        while True:
            if self.try_number > MOST_TRIES or len(self.stays) > MOST_STAYS:
                raise EndlessError("tries")
            match self.state:
                case "deferred":
                    self._wait_away()
                case "rescheduled":
                    self._stay()
                case _ if self.state not in TERMINAL:
                    if self.state == "up_for_retry":
                        self._pass(self.plan.retry_delay if self._delay is None else self._delay)
                    self.try_number += 1
                    self._stay()
                case _ if self._actions:
                    self._act(self._actions.pop(0))
                case _:
                    self.world.timeline.drain()
                    return

    def _pass(self, seconds: float) -> None:
        self.world.timeline.advance_to(self.world.timeline.now + seconds)

    # -- what a user does

    def _act(self, action: Action) -> None:
        self._pass(action.after)
        if action.retries is not None:
            self.retries = action.retries
        # A mark changes the state and nothing else: the task has recorded no success of its own.
        self.clear(recorded=self.state == "success")

    def clear(self, *, recorded: bool = False) -> None:
        """Clear a task that does not run."""
        self.world.say(f"A user clears the task, which is {self.state or 'scheduled'}.")
        self.max_tries = self.try_number + self.retries
        self.state, self.resume = "", None
        self._cleared = "success" if recorded else "other"
        if self.history.airflow == "3.4":
            self.values.clear()
            self._forgot = True

    # -- one stay in a worker

    def _targets(self) -> tuple[str, ...]:
        lists = self.plan.lists
        return lists[min(self.try_number, len(lists)) - 1]

    def _stay(self) -> None:
        number, resume = len(self.stays), self.resume
        plan = self.history.stays[number] if number < len(self.history.stays) else Stay()
        world, timeline = self.world, self.world.timeline
        record = StayRecord(
            number,
            self.try_number,
            self.epoch,
            resume is not None,
            self._targets(),
            timeline.now,
            world.portal.requests,
        )
        self.stays.append(record)
        if resume is None and self.state != "rescheduled":
            self._begin_run(record)
        self.function_called = self._restarting = self._marked = self._executing = False
        self._in_database = "running"
        operator = task.build(self.plan, record.targets, lambda: self._call(record), first=self.try_number == 1)
        process = Process(timeline, world.hosts[plan.host % len(world.hosts)], plan.interruptions)
        process.strike = lambda struck, how: self._strike(struck, how, operator, record)
        world.enter(process, Sender(record.epoch, number))
        world.say(f"--- Try {self.try_number} of {self.max_tries + 1} {'resumes' if resume else 'begins'} on "
                  f"{process.host.name}, targets {' '.join(record.targets)}.")  # fmt: skip
        self._delay = None
        self._end(record, self._run(record, process, plan, operator), process)
        disturbed = plan.interruptions or plan.store_fails or plan.xcom_fails
        self._ended_well = self.state == "success" and not disturbed
        if not record.killed:
            process.strike = lambda struck, how: struck.kill() if how.kind == "kill" else None
            self._finalize(process, operator)

    def _begin_run(self, record: StayRecord) -> None:
        """Decide whether a Clear begins another run of the task.

        It does where a success had been recorded. Where there is evidence of that, what the task did is to be done
        anew.
        """
        record.cleared_before, record.forgot_before = self._cleared is not None, self._forgot
        if self._cleared == "success":
            kept = RECORDED_KEY in self.values or self._ended_well
            record.evidence = not self.remembers or not self.values or kept
            self.epoch += 1
        self._cleared, self._forgot = None, False
        record.epoch = self.epoch

    def _call(self, record: StayRecord) -> None:
        self.function_called = True
        self.last_called = record.targets

    def _run(self, record: StayRecord, process: Process, plan: Stay, operator: Any) -> End:
        ti = TaskInstance(
            self.xcoms,
            process,
            record.number,
            plan,
            try_number=self.try_number,
            max_tries=self.max_tries,
            in_database=lambda: self._in_database,
        )
        if self.state == "rescheduled":
            ti.first_look = self._first_look
        elif not self.resume:
            self._first_look = date_of(self.world.timeline.now)
        # A Clear gives a task instance another id, and takes nothing more from the old one.
        store = StateStore(self.values, process, plan, lambda: self._restarting) if self._is_3 else None
        context = context_of(ti, operator, store)
        should_retry = self._eligible()
        if self.history.airflow != "2.11":
            keys = [] if self.resume else list(self.xcoms.values)
            ti._ti_context_from_server = ContextFromServer(self.max_tries, should_retry, keys)
        resume, self.resume = self.resume, None
        try:
            if resume is None:
                self.xcoms.delete_all(process, one_by_one=self.history.airflow != "2.11")
            process.point("execute")
            self._executing = True
            record.returned = task.run(operator, context, resume)
            self._executing, record.raised_after = False, True
            process.point("executed")
            hand_over(record.returned, ti, plan.after_execute, pushes=self.plan.do_xcom_push)
            ask(process, "report success")
            if not (self._restarting or self._marked):
                self._in_database = "success"
            return End("success")
        except BaseException as error:  # noqa: BLE001 - Airflow catches whatever a task raises
            return end_of(error, operator, ti, context, should_retry=should_retry)
        finally:
            record.store_failed = store is not None and store.api.failed
            record.xcom_failed = ti.api.failed

    def _eligible(self) -> bool:
        return self.max_tries != 0 and self.try_number <= self.max_tries

    def _strike(self, process: Process, how: Interruption, operator: Any, record: StayRecord) -> None:
        record.struck.append(how.kind)
        record.struck_at, record.struck_firing = process.last, process.firing
        self.world.say(f"STRUCK by {how.kind}")
        now = self.world.timeline.now
        match how.kind:
            case "kill":
                process.kill()
            case "orphan":
                process.orphaned = True
            case "timeout" if not self._executing:
                pass  # it is a time-out of execute
            case "timeout" | "exit":
                raise raised_by(how.kind)
            case "sigterm" if self.history.airflow == "2.11":
                operator.on_kill()
                raise raised_by("sigterm")
            case "sigterm" | "clear":
                self._marked, self._restarting = how.kind == "sigterm", how.kind == "clear"
                process.doomed_at = now + how.grace
                operator.on_kill()

    def _end(self, record: StayRecord, end: End, process: Process) -> None:
        """Record what Airflow records of the end."""
        record.killed, record.orphaned = process.dead, process.orphaned
        if self.plan.kind == "decorator":
            record.targets = self.last_called  # a try that resumes does not call the function again
        record.error = end.error
        airflow_failed = record.store_failed or record.xcom_failed or record.raised_after
        hurt = record.struck or process.dead or process.orphaned or airflow_failed
        record.healthy = not hurt and self.world.portal.last_fault_at < record.began_at
        record.report = self.xcoms.load("report") if self.xcoms.pushed_in.get("report") == record.number else None
        if self._restarting:
            self.state = "up_for_retry"
            if self._is_3:
                self.max_tries = self.try_number + self.retries
        elif self._marked:
            self.state = "failed"
        elif process.dead or process.orphaned:
            self.state = "up_for_retry" if self._eligible() else "failed"
            self._pass(HEARTBEATS_MISSED if process.orphaned else 0.0)
        else:
            self.state, self._delay, self.deferral = end.state, end.delay, end.deferral
        if self.state == "success" and self.history.clear_on_success:
            self.values.clear()
        record.end, record.ended_at = self.state, self.world.timeline.now
        record.reported_at = record.ended_at if record.returned else self.xcoms.pushed_at.get("report", record.ended_at)
        record.requests_to = self.world.portal.requests
        self.world.say(
            f"--- It is {self.state}. {type(end.error).__name__ + ': ' + str(end.error) if end.error else ''}"
        )
        if self.state == "rescheduled":
            self._pass(end.delay or 0.0)

    def _finalize(self, process: Process, operator: Any) -> None:
        """Push the links, as the task runner does at every end that it has told its supervisor of."""
        if not self._is_3:
            return
        with suppress(Killed, OSError):
            if (store := getattr(operator, "_checkpoint_store", None)) is not None:
                store.keep_evidence()
            for link in operator.operator_extra_links:
                ask(process, f"push link {link.xcom_key}")
                self.xcoms.values[link.xcom_key] = self.xcoms.values.get(ENTITY_URL_KEY, '""')
                process.point("finalized")

    # -- on the triggerer

    def _wait_away(self) -> None:
        number, self.waits = self.waits, self.waits + 1
        plan = self.history.waits[number] if number < len(self.history.waits) else Away()
        method, kwargs = be_away(self.world, plan, self.deferral, Sender(self.epoch, -1))
        if method is None:
            self.clear()
            return
        self.resume = (method, kwargs)
        self.state = ""
        self._stay()
