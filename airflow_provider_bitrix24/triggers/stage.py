"""Airflow triggers that watch the stages of entities. The ``run`` method of each is one loop with one sleep.

They run in the triggerer's event loop, shared with all other triggers, may be restarted at any time, and only read.
:mod:`.._tasks.waiting` decides what a check means, and :mod:`._stage_history` what a row of the history means.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_bitrix24._tasks.waiting import Require, StageWait, next_check
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.number_range import SECONDS_ABOVE_ZERO
from airflow_provider_bitrix24.client.plain import in_seconds, several, unwrapped
from airflow_provider_bitrix24.client.protocol.pagination import PAGE
from airflow_provider_bitrix24.compat import AirflowNotFoundException, BaseEventTrigger, BaseTrigger, TriggerEvent
from airflow_provider_bitrix24.triggers import _stage_history
from airflow_provider_bitrix24.triggers._bounded import bounded
from airflow_provider_bitrix24.triggers._stage_check import warn_of_unknown_stages
from airflow_provider_bitrix24.triggers.event import WaitEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence
    from datetime import timedelta

    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

__all__ = ["StageChangeEventTrigger", "StageTrigger"]

_PATH = "airflow_provider_bitrix24.triggers.stage"
LONGEST_BACK_OFF = 900.0
"""Seconds between two polls while the portal cannot be reached, unless ``poll_interval`` is longer."""
LAST_CHECK = 80.0
"""Seconds that the last check, which begins at the deadline, may take: one request with the default time-outs."""
LONGEST_POLL = 900.0
"""Seconds for the reading of one page of the history, repetitions and the portal's limits included."""
NO_CONNECTION = 10
"""A wait ends after this many checks in a row without a connection."""
SHORT_INTERVAL = 5.0
"""Seconds that Airflow may need to store an event that a trigger has fired."""


