"""A task that does nothing, for tests of what is called beside it."""

from __future__ import annotations

from airflow_provider_bitrix24.compat import BaseOperator


class Quiet(BaseOperator):
    """A task with a callback."""

    def execute(self, context):
        pass
