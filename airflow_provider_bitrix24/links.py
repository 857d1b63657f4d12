"""The button "Open in Bitrix24" on a task's page.

Airflow 3 asks for the URL in the worker when the task ends, and Airflow 2.11 in its web server when somebody opens the
page. Both can read an XCom, so the operator pushes the URL (:data:`ENTITY_URL_KEY`) before it fires anything. It is the
URL of the entity's page and contains no credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.compat import BaseOperatorLink, xcom_value

if TYPE_CHECKING:
    from airflow_provider_bitrix24.compat import BaseOperator, TaskInstanceKey

__all__ = ["ENTITY_URL_KEY", "EntityLink"]

ENTITY_URL_KEY = "bitrix24_entity_url"
"""XCom key of the URL of the entity's page; for a list, of the first entity's page."""


class EntityLink(BaseOperatorLink):
    """Opens the entity that a task moves; for a list, the first one."""

    name = "Open in Bitrix24"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL of the entity's page, or an empty string if the task had no entity.

        Airflow 3 asks right after it has learned how the task ended, so this is where the task learns of its success.
        """
        if (checkpoint_store := getattr(operator, "_checkpoint_store", None)) is not None:
            checkpoint_store.keep_evidence()
        return xcom_value(ti_key, ENTITY_URL_KEY) or ""
