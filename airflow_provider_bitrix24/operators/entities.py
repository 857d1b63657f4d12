"""Operators around the trigger: what to fire for.

DAG files import this module at every parse, so what is costly is imported in ``execute``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24._tasks.arguments import PlainArguments, check_choice, check_rendered
from airflow_provider_bitrix24.compat import BaseOperator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_bitrix24.client.entities.find import OnExcess
    from airflow_provider_bitrix24.compat import Context

__all__ = ["FindEntitiesOperator"]


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
    :return: the targets, such as ``["DEAL_57", "DEAL_58"]``, which the operators of this package take as ``target``.
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
        super().__init__(**kwargs)
        self.entity_type = entity_type
        self.filter = filter
        self.limit = limit
        self.on_excess = on_excess
        self.bitrix24_conn_id = bitrix24_conn_id
        check_choice("on_excess", on_excess, ("fail", "truncate"))

    def execute(self, context: Context) -> list[str]:  # noqa: ARG002 - Airflow passes it
        """Find them.

        :raises AirflowFailException: an argument is wrong, there are too many entities, or the portal refuses.
        :raises Bitrix24Error: the portal failed or gave no answer; a retry may help.
        """
        from airflow_provider_bitrix24._tasks.verdict import permanent_errors_fail_at_once
        from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

        with permanent_errors_fail_at_once(), Bitrix24Hook(self.bitrix24_conn_id) as hook:
            check_rendered("entity_type", given=True, rendered=self.entity_type)
            limit: Any = self.limit  # a text where a template rendered it
            found = hook.find_entities(self.entity_type, self.filter, limit=limit, on_excess=self.on_excess)
        self.log.info("Found %d entities of the type %s.", len(found), self.entity_type)
        return found
