"""The commands by name, with help and arguments, for ``python -m airflow_provider_bitrix24`` and ``airflow bitrix24``.

Airflow asks for them whenever one of its own commands runs, so nothing is imported here. What runs them is in
:mod:`.__main__`.
"""

from __future__ import annotations

from typing import Any

COMMANDS = {
    "check": "try a connection, as the test button does",
    "stages": "show where entities stand and the stage ids that expected_stage takes",
    "find": "list the entities that match a filter",
    "store": "show the store in which processes and hosts share the portal's limits, and who uses it",
    "preview": "show what a task would fire; sends nothing that changes anything",
    "authorize": "let an OAuth application act on a portal, and store its tokens",
    "token": "show for whom an application acts and how long its tokens last",
    "refresh": "refresh an application's tokens, for connections that are used rarely",
    "triggers": "list, register or delete the automation triggers of an application",
}
"""Name -> help."""
_CONN_ID: dict[str, Any] = {"metavar": "CONN_ID", "help": "id of the Airflow connection"}
_TARGET: dict[str, Any] = {"metavar": "TARGET", "nargs": "+", "help": "an entity, such as DEAL_57"}
_TYPE = "such as DEAL or DYNAMIC_177"
ARGUMENTS: dict[str, dict[str, dict[str, Any]]] = {
    "check": {"conn_id": _CONN_ID},
    "store": {"--sql": {"action": "store_true", "help": "print the statement that makes the table of a database"}},
    "stages": {"conn_id": _CONN_ID, "target": _TARGET},
    "find": {
        "conn_id": _CONN_ID,
        "type": {"metavar": "TYPE", "help": f"type of the entities, {_TYPE}"},
        "--filter": {"required": True, "metavar": "JSON", "help": 'conditions such as {"stageId": "NEW"}, or all'},
        "--limit": {"type": int, "default": 1_000, "help": "how many entities there may be (1000)"},
        "--on-excess": {
            "choices": ("fail", "truncate"),
            "default": "fail",
            "help": "what to do with more than that (fail)",
        },
    },
    "preview": {
        "conn_id": _CONN_ID,
        "target": _TARGET,
        "--code": {"help": "code of the automation trigger; by default, the code in the connection"},
        "--entity-type": {"metavar": "TYPE", "help": f"type of the targets that are bare ids, {_TYPE}"},
        "--expected-stage": {
            "action": "append",
            "metavar": "STAGE",
            "help": "stage that the entities should move to; may be repeated",
        },
        "--or-later": {"action": "store_true", "help": "accept later stages of the same pipeline, too"},
    },
    "authorize": {
        "conn_id": _CONN_ID,
        "--paste-install": {
            "action": "store_true",
            "help": "take what the application's handler received at its installation from standard input",
        },
    },
    "token": {"conn_id": _CONN_ID},
    "refresh": {
        "conn_id": _CONN_ID,
        "--if-older-than": {
            "metavar": "AGE",
            "help": "leave younger tokens alone: a number and d, h, m or s, such as 20d",
        },
    },
    "triggers": {
        "conn_id": _CONN_ID,
        "action": {"choices": ("list", "add", "delete"), "help": "what to do"},
        "code": {"metavar": "CODE", "nargs": "?", "help": "for add and delete"},
        "name": {"metavar": "NAME", "nargs": "?", "help": "for add: what people see on a stage"},
    },
}
"""Command -> argument -> what ``add_argument`` takes."""
