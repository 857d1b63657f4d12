"""What REST methods answer, one module per subject.

Importing this package fills :data:`.registry.METHODS`. Methods see the portal and their parameters; HTTP,
credentials, limits and faults are over by the time they run.
"""

from airflow_provider_bitrix24.simulator.rest.methods import (
    account,
    dictionaries,
    items,
    legacy,
    stage_history,
    timeline,
    triggers,
)

__all__ = ["account", "dictionaries", "items", "legacy", "stage_history", "timeline", "triggers"]
