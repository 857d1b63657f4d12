"""What both clients share: it checks arguments and builds every flow, but performs none.

The flows are in :mod:`.flows` and :mod:`.firing`; the drivers that perform them, in :mod:`.transports`.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock
from airflow_provider_bitrix24.client.combinations import check_verify
from airflow_provider_bitrix24.client.entity_ref import check_readable
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.flows import batches, calls, readings
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.flows.effects import Flow, Log
from airflow_provider_bitrix24.client.limits.retry import RetryPolicy
from airflow_provider_bitrix24.client.plain import parse_flag, unwrapped
from airflow_provider_bitrix24.client.portal import Portal, parse_webhook_url
from airflow_provider_bitrix24.client.protocol.wire import EXECUTE, TRIGGER, Call, FiringMethod, Params, checked_method
from airflow_provider_bitrix24.client.settings import ClientSettings, OtherSettings, Plan
from airflow_provider_bitrix24.client.stages import StageInfo, check_stage_arguments, parse_stages
from airflow_provider_bitrix24.client.stores.choice import pacer_of
from airflow_provider_bitrix24.client.targets import parse_targets
from airflow_provider_bitrix24.client.trigger_code import checked_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self, Unpack

    from airflow_provider_bitrix24.client.entities.find import OnExcess
    from airflow_provider_bitrix24.client.entities.update import UpdateMonitor
    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport
    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.firing.job import Job
    from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
    from airflow_provider_bitrix24.client.flows.diagnosis import Diagnosis
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore
    from airflow_provider_bitrix24.client.oauth.source import TokenSource
    from airflow_provider_bitrix24.client.protocol.batch import BatchReply
    from airflow_provider_bitrix24.client.protocol.pagination import Page
    from airflow_provider_bitrix24.client.report import TriggerReport
    from airflow_provider_bitrix24.client.stages import Stage
    from airflow_provider_bitrix24.client.stores.protocol import SharedStore
    from airflow_provider_bitrix24.client.targets import Rows


LOG = logging.getLogger("airflow_provider_bitrix24.client")


class BaseClient:
    """One portal with one credential, and perhaps a second credential for reading.

    The parameters are those of :class:`~.client.Bitrix24Client`.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        settings: ClientSettings | None = None,
        reader: Portal | None = None,
        default_code: str | None = None,
        store: SharedStore | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._settings = settings or ClientSettings()
        self._default_code = checked_code(default_code)
        self._channel = self._new_channel(portal, clock)
        if reader is not None and reader.host != portal.host:
            raise ConfigurationError(
                f"The second connection is to {reader.host}, the first to {portal.host}.",
                hint="Both must lead to the same portal.",
            )
        self._reader = None if reader is None else self._new_channel(reader, clock)
        self._pacer = pacer_of(portal, self._settings, store, clock)

    @classmethod
    def from_webhook_url(
        cls,
        url: str,
        *,
        plan: Plan = "standard",
        verify_tls: bool | str = True,
        reader: str | None = None,
        store: SharedStore | None = None,
        **settings: Unpack[OtherSettings],
    ) -> Self:
        """Make a client from a webhook's URL as Bitrix24 shows it; a ``code`` in it becomes the default code.

        :param url: such as ``https://example.bitrix24.com/rest/1/SECRET/``.
        :param plan: ``standard``, ``enterprise`` or ``self-hosted``.
        :param verify_tls: whether to check the portal's certificate, or the path of a CA bundle to check it with.
        :param reader: webhook URL of a second credential, used for reading where the first is refused.
        :param store: where hosts share the portal's limits; by default, processes of this machine share files.
        :param settings: any other field of :class:`~.settings.ClientSettings`.
        :raises ConfigurationError: the text is not a webhook URL, or a setting is wrong.
        """
        pasted = parse_webhook_url(url)
        tls: dict[str, Any] = {"ca_bundle": verify_tls} if isinstance(verify_tls, str) else {"verify_tls": verify_tls}
        try:
            chosen = ClientSettings(plan=plan, **tls, **settings)
        except TypeError as error:
            raise ConfigurationError(f"{error}.", hint="See ClientSettings for the settings there are.") from None
        second = None if reader is None else parse_webhook_url(reader).portal
        return cls(pasted.portal, settings=chosen, reader=second, default_code=pasted.code, store=store)

    def _new_channel(self, portal: Portal, clock: Clock) -> Channel:
        return Channel(
            portal=portal,
            tokens=_token_source(portal, self._settings, clock),
            settings=self._settings,
            retry=RetryPolicy(paced=self._settings.bucket is not None),
            random=clock.random,
        )

    @property
    def portal(self) -> Portal:
        """Address and credential."""
        return self._channel.portal

    @property
    def settings(self) -> ClientSettings:
        """Limits and time-outs."""
        return self._settings

    @property
    def default_code(self) -> str | None:
        """The automation trigger's code where a call names none."""
        return self._default_code

    def _call(self, method: str, params: Params | None) -> Flow[Any]:
        return (yield from calls.call(self._channel, Call(checked_method(method), params or {}))).result

    def _batch(self, commands: Mapping[str, tuple[str, Params | None]]) -> Flow[BatchReply]:
        return batches.batch(self._channel, commands)

    def _page(self, method: str, params: Params | None, last: Page | None) -> Flow[Page]:
        """Read the page of a list that follows the ``last`` one, or the first page."""
        return calls.page(self._channel, checked_method(method), params or {}, None if last is None else last.following)

    def _trigger_automation(
        self,
        target: Rows,
        code: str | None,
        expected_stage: str | Iterable[str] | None,
        *,
        entity_type: str | None = None,
        verify: bool,
        now: float,
        or_later: bool = False,
        fail_on: str | Iterable[str] = (),
        preview: bool | str = False,
        checkpoint_store: CheckpointStore | None = None,
        monitor: FiringMonitor | None = None,
        method: FiringMethod = TRIGGER,
    ) -> Flow[TriggerReport]:
        # Firing is half of the client; callers that only read do without loading it.
        from airflow_provider_bitrix24.client.firing import run
        from airflow_provider_bitrix24.client.firing.kept import read_kept
        from airflow_provider_bitrix24.client.firing.preview import preview_automation

        is_preview = parse_flag("preview", preview)
        refs = parse_targets(unwrapped(target), unwrapped(entity_type))
        job = self._job(code, expected_stage, or_later=or_later, fail_on=fail_on, verify=verify, method=method)
        if needs := [name for name, given in (("expected_stage", job.expected), ("fail_on", job.fail_on)) if given]:
            check_readable(refs, so=" and ".join(needs), instead="fire for them in a task of their own")
        if job.code is None and refs:
            yield Log("No code is given: only triggers that have no code themselves will match.", logging.WARNING)
        if is_preview:
            return (yield from preview_automation(self._channel, self._reader, job, refs))
        store = checkpoint_store
        kept = None if store is None else read_kept(store.load, host=self.portal.host, code=job.code, refs=refs)
        return (
            yield from run.trigger_automation(
                self._channel,
                self._reader,
                job,
                refs,
                now=now,
                durable=store is not None,
                kept=kept,
                is_retry=store is not None and store.is_retry,
                monitor=monitor,
            )
        )

    def _job(
        self,
        code: str | None,
        expected_stage: str | Iterable[str] | None,
        *,
        or_later: bool,
        fail_on: str | Iterable[str],
        verify: bool,
        method: FiringMethod,
    ) -> Job:
        """What is to be fired.

        :raises ConfigurationError: an argument is wrong, or a webhook cannot fire by this method.
        """
        from airflow_provider_bitrix24.client.firing.job import Job

        code = checked_code(code) or self._default_code
        if method == EXECUTE:
            from airflow_provider_bitrix24.client.oauth.triggers import require_application, required_code

            code = required_code(code)
            require_application(self._channel, method)
        expected = parse_stages("expected_stage", expected_stage)
        failing = parse_stages("fail_on", fail_on or None) or frozenset()
        check_stage_arguments(expected, or_later=or_later, fail_on=failing)
        check_verify(verify=verify, expects=expected is not None, fails_on=bool(failing))
        return Job(code=code, expected=expected, or_later=or_later, fail_on=failing, verify=verify, method=method)

    def _get_stages(
        self, targets: Rows, entity_type: str | None = None, learn: ExpectedStages | None = None
    ) -> Flow[dict[str, StageInfo]]:
        refs = parse_targets(unwrapped(targets), unwrapped(entity_type))
        check_readable(refs)
        # A second credential was given for reading, so it reads.
        seen = yield from readings.read_stages(self._reader or self._channel, refs, learn)
        for ref in refs:
            if ref not in seen.found and ref.type_id in seen.refused:
                raise seen.refused[ref.type_id]
        return {str(ref): StageInfo.from_snapshot(str(ref), seen.found[ref]) for ref in refs if ref in seen.found}

    def _find_entities(
        self, entity_type: str, filter_: Mapping[str, Any] | str, *, limit: int, on_excess: OnExcess
    ) -> Flow[list[str]]:
        from airflow_provider_bitrix24.client.entities.find import Search, find_entities

        wanted = map(unwrapped, (entity_type, filter_))
        search = Search.parse(*wanted, limit=unwrapped(limit), on_excess=unwrapped(on_excess))
        return find_entities(self._reader or self._channel, search)

    def _update_entities(
        self,
        updates: Rows,
        *,
        entity_type: str | None = None,
        preview: bool | str = False,
        checkpoint_store: CheckpointStore | None = None,
        monitor: UpdateMonitor | None = None,
    ) -> Flow[UpdateReport]:
        from airflow_provider_bitrix24.client.entities.update import UpdateMonitor, update_entities
        from airflow_provider_bitrix24.client.entities.updates import parse_updates

        return update_entities(
            self._channel,
            self._reader,
            parse_updates(unwrapped(updates), unwrapped(entity_type)),
            preview=parse_flag("preview", preview),
            checkpoint_store=checkpoint_store,
            monitor=monitor or UpdateMonitor(),
        )

    def _pipeline_stages(self, type_id: int, category_id: int | None) -> Flow[list[Stage]]:
        return readings.pipeline_stages(self._channel, type_id, category_id)

    def _diagnose(self) -> Flow[Diagnosis]:
        from airflow_provider_bitrix24.client.flows.diagnosis import diagnose

        return diagnose(self._channel)


def _token_source(portal: Portal, settings: ClientSettings, clock: Clock) -> TokenSource | None:
    if type(portal) is Portal:  # a webhook, which needs nothing of OAuth
        return None
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.source import TokenSource

    if not isinstance(portal, ApplicationPortal):
        return None
    if not settings.verify_tls and not portal.is_local:
        raise ConfigurationError(
            "verify_tls is off: the application's secret and tokens could be read on the way.",
            hint="Name the portal's certificate authority in ca_bundle instead.",
        )
    directory = None if settings.shared_store_directory is None else Path(settings.shared_store_directory)
    return TokenSource(application=portal, clock=clock, directory=directory)
