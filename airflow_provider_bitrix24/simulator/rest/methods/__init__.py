"""The REST methods, one module per subject. Public face: :func:`find`.

Importing this package fills the table in :mod:`.registry`. A method gets the portal and its parameters; HTTP,
credentials, limits and faults have been dealt with when it runs.

==================  =========================================================================
``triggers``        ``crm.automation.trigger`` and its relatives for applications
``items``           ``crm.item.*``; ``item_fields`` names and shows the fields
``legacy``          ``crm.deal.*``, ``crm.lead.*`` ...; ``legacy_fields`` names and shows the fields
``stage_history``   ``crm.stagehistory.list``
``statuses``        ``crm.status.*``: stages and other dictionaries
``pipelines``       ``crm.category.*``, ``crm.dealcategory.*``, ``crm.enum.ownertype``
``users``           ``user.*``
``timeline``        ``crm.timeline.comment.add``
``account``         ``scope``, ``profile``, ``methods``, ``server.time`` ...
==================  =========================================================================

They share ``arguments`` (of controller methods), ``filters`` (filter and order), ``operands`` (what a filter
compares with) and ``queries`` (one page of items).
"""

from airflow_provider_bitrix24.simulator.rest.methods import (  # each enters its methods into the table
    account,
    items,
    legacy,
    pipelines,
    stage_history,
    statuses,
    timeline,
    triggers,
    users,
)
from airflow_provider_bitrix24.simulator.rest.methods.registry import (
    GLOBAL_SCOPE,
    METHODS,
    BatchMethod,
    Call,
    Identity,
    Method,
    MethodResult,
    find,
)

METHODS["batch"] = BatchMethod("batch", GLOBAL_SCOPE)

__all__ = [
    "GLOBAL_SCOPE",
    "METHODS",
    "BatchMethod",
    "Call",
    "Identity",
    "Method",
    "MethodResult",
    "account",
    "find",
    "items",
    "legacy",
    "pipelines",
    "stage_history",
    "statuses",
    "timeline",
    "triggers",
    "users",
]
