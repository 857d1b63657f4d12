"""Operators around the trigger: what to fire for, and which fields to write before.

DAG files import this module at every parse, so what is costly is imported in ``execute``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_bitrix24._tasks.arguments import ArgumentsOf, PlainArguments, check_rendered
from airflow_provider_bitrix24.compat import BaseOperator
from airflow_provider_bitrix24.links import EntityLink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
    from airflow_provider_bitrix24.client.entities.find import OnExcess
    from airflow_provider_bitrix24.client.targets import Rows
    from airflow_provider_bitrix24.compat import Context

__all__ = ["FindEntitiesOperator", "UpdateEntitiesOperator"]


class FindEntitiesOperator(PlainArguments, BaseOperator):
    """Finds the entities that match a filter, and returns their targets in the order of their ids.

    The list is in XCom, so a retry of the task that fires for it fires for the same entities.

    .. seealso::
        :ref:`howto/operator:FindEntitiesOperator`

    >>> FindEntitiesOperator(
    ...     task_id="signed", entity_type="DEAL", filter={"stageId": "NEW", ">=opportunity": 1000}
    ... )  # doctest: +SKIP

    :param entity_type: type of the entities, such as ``"DEAL"``, ``"LEAD"`` or ``"DYNAMIC_177"``. (templated)
    :param filter: conditions as ``crm.item.list`` takes them, such as ``{"stageId": "NEW", ">=opportunity": 1000}``;
        ``"all"`` for every entity of the type. A field that does not exist, and a filter without conditions, fail the
        task before anything is read, since Bitrix24 may ignore them and return everything. (templated)
    :param limit: how many entities there may be. (templated)
    :param on_excess: with more than that, ``"fail"`` fails the task; ``"truncate"`` returns those with the lowest ids
        and logs a warning.
    :param bitrix24_conn_id: id of the connection. (templated)
    :returns: the targets, such as ``["DEAL_57", "DEAL_58"]``, which the operators of this package take as ``target``.
    """

    template_fields: Sequence[str] = ("entity_type", "filter", "limit", "bitrix24_conn_id")
    ui_color = "#d9f7fd"

    def __init__(
        self,
        *,
        entity_type: str,
        filter: Mapping[str, Any] | str,  # noqa: A002 - as the portal calls it
        limit: int | str = 1_000,
        on_excess: OnExcess = "fail",
        bitrix24_conn_id: str = "bitrix24_default",
        **kwargs: Any,
    ) -> None:
        from airflow_provider_bitrix24.client.combinations import check_choice

        super().__init__(**kwargs)
        self.entity_type = entity_type
        self.filter = filter
        self.limit = limit
        self.on_excess = on_excess
        self.bitrix24_conn_id = bitrix24_conn_id
        with ArgumentsOf(f"Task {self.task_id!r}"):
            check_choice("on_excess", on_excess, ("fail", "truncate"))

    def execute(self, context: Context) -> list[str]:  # noqa: ARG002 - Airflow passes it
        """Find them.

        :raises AirflowFailException: an argument is wrong, there are too many entities, or the portal refuses.
        :raises Bitrix24Error: the portal failed or gave no answer; a retry may help.
        """
        from airflow_provider_bitrix24._tasks.verdict import PlainEnding, permanent_errors_fail_at_once
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        with PlainEnding(), permanent_errors_fail_at_once(), Bitrix24Hook(self.bitrix24_conn_id) as hook:
            check_rendered("entity_type", given=True, rendered=self.entity_type)
            limit: Any = self.limit  # a text where a template rendered it
            found = hook.find_entities(self.entity_type, self.filter, limit=limit, on_excess=self.on_excess)
        count = "1 entity" if len(found) == 1 else f"{len(found):,} entities"
        self.log.info("Found %s of the type %s.", count, self.entity_type)
        return found


class UpdateEntitiesOperator(PlainArguments, BaseOperator):
    """Writes fields into many entities, and returns the targets that hold the new values.

    Each value replaces the former one. An update is sent again where its answer is lost, which may overwrite a change
    made meanwhile; one that holds a stage or a pipeline is sent again only where a reading shows that the entity has
    not moved.

    .. seealso::
        :ref:`howto/operator:UpdateEntitiesOperator`

    >>> UpdateEntitiesOperator(
    ...     task_id="amounts", updates=[{"id": 57, "opportunity": 1200}], entity_type="DEAL"
    ... )  # doctest: +SKIP

    :param updates: dicts with ``target`` and ``fields``; with ``entity_type`` also rows that have an ``id``, whose
        other columns are the fields, or a data frame. ``None`` empties a field. A field that does not exist, or that
        only the portal writes, fails the task before anything is sent, since Bitrix24 ignores it. (templated)
    :param entity_type: type of the rows that have a bare id, such as ``"DEAL"``. (templated)
    :param preview: read, log a table of what would be updated, and send nothing that changes anything. Takes a bool,
        and the texts true, false, 1, 0, yes, no and the empty one. (templated)
    :param on_failed: whether updates that failed ``"fail"`` the task, or are a warning in its log (``"warn"``).
    :param durable: resume where a killed worker stopped, if Airflow can store a checkpoint (3.3 and later).
    :param bitrix24_conn_id: id of the connection. (templated)
    :returns: the targets that hold the new values, such as ``["DEAL_57"]``. The report is in XCom under ``report``.
    """

    template_fields: Sequence[str] = ("updates", "entity_type", "preview", "bitrix24_conn_id")
    operator_extra_links = (EntityLink(),)
    ui_color = "#bbedfc"
    _checkpoint_store: TaskCheckpointStore | None = None

    def __init__(
        self,
        *,
        updates: Rows,
        entity_type: str | None = None,
        preview: bool | str = False,
        on_failed: Literal["fail", "warn"] = "fail",
        durable: bool = True,
        bitrix24_conn_id: str = "bitrix24_default",
        **kwargs: Any,
    ) -> None:
        from airflow_provider_bitrix24.client.combinations import check_bool, check_choice

        super().__init__(**kwargs)
        self.updates = updates
        self.entity_type = entity_type
        self._typed = entity_type is not None
        self.preview = preview
        self.on_failed = on_failed
        self.durable = durable
        self.bitrix24_conn_id = bitrix24_conn_id
        with ArgumentsOf(f"Task {self.task_id!r}"):
            check_choice("on_failed", on_failed, ("fail", "warn"))
            check_bool("durable", durable)

    def execute(self, context: Context) -> list[str]:
        """Update them.

        :raises AirflowFailException: it failed and no retry helps, or a retry could move an entity twice.
        :raises Bitrix24Error: nothing was sent; a retry may help.
        :raises TargetsFailedError: some updates failed, and a retry is safe.
        """
        from airflow_provider_bitrix24._tasks.checkpoint import TaskCheckpointStore
        from airflow_provider_bitrix24._tasks.verdict import PlainEnding, permanent_errors_fail_at_once
        from airflow_provider_bitrix24.client.entities.update_job import GROUPS
        from airflow_provider_bitrix24.client.entities.updates import parse_updates
        from airflow_provider_bitrix24.client.plain import parse_flag
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
        from airflow_provider_bitrix24.operators._update import UpdateTask

        store = TaskCheckpointStore.of_task(context, durable=self.durable, prefixes=[f"{group}_" for group in GROUPS])
        self._checkpoint_store = store
        with PlainEnding(), permanent_errors_fail_at_once(), Bitrix24Hook(self.bitrix24_conn_id) as hook:
            check_rendered("entity_type", given=self._typed, rendered=self.entity_type)
            task = UpdateTask(
                context=context,
                store=store,
                preview=parse_flag("preview", self.preview),
                updates=parse_updates(self.updates, self.entity_type),
                fails=self.on_failed == "fail",
                log=self.log,
            )
            return task.run(hook, retries=bool(self.retries))

    def on_kill(self) -> None:
        """Ask the updates to stop before their next request. Nothing depends on its having the time."""
        if self._checkpoint_store is not None:
            self._checkpoint_store.stop_firing()
