"""What an operator does that fires automation triggers: fire, verify, wait, and end the task rightly.

The hook and the client below it do the work. What a report means for the task is decided in :mod:`.._tasks.verdict`,
what the log says in :mod:`.._tasks.report_log`, what an earlier try left is read in :mod:`.._tasks.finished`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from airflow_provider_bitrix24._tasks.arguments import PlainArguments, check_rendered
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.compat import BaseOperator
from airflow_provider_bitrix24.links import ENTITY_URL_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_bitrix24._tasks.arguments import OnUnmoved
    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24._tasks.finished import Finished
    from airflow_provider_bitrix24._tasks.firing import FiringRequest
    from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
    from airflow_provider_bitrix24._tasks.run import TaskRun
    from airflow_provider_bitrix24._tasks.sentence import Waited
    from airflow_provider_bitrix24.client import TriggerReport
    from airflow_provider_bitrix24.client.clock import Clock
    from airflow_provider_bitrix24.compat import BaseTrigger, Context
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook


class FiringTask(PlainArguments, BaseOperator):
    """An operator that fires an automation trigger for entities. Its subclass takes the arguments."""

    target: object
    entity_type: str | None
    code: str | None
    bitrix24_conn_id: str
    expected_stage: str | Sequence[str] | None
    or_later: bool
    fail_on: str | Sequence[str]
    on_unmoved: OnUnmoved | None
    verify: bool
    verify_conn_id: str | None
    wait_timeout: float | None
    poke_interval: float
    deferrable: bool
    durable: bool
    preview: bool | str = False
    _given: dict[str, bool]
    _fires_with: ClassVar[Literal["trigger_automation", "execute_trigger"]] = "trigger_automation"
    _clock: ClassVar[Clock | None] = None  # tests pass one
    _checkpoint_store: TaskCheckpointStore | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Fire, verify, wait; then succeed, skip or fail.

        :raises AirflowSkipException: nothing moved and ``on_unmoved`` is ``"skip"``.
        :raises AirflowFailException: it failed and no retry helps, or a retry could move an entity twice.
        :raises Bitrix24Error: nothing was fired; a retry may help.
        :raises TargetsFailedError: some failed, and a retry is safe.
        """
        from airflow_provider_bitrix24._tasks.verdict import PlainEnding

        with PlainEnding():
            return self._execute(context)

    def _execute(self, context: Context) -> dict[str, Any]:
        from airflow_provider_bitrix24._tasks.finished import finished_firing
        from airflow_provider_bitrix24._tasks.verdict import permanent_errors_fail_at_once
        from airflow_provider_bitrix24.client.plain import parse_flag

        with permanent_errors_fail_at_once():
            is_preview = parse_flag("preview", self.preview)
        if is_preview:
            return self._preview(context)
        checkpoint_store = self._open_checkpoint(context)
        with permanent_errors_fail_at_once():
            finished = finished_firing(checkpoint_store, context)
        target = self._find_targets(context, checkpoint_store)
        with permanent_errors_fail_at_once():
            request = self._parse(target)
        if finished is not None and finished.covers(request.refs, request.digest):
            return self._return_finished(context, checkpoint_store, finished)
        return self._fire_and_conclude(context, checkpoint_store, request)

    def _preview(self, context: Context) -> dict[str, Any]:
        """Report what would be fired; neither a checkpoint nor the portal's entities change."""
        from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
        from airflow_provider_bitrix24._tasks.verdict import permanent_errors_fail_at_once
        from airflow_provider_bitrix24.operators._preview import preview_firing

        target = self._find_targets(context, TaskCheckpointStore(None))
        with permanent_errors_fail_at_once(), self._hook() as hook:
            return preview_firing(hook, self._parse(target), context["ti"], self.log)

    def _hook(self) -> Bitrix24Hook:
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        return Bitrix24Hook(self.bitrix24_conn_id, verify_conn_id=self.verify_conn_id or None)

    def _find_targets(self, context: Context, checkpoint_store: TaskCheckpointStore) -> object:  # noqa: ARG002 - a decorated task uses them
        """What is fired for."""
        return self.target

    def _return_finished(
        self, context: Context, checkpoint_store: TaskCheckpointStore, finished: Finished
    ) -> dict[str, Any]:
        """Return the report of an earlier try that has finished; nothing is fired any more."""
        context["ti"].xcom_push(key=ENTITY_URL_KEY, value=finished.url)
        anew = " To fire anew, clear the task once more." if finished.offered else ""
        self.log.info("Returning the report of try %d; nothing is fired.%s", finished.try_number, anew)
        report = finished.report.as_dict()
        checkpoint_store.conclude(context["ti"], finished, save=False)
        return report

    def _open_checkpoint(self, context: Context) -> TaskCheckpointStore:
        from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore

        store = TaskCheckpointStore.of_task(context, durable=self.durable, deferrable=self.deferrable)
        self._checkpoint_store = store
        return store

    def _fire_and_conclude(
        self, context: Context, checkpoint_store: TaskCheckpointStore, request: FiringRequest
    ) -> dict[str, Any]:
        from airflow_provider_bitrix24._tasks.finished import Finished
        from airflow_provider_bitrix24._tasks.interruption import ending_safely
        from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
        from airflow_provider_bitrix24._tasks.report_log import warn
        from airflow_provider_bitrix24._tasks.verdict import UNSAFE_RETRIES
        from airflow_provider_bitrix24._tasks.wording import NOTHING_TO_FIRE
        from airflow_provider_bitrix24.client.report import TriggerReport

        if not request.refs:
            self.log.info("%s", NOTHING_TO_FIRE)
            nothing = TriggerReport(code=self.code, portal="", results=[])
            if checkpoint_store.has_fired:  # by a run that ends here: a Clear begins another one
                checkpoint_store.conclude(context["ti"], Finished.of(context, nothing, request.digest))
            return nothing.as_dict()
        if self.retries and not request.repeatable and not checkpoint_store.survives:
            warn(self.log, UNSAFE_RETRIES)
        run = self._begin(context, request, checkpoint_store, ReportKeeper(context["ti"], self.log))
        with ending_safely(run.keeper, expected=request.expected or (), survives=run.store.survives, log=self.log):
            report, waited = self._fire(run)
            run.report_log.conclude(report)
            return self._conclude(run, report, waited)

    def _begin(
        self, context: Context, request: FiringRequest, store: TaskCheckpointStore, keeper: ReportKeeper[TriggerReport]
    ) -> TaskRun:
        from airflow_provider_bitrix24._tasks.report_log import ReportLog
        from airflow_provider_bitrix24._tasks.run import TaskRun

        report_log = ReportLog(self.log, quiet_unmoved=self.on_unmoved == "ignore")
        return TaskRun(context=context, request=request, store=store, keeper=keeper, report_log=report_log)

    def _parse(self, target: object) -> FiringRequest:
        from airflow_provider_bitrix24._tasks.firing import FiringRequest

        for name, given in self._given.items():
            check_rendered(name, given=given, rendered=getattr(self, name))
        return FiringRequest.of_task(self, target, self.code)

    def resume_firing(self, context: Context, event: object = None) -> dict[str, Any]:  # noqa: ARG002 - Airflow passes it
        """Resume from the checkpoint after a wait outside the worker; ends as :meth:`execute` does."""
        return self.execute(context)

    def on_kill(self) -> None:
        """Ask the firing to stop before its next request. Nothing depends on its having the time."""
        if self._checkpoint_store is not None:
            self._checkpoint_store.stop_firing()

    def _leave_for(self, run: TaskRun, seconds: float) -> NoReturn:
        from airflow_provider_bitrix24.operators._waiting import trigger_after

        self.log.info("Freeing the worker slot for %.0f s; then the firing resumes from its checkpoint.", seconds)
        self._leave(run, trigger_after(seconds), "resume_firing")

    def _leave(self, run: TaskRun, trigger: BaseTrigger, method_name: str) -> NoReturn:  # noqa: ARG002 - for decorated tasks
        self.defer(trigger=trigger, method_name=method_name)

    def _fire(self, run: TaskRun) -> tuple[TriggerReport, Waited | None]:
        from airflow_provider_bitrix24._tasks.verdict import permanent_errors_fail_at_once
        from airflow_provider_bitrix24._tasks.wording import opening_line
        from airflow_provider_bitrix24.operators._waiting import waiting_targets

        request = run.request
        with permanent_errors_fail_at_once(), self._hook() as hook:
            # Before anything else, since the link must work for a task that fails, too.
            run.ti.xcom_push(key=ENTITY_URL_KEY, value=hook.get_conn().portal.page_url(request.refs[0].page))
            self.log.info("%s", opening_line(request.code, request.refs, reads=request.reads))
            report = self._trigger(hook, run)
            run.keeper.note(report)
            late = set(waiting_targets(report)) if request.waits and not request.has_reached_fail_on(report) else set()
            if not late:
                return report, None
            run.report_log.write((each for each in report.results if each.target not in late), report)
            run.store.amend(report.results, awaited=True)
            waited = self._wait(hook, run, report)
            return waited.after, waited

    def _trigger(self, hook: Bitrix24Hook, run: TaskRun) -> TriggerReport:
        from airflow_provider_bitrix24._tasks.checkpoint import DeferWait
        from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
        from airflow_provider_bitrix24.compat import TaskDeferred

        monitor = FiringMonitor()
        fire: Callable[..., TriggerReport] = getattr(hook, self._fires_with)
        options = {**run.request.options, "checkpoint_store": run.store, "monitor": monitor}
        try:
            try:
                return fire(run.request.refs, run.request.code, **options)
            except DeferWait as wait:
                self._leave_for(run, wait.seconds)  # everything is saved
        except (Bitrix24Error, TaskDeferred):
            raise  # nothing was fired, or the firing resumes after a wait
        except BaseException as error:
            # The execution time-out, a signal, a checkpoint that cannot be written: some may have been fired.
            run.keeper.note_interrupted(monitor, run.request.refs, error)
            raise

    def _wait(self, hook: Bitrix24Hook, run: TaskRun, report: TriggerReport) -> Waited:
        """Wait until all have arrived or time is up."""
        from airflow_provider_bitrix24._tasks.wording import counted
        from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK
        from airflow_provider_bitrix24.operators._waiting import Wait, waiting_targets

        run.keeper.keep(report)
        wait = Wait.of(run.request, interval=self.poke_interval, clock=self._clock or SYSTEM_CLOCK)
        if self.deferrable and wait.timeout:
            count = counted(waiting_targets(report))
            self.log.info("Freeing the worker slot; the triggerer waits for %s for up to %.0f s.", count, wait.timeout)
            trigger = wait.on_triggerer(run.ti, report, self.bitrix24_conn_id, self.verify_conn_id or None)
            self._leave(run, trigger, "execute_complete")
        return wait.in_worker(hook, report, run, log=self.log)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume after a wait outside the worker. If the wait has failed, a retry follows only where it is safe."""
        from airflow_provider_bitrix24.operators._resuming import failing_safely

        with failing_safely(next_method, context, self):
            return super().resume_execution(next_method, next_kwargs, context)

    def execute_complete(self, context: Context, event: object = None) -> dict[str, Any]:
        """Conclude after a wait on the triggerer; ends as :meth:`execute` does.

        :raises LostEventError: the event is missing or unknown, so it is unknown which entities have arrived.
        """
        from airflow_provider_bitrix24._tasks.verdict import PlainEnding

        with PlainEnding():
            return self._execute_complete(context, event)

    def _execute_complete(self, context: Context, event: object) -> dict[str, Any]:
        from airflow_provider_bitrix24._tasks.firing import FiringRequest
        from airflow_provider_bitrix24._tasks.interruption import ending_safely
        from airflow_provider_bitrix24._tasks.report_keeper import ReportKeeper
        from airflow_provider_bitrix24._tasks.verdict import permanent_errors_fail_at_once
        from airflow_provider_bitrix24.operators._waiting import after_wait, waiting_targets

        with permanent_errors_fail_at_once(), self._hook() as hook:
            # This process has looked no connection up yet, and so masks no secret in its log.
            hook.get_conn()
            asked = FiringRequest.of_task(self, [], self.code)
        keeper: ReportKeeper[TriggerReport] = ReportKeeper(context["ti"], self.log)
        store = self._open_checkpoint(context)
        with ending_safely(keeper, expected=asked.expected or (), survives=store.survives, log=self.log):
            waited = after_wait(context["ti"], event, keeper, asked)
            # The report names what was fired, whatever the templates render to by now.
            targets = [each.target for each in waited.after.results]
            run = self._begin(context, FiringRequest.of_task(self, targets, waited.after.code), store, keeper)
            due = set(waiting_targets(waited.before))
            run.report_log.conclude(waited.after, (each for each in waited.after.results if each.target in due))
            return self._conclude(run, waited.after, waited)

    def _conclude(self, run: TaskRun, report: TriggerReport, waited: Waited | None) -> dict[str, Any]:
        """Return the report, or end the task otherwise with the report in XCom."""
        from airflow_provider_bitrix24._tasks.finished import Finished
        from airflow_provider_bitrix24._tasks.verdict import decide

        request, checkpoint_store = run.request, run.store
        verdict = decide(
            report,
            on_unmoved=request.on_unmoved,
            expected=request.expected or (),
            or_later=request.or_later,
            fail_on=request.fail_on,
            checkpoint=checkpoint_store.survives,
            wait=waited,
        )
        if verdict.end == "succeed":
            checkpoint_store.conclude(run.context["ti"], Finished.of(run.context, report, request.digest))
        elif request.waits:
            checkpoint_store.amend(report.results, awaited=False)
        if verdict.end != "succeed" or request.waits:
            run.keeper.keep(report)
        verdict.raise_for_airflow(report)
        return report.as_dict()
