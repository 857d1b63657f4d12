"""Real servers of shared stores, each started when it is first asked for; skipped by name where one is missing."""

from __future__ import annotations

import pytest

from scripts import postgres_server, redis_server
from scripts.postgres_server import PostgresProcess
from scripts.redis_server import RedisProcess
from tests.support import mariadb
from tests.support.mariadb import MariadbProcess


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    pytest.importorskip("redis")
    if redis_server.server_program() is None:
        pytest.skip("redis-server is not installed")
    with RedisProcess(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def postgres():
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("psycopg2")
    programs = postgres_server.server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (initdb, pg_ctl)")
    with PostgresProcess(programs) as server:
        yield server


@pytest.fixture(scope="module")
def mysql():
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("pymysql")
    if mariadb.server_programs() is None:
        pytest.skip("MariaDB is not installed (mariadbd, mariadb-install-db)")
    with MariadbProcess() as server:
        yield server
