"""What Airflow reads about this provider; the entry point of the group ``apache_airflow_provider``.

Every Airflow process calls :func:`get_provider_info`, so nothing of Airflow and no library is imported here.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_bitrix24.connection_form import CONN_TYPE, HOOK_NAME, conn_fields, ui_field_behaviour

_INTEGRATION = "Bitrix24"
ASSET_URIS = {
    "schemes": ["bitrix24"],
    "handler": "airflow_provider_bitrix24.assets.bitrix24.sanitize_uri",
    "factory": "airflow_provider_bitrix24.assets.bitrix24.create_asset",
}
"""How Airflow reads and makes URIs of assets."""


def get_provider_info() -> dict[str, Any]:
    """Describe the provider in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-bitrix24",
        "name": "Bitrix24",
        "description": "Moves `Bitrix24 <https://www.bitrix24.com/>`__ deals, leads, quotes, invoices and "
        "smart-process items to their next stage through automation triggers.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://apidocs.bitrix24.com/",
                "how-to-guide": ["/docs/quick-start.md", "/docs/operators.md"],
                "logo": "/integration-logos/bitrix24.svg",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_bitrix24.hooks.bitrix24"],
            }
        ],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [
                    "airflow_provider_bitrix24.operators.automation",
                    "airflow_provider_bitrix24.operators.entities",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_bitrix24.sensors.stage"],
            }
        ],
        "triggers": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": ["airflow_provider_bitrix24.triggers.stage"],
            }
        ],
        "connection-types": [
            {
                "connection-type": CONN_TYPE,
                "hook-class-name": "airflow_provider_bitrix24.hooks.bitrix24.Bitrix24Hook",
                "hook-name": HOOK_NAME,
                "ui-field-behaviour": ui_field_behaviour(),
                "conn-fields": conn_fields(),
            }
        ],
        "asset-uris": [ASSET_URIS],
        "dataset-uris": [ASSET_URIS],  # their name in Airflow 2
        "extra-links": ["airflow_provider_bitrix24.links.EntityLink"],
        "notifications": ["airflow_provider_bitrix24.notifications.automation.TriggerAutomationNotifier"],
        "task-decorators": [
            {
                "name": "bitrix24_trigger",
                "class-name": "airflow_provider_bitrix24.decorators.automation.bitrix24_trigger_task",
            }
        ],
        "cli": ["airflow_provider_bitrix24.cli.get_commands"],
        "config": {
            "bitrix24": {
                "description": "How this machine talks to Bitrix24 portals.",
                "options": {
                    "shared_store_conn_id": {
                        "description": "Id of an Airflow connection of type redis, postgres, mysql or sqlite: the "
                        "store in which hosts or pods that reach Bitrix24 from one address share its limits. Where "
                        "it is not set, the processes of each machine share files.",
                        "version_added": "1.0.0",
                        "type": "string",
                        "example": "bitrix24_store",
                        "default": None,
                    },
                    "shared_store_directory": {
                        "description": "Where the processes of a machine share a portal's limits. It holds "
                        "small files without secrets, and every user who runs tasks needs to write there. By "
                        "default it is a directory for all users under the system's temporary one.",
                        "version_added": "1.0.0",
                        "type": "string",
                        "example": "/var/lib/airflow/bitrix24",
                        "default": None,
                    },
                    "pacing_directory": {
                        "description": "Deprecated: the former name of shared_store_directory.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": None,
                        "default": None,
                    },
                },
            }
        },
    }
