"""Whether the stages exist that a trigger watches: moves to one that does not exist are never reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import Bitrix24Error

if TYPE_CHECKING:
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
    from airflow_provider_bitrix24.triggers._stage_history import StageHistoryQuery


async def warn_of_unknown_stages(hook: Bitrix24Hook, query: StageHistoryQuery, log: Any) -> None:
    """Warn of a stage that its pipeline does not have, such as a name in place of an id.

    A warning, since somebody may add the stage later. Where the portal does not show its stages, nothing is said.

    :param log: the trigger's logger.
    """
    from airflow_provider_bitrix24.client.expected import ExpectedStages

    asked = ExpectedStages(query.stages, [query.type_id], argument="stage")
    client = await hook.aget_conn()
    for pipeline in asked.to_read({}):
        try:
            asked.record({pipeline: list(await client.pipeline_stages(pipeline.type_id, pipeline.category_id))})
        except Bitrix24Error as error:
            log.debug("The stages of the pipeline cannot be read: %s", error)
    if (problem := asked.problem()) is not None:
        log.warning("%s No move to it is reported before there is such a stage.", problem)
