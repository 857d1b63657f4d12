"""The blocking client: the flows of :mod:`.base`, performed with requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.application_methods import ApplicationMethods
from airflow_provider_bitrix24.client.base import LOG
from airflow_provider_bitrix24.client.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    import builtins
    import logging
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

    from airflow_provider_bitrix24.client.entities.find import OnExcess
    from airflow_provider_bitrix24.client.entities.update import UpdateMonitor
    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport
    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.firing.monitor import FiringMonitor
    from airflow_provider_bitrix24.client.flows.diagnosis import Diagnosis
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore
    from airflow_provider_bitrix24.client.portal import Portal
    from airflow_provider_bitrix24.client.protocol.batch import BatchReply
    from airflow_provider_bitrix24.client.protocol.pagination import Page
    from airflow_provider_bitrix24.client.protocol.wire import Params
    from airflow_provider_bitrix24.client.report import TriggerReport
    from airflow_provider_bitrix24.client.settings import ClientSettings
    from airflow_provider_bitrix24.client.stages import Stage, StageInfo
    from airflow_provider_bitrix24.client.stores.protocol import SharedStore
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.client.transports.sync import SyncDriver


class Bitrix24Client(ApplicationMethods):
    """A client for one portal. Threads may share it only for separate calls; use it as a context manager.

    >>> with Bitrix24Client.from_webhook_url("https://example.bitrix24.com/rest/1/SECRET/") as client:
    ...     report = client.trigger_automation("DEAL_57", "c5u4m")  # doctest: +SKIP

    :param portal: address and credential.
    :param settings: limits and time-outs.
    :param reader: another credential of the same portal, used for reading where the first is refused.
    :param default_code: the automation trigger's code where a call names none.
    :param store: where the portal's limits are shared; by default, by all processes of the machine.
    :param log: gets what a person should know, such as waits; never a secret.
    :param clock: the clock by which it waits.
    :param driver: performs the flows; by default with requests.
    :raises ConfigurationError: ``reader`` leads to another portal, or the CA bundle does not exist.
    """

    def __init__(
        self,
        portal: Portal,
        *,
        settings: ClientSettings | None = None,
        reader: Portal | None = None,
        default_code: str | None = None,
        store: SharedStore | None = None,
        log: logging.Logger = LOG,
        clock: Clock = SYSTEM_CLOCK,
        driver: SyncDriver | None = None,
    ) -> None:
        from airflow_provider_bitrix24.client.transports.sync import SyncDriver  # loads requests

        super().__init__(portal, settings=settings, reader=reader, default_code=default_code, store=store, clock=clock)
        self._driver = driver or SyncDriver(self.settings, pacer=self._pacer, log=log, clock=clock)

    def call(self, method: str, params: Params | None = None) -> Any:
        """Call a REST method and return its ``result``.

        It is repeated only where the portal certainly did not act: a call that may have been executed is never sent
        again.

        :raises Bitrix24Error: what the portal answered, or why there is no answer.
        """
        return self._driver.run(self._call(method, params))

    def batch(self, commands: Mapping[str, tuple[str, Params | None]]) -> BatchReply:
        """Run any number of commands, 50 to a request.

        >>> deal = ("crm.item.get", {"entityTypeId": 2, "id": 57})
        >>> client.batch({"deal": deal}).results["deal"]["item"]  # doctest: +SKIP

        :param commands: key -> (method, parameters). The keys are yours; the portal never sees them.
        :returns: results and errors by key; no single command raises, ``raise_for_errors()`` does.
        :raises Bitrix24Error: the first request failed as a whole.
        """
        return self._driver.run(self._batch(commands))

    def list(self, method: str, params: Params | None = None) -> Iterator[Any]:
        """Yield all rows of a list method, page by page.

        :raises Bitrix24Error: the portal refused, or the answer holds no list.
        """
        page: Page | None = None
        while page is None or page.following is not None:
            page = self._driver.run(self._page(method, params, page))
            yield from page.items

    def trigger_automation(
        self,
        target: Rows,
        code: str | None = None,
        *,
        entity_type: str | None = None,
        expected_stage: str | Iterable[str] | None = None,
        or_later: bool = False,
        fail_on: str | Iterable[str] = (),
        preview: bool | str = False,
        verify: bool = True,
        checkpoint_store: CheckpointStore | None = None,
        monitor: FiringMonitor | None = None,
    ) -> TriggerReport:
        """Fire an automation trigger for one entity or many, and report the stage of each before and after.

        The portal answers ``true`` whether or not anything moved, so every target is read before and after.

        :param target: ``"DEAL_57"`` or a list; duplicates are fired once, an empty list sends nothing.
        :param code: the trigger's code, by default the client's; without any, only triggers without a code match.
        :param entity_type: type of the targets that are bare ids, such as ``"DEAL"``: then ``target`` may also hold
            whole numbers, rows of a query, or a column of a data frame.
        :param expected_stage: stage id, or a list of ids, any of which is accepted. An entity that is already there is
            not fired.
        :param or_later: accept every later stage of the same pipeline, too, unless it is a failure stage.
        :param fail_on: stage ids at which the caller will give up; a misspelt one is refused before anything is fired.
        :param preview: read, and report what would be fired; nothing that changes anything is sent. Also takes the
            texts true, false, 1, 0, yes, no and the empty one, since a template renders texts.
        :param verify: ``False`` never reads; accepted targets are ``unverified``.
        :param checkpoint_store: keeps the checkpoint, so that a later call resumes where this one stopped, target by
            target. The caller deletes it where a later call is to fire anew.
        :param monitor: tells how far the firing has come if this call is interrupted, by a signal for instance.
        :raises ConfigurationError: an argument is wrong; nothing was sent.
        :raises Bitrix24Error: nothing was fired. Once something was, later errors are in the report.
        """
        flow = self._trigger_automation(
            target,
            code,
            expected_stage,
            entity_type=entity_type,
            or_later=or_later,
            fail_on=fail_on,
            preview=preview,
            verify=verify,
            now=self._driver.now(),
            checkpoint_store=checkpoint_store,
            monitor=monitor,
        )
        return self._driver.run(flow, checkpoint_store=checkpoint_store)

    def get_stages(
        self, targets: Rows, *, entity_type: str | None = None, learn: ExpectedStages | None = None
    ) -> dict[str, StageInfo]:
        """Read the stages of entities, by canonical target. Those that do not exist or may not be read are left out.

        :param entity_type: type of the targets that are bare ids, as in :meth:`trigger_automation`.
        :param learn: takes in what the portal lists of the pipelines that a wait is about.
        :raises Bitrix24Error: the portal refused a whole type, or gave no answer.
        """
        return self._driver.run(self._get_stages(targets, entity_type, learn))

    def find_entities(
        self,
        entity_type: str,
        filter: Mapping[str, Any] | str,  # noqa: A002 - as the portal calls it
        *,
        limit: int = 1_000,
        on_excess: OnExcess = "fail",
    ) -> builtins.list[str]:
        """Find the entities that match a filter; returns their targets in the order of their ids, ready to be fired.

        Fields that the portal does not know, and a filter without conditions, are refused before anything is read.

        >>> client.find_entities("DEAL", {"stageId": "NEW", ">=opportunity": 1000})  # doctest: +SKIP
        ['DEAL_57', 'DEAL_58']

        :param entity_type: such as ``"DEAL"`` or ``"DYNAMIC_177"``.
        :param filter: conditions as ``crm.item.list`` takes them, or ``"all"`` for every entity of the type.
        :param limit: how many entities there may be.
        :param on_excess: with more than that, ``"fail"`` raises and ``"truncate"`` returns those with the lowest ids.
        :raises ConfigurationError: an argument or a field is wrong, or there are more entities than the limit.
        :raises Bitrix24Error: the portal refused, failed or gave no answer.
        """
        return self._driver.run(self._find_entities(entity_type, filter, limit=limit, on_excess=on_excess))

    def update_entities(
        self,
        updates: Rows,
        *,
        entity_type: str | None = None,
        preview: bool | str = False,
        checkpoint_store: CheckpointStore | None = None,
        monitor: UpdateMonitor | None = None,
    ) -> UpdateReport:
        """Write fields into many entities (``crm.item.update``), and report what became of each.

        An update is repeated where its answer is lost, which may overwrite a change made meanwhile. One that holds a
        stage or a pipeline is repeated only where a reading shows that the entity has not moved.

        >>> client.update_entities([{"target": "DEAL_57", "fields": {"opportunity": 1200}}])  # doctest: +SKIP

        :param updates: dicts with ``target`` and ``fields``; with ``entity_type`` also rows that have an ``id``, whose
            other columns are the fields; or a data frame. ``None`` empties a field.
        :param entity_type: type of the rows that have a bare id, such as ``"DEAL"``.
        :param preview: read, and report what would be updated; nothing that changes anything is sent.
        :param checkpoint_store: keeps the checkpoint, so that a later call resumes where this one stopped.
        :param monitor: tells how far the updates have come if this call is interrupted.
        :raises ConfigurationError: an argument or a field is wrong; nothing was sent.
        :raises Bitrix24Error: nothing was sent. Once something was, later errors are in the report.
        """
        flow = self._update_entities(
            updates,
            entity_type=entity_type,
            preview=preview,
            checkpoint_store=checkpoint_store,
            monitor=monitor,
        )
        return self._driver.run(flow, checkpoint_store=checkpoint_store)

    def pipeline_stages(self, type_id: int, category_id: int | None = None) -> Sequence[Stage]:
        """The stages of a pipeline in order.

        :param type_id: entityTypeId, such as 2 for deals.
        :param category_id: the pipeline's number; 0 is the first pipeline of deals.
        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self._driver.run(self._pipeline_stages(type_id, category_id))

    def diagnose(self) -> Diagnosis:
        """Find out whether the connection works, and if not, why. It changes nothing."""
        return self._driver.run(self._diagnose())

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