class StageTrigger(BaseTrigger):
    """Waits until entities stand at a stage, on behalf of a deferred operator or sensor.

    Checks all entities once per ``poke_interval``, in one request for up to 2,500 of them. The first check comes after
    half of the interval to the whole of it, so that waits that start together do not check together. Fires one event,
    a :class:`~.event.WaitEvent` as JSON. After a restart it waits until the same deadline.

    :param targets: canonical forms, such as ``["DEAL_57"]``, or one of them.
    :param expected_stage: stage id, or a list of ids, any of which is accepted.
    :param deadline: when to stop waiting, in seconds since the epoch. The last check begins then and may take 80 s.
    :param poke_interval: seconds (or a ``timedelta``) between two checks.
    :param require: ``"all"`` at one check, ``"any"`` of them, or ``"each"`` at some check.
    :param or_later: whether later stages of the same pipeline are accepted, too, unless they are failure stages.
    :param fail_on: stage id or ids where a single entity fails the wait.
    :param max_failures: how many checks in a row may fail for a transient reason; ``None`` for any number.
    :param bitrix24_conn_id: id of the connection, which the triggerer reads itself.
    :param verify_conn_id: id of a second connection that reads.
    """

    _clock: ClassVar[Clock] = SYSTEM_CLOCK

    def __init__(
        self,
        *,
        targets: str | Sequence[str],
        expected_stage: str | Collection[str],
        deadline: float,
        poke_interval: float | timedelta = 60,
        require: Require = "all",
        or_later: bool = False,
        fail_on: str | Collection[str] = (),
        max_failures: int | None = None,
        bitrix24_conn_id: str = "bitrix24_default",
        verify_conn_id: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's has no annotations
        self.targets = several(targets)
        self.expected_stage = sorted(several(expected_stage))
        self.deadline = deadline
        self.poke_interval: float = in_seconds(poke_interval)
        self.require: Require = unwrapped(require)
        self.or_later = or_later
        self.fail_on = sorted(several(fail_on))
        self.max_failures = max_failures
        self.bitrix24_conn_id: str = unwrapped(bitrix24_conn_id)
        self.verify_conn_id: str | None = unwrapped(verify_conn_id)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments, as JSON without a secret."""
        return f"{_PATH}.StageTrigger", {
            "targets": self.targets,
            "expected_stage": self.expected_stage,
            "deadline": self.deadline,
            "poke_interval": self.poke_interval,
            "require": self.require,
            "or_later": self.or_later,
            "fail_on": self.fail_on,
            "max_failures": self.max_failures,
            "bitrix24_conn_id": self.bitrix24_conn_id,
            "verify_conn_id": self.verify_conn_id,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire one event when the wait is over for any reason."""
        event = await self._wait()
        yield TriggerEvent(event.as_payload())  # type: ignore[no-untyped-call]  # Airflow's has no annotations

    def _begin(self) -> StageWait:
        from airflow_provider_bitrix24.client.expected import ExpectedStages

        asked = ExpectedStages.for_wait(self.targets, self.expected_stage, or_later=self.or_later, fail_on=self.fail_on)
        return StageWait(targets=self.targets, stages=asked, require=self.require)

    async def _wait(self) -> WaitEvent:
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        wait, failures, interval = self._begin(), 0, self._clock.jitter(self.poke_interval)
        async with Bitrix24Hook(self.bitrix24_conn_id, verify_conn_id=self.verify_conn_id) as hook:
            while True:
                # A triggerer that starts after the deadline still checks once.
                delay = next_check(now=self._clock.now(), deadline=self.deadline, interval=interval)
                await self._clock.asleep(delay or 0)
                interval = self.poke_interval
                try:
                    left = max(self.deadline - self._clock.now(), LAST_CHECK)
                    wait.observe(await bounded(hook.aget_stages(wait.targets, learn=wait.stages), seconds=left))
                    failures = 0
                except Bitrix24Error as error:
                    failures += 1
                    if error.permanent or failures == self.max_failures:
                        return WaitEvent(
                            status="error", check=wait.check, message=str(error), permanent=error.permanent
                        )
                    self.log.warning("This check of the stages failed: %s", error)
                except AirflowNotFoundException:
                    # Airflow also raises this when it could not ask for the connection.
                    failures += 1
                    if failures == (self.max_failures or NO_CONNECTION) or self._clock.now() >= self.deadline:
                        return WaitEvent(status="error", check=wait.check, message=self._no_connection)
                    self.log.warning("%s", self._no_connection)
                if wait.finished or self._clock.now() >= self.deadline:
                    return WaitEvent.of(wait)

    @property
    def _no_connection(self) -> str:
        named = " or ".join(repr(each) for each in (self.bitrix24_conn_id, self.verify_conn_id) if each)
        return f"The triggerer finds no connection {named}. It needs the connections that the workers have."


class StageChangeEventTrigger(BaseEventTrigger):
    """Fires an event whenever an entity enters a stage; for an ``AssetWatcher``, on Airflow 3.

    Reads the portal's stage history, with one request per ``poll_interval``, and starts after its newest row. On
    Airflow 3.3 the cursor is stored with the asset, so moves that happen while no triggerer runs are read later. Before
    3.3 it is in memory, and such moves are missed.

    Every move is fired at least once: a move that was fired just before a triggerer died is fired again, with the same
    ``history_id``. A payload looks like this::

        {"history_id": 4711, "target": "DEAL_57", "stage": "C5:WON", "category_id": 5,
         "moved_time": "2026-11-03T10:20:30+03:00", "portal": "https://example.bitrix24.com"}

    >>> deals = Asset(  # doctest: +SKIP
    ...     "won_deals",
    ...     watchers=[AssetWatcher(name="won", trigger=StageChangeEventTrigger(entity_type="DEAL", stage="WON"))],
    ... )

    :param entity_type: ``"LEAD"``, ``"DEAL"``, ``"SMART_INVOICE"``, ``"SMART_DOCUMENT"``, ``"SMART_B2E_DOC"`` or
        ``"DYNAMIC_177"``. Bitrix24 keeps no history of quotes.
    :param stage: id of the stage that entities enter, or a list of ids; by default, any stage.
    :param category_id: number of the pipeline; by default, any pipeline.
    :param bitrix24_conn_id: id of the connection, which the triggerer reads itself.
    :param poll_interval: seconds (or a ``timedelta``) between two polls.
    :raises ConfigurationError: an argument is wrong, or the type has no history.
    """

    _clock: ClassVar[Clock] = SYSTEM_CLOCK

    def __init__(
        self,
        *,
        entity_type: str,
        stage: str | Sequence[str] | None = None,
        category_id: int | None = None,
        bitrix24_conn_id: str = "bitrix24_default",
        poll_interval: float | timedelta = 60,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's has no annotations
        self._query = _stage_history.StageHistoryQuery.parse(entity_type, stage, category_id)
        self.poll_interval: float = in_seconds(poll_interval)
        SECONDS_ABOVE_ZERO.check("poll_interval", self.poll_interval)
        self.bitrix24_conn_id: str = unwrapped(bitrix24_conn_id)
        self._cursor: int | None = None
        self._stored: int | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return class path and arguments. Airflow identifies a watcher by them, so equal queries give equal ones."""
        return f"{_PATH}.StageChangeEventTrigger", {
            "entity_type": self._query.type_name,
            "stage": list(self._query.stages) or None,
            "category_id": self._query.category_id,
            "bitrix24_conn_id": self.bitrix24_conn_id,
            "poll_interval": self.poll_interval,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Poll forever.

        :raises Bitrix24Error: the portal refuses permanently, for example because the webhook was deleted.
        """
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        if self.poll_interval < SHORT_INTERVAL:
            self.log.warning("With less than 5 s between polls, a triggerer that dies may lose an event.")
        failures = 0
        async with Bitrix24Hook(self.bitrix24_conn_id) as hook:
            while True:
                fatal: Exception | None = None
                try:
                    portal = await bounded(self._resume(hook), seconds=LONGEST_POLL)
                    more = True
                    while more:
                        page = await bounded(self._page(hook), seconds=LONGEST_POLL)
                        for move in page.moves:
                            self._cursor = move.history_id
                            yield TriggerEvent(move.as_payload(portal))  # type: ignore[no-untyped-call]  # Airflow's has no annotations
                        self._cursor, more = page.cursor, page.more
                    failures = 0
                except (Bitrix24Error, AirflowNotFoundException) as error:
                    failures += 1
                    fatal = error if getattr(error, "permanent", True) else None
                    self.log.warning("Could not read the stage history: %s", error)
                await self._clock.asleep(self._delay(failures))
                if fatal is not None:
                    # Airflow restarts a failed watcher at once, so the pause comes before the end.
                    raise fatal from None

    def _delay(self, failures: int) -> float:
        longest = max(self.poll_interval, LONGEST_BACK_OFF)
        return min(self.poll_interval * 2.0 ** min(failures, 30), longest)

    async def _resume(self, hook: Bitrix24Hook) -> str:
        """Find the cursor and store it: Airflow has stored what earlier polls fired. Returns the portal's address."""
        portal = (await hook.aget_conn()).portal.base_url
        if self._cursor is None:
            self._cursor = await self._start(hook, portal)
        store = getattr(self, "asset_state_store", None)
        if store is not None and self._cursor != self._stored:
            await store.aset(self._query.key(self.bitrix24_conn_id), _stage_history.dump_cursor(self._cursor, portal))
            self._stored = self._cursor
        return portal

    async def _page(self, hook: Bitrix24Hook) -> _stage_history.HistoryPage:
        """Read the next moves."""
        cursor = self._cursor or 0
        page = self._query.read(await self._rows(hook, self._query.after(cursor)), cursor=cursor)
        if page.unreadable:
            self.log.warning("%d rows after row %d of the stage history cannot be read.", page.unreadable, cursor)
        return page

    async def _start(self, hook: Bitrix24Hook, portal: str) -> int:
        """Return the cursor that was stored or, without one, the newest row."""
        await warn_of_unknown_stages(hook, self._query, self.log)
        newest = _stage_history.newest_id(await self._rows(hook, self._query.newest()))
        self._stored = _stage_history.load_cursor(await self._load(), portal)
        if self._stored is None or self._stored > newest:
            if self._stored is not None:
                self.log.warning("The portal's stage history ends before the stored row; starting at its end.")
            self.log.info("Watching %s on %s from now on.", self._query, portal)
            return newest
        self.log.info("Watching %s on %s, continuing after row %d.", self._query, portal, self._stored)
        return self._stored

    async def _load(self) -> object:
        store = getattr(self, "asset_state_store", None)
        if store is None:
            return None
        try:
            return await store.aget(self._query.key(self.bitrix24_conn_id))
        except ValueError:  # what the store raises if several assets share the trigger
            self.log.warning(
                "Several assets are watched with the same arguments, so Airflow cannot store how far they were read: "
                "moves made while no triggerer runs will be missed. Give each asset other arguments."
            )
            self.asset_state_store = None
            return None

    async def _rows(self, hook: Bitrix24Hook, params: dict[str, Any]) -> list[Any]:
        """Read one page: a portal that tells of more without being asked is not followed."""
        rows: list[Any] = []
        async with aclosing(hook.alist(_stage_history.METHOD, params)) as stream:
            async for row in stream:
                rows.append(row)
                if len(rows) == PAGE:
                    break
        return rows
