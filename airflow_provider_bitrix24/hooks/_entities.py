"""The hook's methods that find, read and update entities. Users call them on the hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.hooks._connected import ConnectedMethods

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_bitrix24.client import Stage, StageInfo
    from airflow_provider_bitrix24.client.entities.find import OnExcess
    from airflow_provider_bitrix24.client.entities.update import UpdateMonitor
    from airflow_provider_bitrix24.client.entities.update_report import UpdateReport
    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.flows.effects import CheckpointStore
    from airflow_provider_bitrix24.client.targets import Rows


class EntityHookMethods(ConnectedMethods):
    """A mixin of the hook."""

    def get_stages(
        self, targets: Rows, *, entity_type: str | None = None, learn: ExpectedStages | None = None
    ) -> dict[str, StageInfo]:
        """Return where entities stand, by canonical target. Entities that cannot be read are absent.

        :param entity_type: type of the targets that are bare ids, as in :meth:`trigger_automation`.
        :param learn: takes in what the portal lists of the pipelines that a wait is about.
        :raises ConfigurationError: a target is a contact, a company or an order, whose stage cannot be read.
        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self.get_conn().get_stages(targets, entity_type=entity_type, learn=learn)

    async def aget_stages(
        self, targets: Rows, *, entity_type: str | None = None, learn: ExpectedStages | None = None
    ) -> dict[str, StageInfo]:
        """Like :meth:`get_stages`, in an event loop."""
        return await (await self.aget_conn()).get_stages(targets, entity_type=entity_type, learn=learn)

    def find_entities(
        self,
        entity_type: str,
        filter: Mapping[str, Any] | str,  # noqa: A002 - as the portal calls it
        *,
        limit: int = 1_000,
        on_excess: OnExcess = "fail",
    ) -> list[str]:
        """Find the entities that match a filter. Return their targets in the order of their ids, ready to be fired.

        Fields that the portal does not know, and a filter without conditions, are refused before anything is read.

        >>> with Bitrix24Hook() as hook:  # doctest: +SKIP
        ...     targets = hook.find_entities("DEAL", {"stageId": "NEW", ">=opportunity": 1000})

        :param entity_type: such as ``"DEAL"`` or ``"DYNAMIC_177"``.
        :param filter: conditions as ``crm.item.list`` takes them, or ``"all"`` for every entity of the type.
        :param limit: how many entities there may be.
        :param on_excess: with more than that, ``"fail"`` raises and ``"truncate"`` returns those with the lowest ids.
        :raises ConfigurationError: an argument or a field is wrong, or there are more entities than the limit.
        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self.get_conn().find_entities(entity_type, filter, limit=limit, on_excess=on_excess)

    async def afind_entities(
        self,
        entity_type: str,
        filter: Mapping[str, Any] | str,  # noqa: A002 - as the portal calls it
        *,
        limit: int = 1_000,
        on_excess: OnExcess = "fail",
    ) -> list[str]:
        """Like :meth:`find_entities`, in an event loop."""
        return await (await self.aget_conn()).find_entities(entity_type, filter, limit=limit, on_excess=on_excess)

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

        >>> with Bitrix24Hook() as hook:  # doctest: +SKIP
        ...     report = hook.update_entities([{"id": 57, "opportunity": 1200}], entity_type="DEAL")

        :param updates: dicts with ``target`` and ``fields``; with ``entity_type`` also rows that have an ``id``, whose
            other columns are the fields; or a data frame. ``None`` empties a field.
        :param entity_type: type of the rows that have a bare id, such as ``"DEAL"``.
        :param preview: read, and report what would be updated; nothing that changes anything is sent.
        :param checkpoint_store: keeps the checkpoint, so that a later call resumes where this one stopped.
        :param monitor: tells how far the updates have come if this call is interrupted.
        :raises ConfigurationError: an argument or a field is wrong; nothing was sent.
        :raises Bitrix24Error: nothing was sent. Later errors are in the report.
        """
        return self.get_conn().update_entities(
            updates, entity_type=entity_type, preview=preview, checkpoint_store=checkpoint_store, monitor=monitor
        )

    async def aupdate_entities(
        self, updates: Rows, *, entity_type: str | None = None, preview: bool | str = False
    ) -> UpdateReport:
        """Like :meth:`update_entities`, in an event loop."""
        return await (await self.aget_conn()).update_entities(updates, entity_type=entity_type, preview=preview)

    def pipeline_stages(self, type_id: int, category_id: int | None) -> Sequence[Stage]:
        """Return the stages of a pipeline, in order. Their ``id`` is what ``expected_stage`` takes.

        :param type_id: entityTypeId, such as 2 for deals.
        :param category_id: number of the pipeline; ``None`` for types without pipelines.
        :raises Bitrix24Error: the portal refused or gave no answer.
        """
        return self.get_conn().pipeline_stages(type_id, category_id)
