"""A real Airflow beside a simulated portal, started once for the tests of a folder's worth of DAGs.

`make test` leaves these tests out; `make test-system` and `.ci/run` run them.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json
from scripts.local_airflow import LocalAirflow
from tests.support.postgres import DATABASES, database_for, dump

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "example_dags"


@pytest.fixture(scope="session")
def demo_portal() -> Iterator[SimulatorServer]:
    """The portal of the demo: deals 57 to 64 and others, and triggers for them."""
    with SimulatorServer(seed="demo") as server:
        yield server
        assert server.crashes == []


@pytest.fixture(scope="session", params=DATABASES)
def demo_airflow(
    request: pytest.FixtureRequest, demo_portal: SimulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalAirflow]:
    """An Airflow that logs all it can and has the example DAGs and those of ``dags/``, with LocalExecutor."""
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    for folder in (EXAMPLES, HERE / "dags"):
        shutil.copytree(folder, dags, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    env = {
        "AIRFLOW_CONN_BITRIX24_DEFAULT": connection_json(demo_portal.webhook_url),
        "AIRFLOW__API__ENABLE_XCOM_DESERIALIZE_SUPPORT": "True",  # 2.11 gives texts otherwise
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
    }
    with ExitStack() as stack:
        env |= stack.enter_context(database_for(request.param))
        process = stack.enter_context(LocalAirflow(home, dags, env=env))
        process.api("POST", "/pools", {"name": "bitrix24", "slots": 2})
        yield process
        secret = demo_portal.webhook_url.rstrip("/").rpartition("/")[2].encode()
        assert [where for where, content in _left_by(process) if secret in content] == []


def _left_by(airflow: LocalAirflow) -> Iterator[tuple[str, bytes]]:
    """Everything that the runs have left, written at the level DEBUG: logs, rendered fields, XComs, the database."""
    files = [path for path in airflow.home.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert any("dag_id=" in str(path) for path in files), "no task has logged anything"
    for path in files:
        yield str(path), path.read_bytes()
    url = airflow.env.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")
    if url is not None:
        yield "PostgreSQL", dump(url)
    else:
        assert airflow.home / "airflow.db" in files
