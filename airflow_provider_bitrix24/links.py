"""The button "Open in Bitrix24" on a task's page.

Airflow 3 asks for the address in the worker when the task ends, Airflow 2.11 in its web server when somebody
looks. What both can read is an XCom, so the operator pushes the address before it fires anything
(:data:`ENTITY_URL_KEY`). Such an address is that of the entity's page; it holds no credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.compat import BaseOperatorLink, xcom_value

if TYPE_CHECKING:
    from airflow_provider_bitrix24.compat import BaseOperator, TaskInstanceKey

ENTITY_URL_KEY = "bitrix24_entity_url"
"""XCom key of the entity's page; of a list, the first entity's."""


class EntityLink(BaseOperatorLink):
    """Opens the entity that a task moves; of a list, the first one."""

    name = "Open in Bitrix24"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - Airflow's
        """Address of the entity's page, or an empty text where the task had no entity."""
        return xcom_value(ti_key, ENTITY_URL_KEY) or ""
