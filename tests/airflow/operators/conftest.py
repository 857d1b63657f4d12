"""What the tests of the operators share."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.operators.entities import UpdateEntitiesOperator


@pytest.fixture
def update(run_task):
    """Run an UpdateEntitiesOperator with these arguments."""

    def run(**arguments):
        return run_task(lambda: UpdateEntitiesOperator(**{"task_id": "update", "entity_type": "DEAL"} | arguments))

    return run
