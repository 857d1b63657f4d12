"""The README's own code, run: its DAG, its commands, what they print, what comes back."""

from __future__ import annotations

import json
import logging
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer, connection_json

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
CONNECTION_PAGE = (ROOT / "docs" / "connection.md").read_text()
CODE_OF_CLIENTS = "".join((ROOT / "docs" / page).read_text() for page in ("hook.md", "client.md"))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def block(page: str, language: str, part: str) -> str:
    [found] = [each for each in blocks(page, language) if part in each]
    return found


@pytest.fixture
def portal(monkeypatch):
    with SimulatorServer(seed="demo") as server:
        monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", connection_json(server.webhook_url))
        yield server


def dag_of_the_readme(folder: Path):
    source = block(README, "python", "@dag")
    try:
        import airflow.sdk  # noqa: F401
    except ImportError:  # as the README says
        source = source.replace("airflow.sdk", "airflow.decorators")
    (folder / "offers.py").write_text(source)
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag  # noqa: TID251 - 2.11
    bag = DagBag(dag_folder=str(folder))
    assert bag.import_errors == {}
    return bag.dags["offers"]


def test_the_first_dag_is_read_and_its_task_moves_the_deals(portal, tmp_path):
    dag = dag_of_the_readme(tmp_path)
    find, move = dag.get_task("find_deals"), dag.get_task("to_preparation")
    assert move.upstream_task_ids == {"find_deals"}

    targets = find.python_callable()
    move.target = targets
    report = move.execute({"ti": SimpleNamespace(xcom_push=lambda **_: None, try_number=1, max_tries=0)})

    assert (report["moved"], report["failed"]) == (len(targets), 0)
    assert {portal.portal.stage_of(target) for target in targets} == {"PREPARATION"}


def test_the_report_looks_as_shown(portal):
    from airflow_provider_bitrix24.client import Bitrix24Client

    shown = json.loads(block(README, "json", "results"))
    with Bitrix24Client.from_webhook_url(portal.webhook_url) as client:
        report = client.trigger_automation(["DEAL_57", "DEAL_60"], "c5u4m", expected_stage="PREPARATION").as_dict()

    assert {**report, "portal": shown["portal"]} == shown


def test_the_stages_command_prints_what_is_shown(portal, capsys, monkeypatch):
    from airflow_provider_bitrix24.__main__ import main

    command = shlex.split(block(README, "shell", "24 stages"))
    monkeypatch.setattr("airflow_provider_bitrix24.__main__.use_metadata_database", lambda: None)
    assert main(command[3:]) == 0

    def timeless(text: str) -> list[str]:
        text = re.sub(r"^\[.*\n", "", text, flags=re.MULTILINE)  # Airflow 2.11 logs to standard output
        return re.sub(r"since \S+ \S+ \S+", "since WHEN", text).split()

    assert timeless(capsys.readouterr().out) == timeless(block(README, "text", "STAGE ID"))


def test_the_check_command_prints_what_is_shown(portal, capsys, monkeypatch):
    from airflow_provider_bitrix24.__main__ import main

    command = shlex.split(block(README, "shell", "24 check"))
    monkeypatch.setattr("airflow_provider_bitrix24.__main__.use_metadata_database", lambda: None)
    assert main(command[3:]) == 0

    shown = block(README, "text", "Connected to").replace("https://example.bitrix24.com", portal.url)
    assert shown.replace("Ada Lovelace", "Admin Simulator").strip() in capsys.readouterr().out


@pytest.mark.parametrize("page", [README, CONNECTION_PAGE], ids=["README", "connection"])
def test_connections_are_made_as_told(page, monkeypatch):
    from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

    lines = [line for each in blocks(page, "shell") for line in each.splitlines() if "export AIRFLOW_CONN" in line]
    assert lines
    for line in lines:
        name, _, value = shlex.split(line)[1].partition("=")
        monkeypatch.setenv(name, value)
        with Bitrix24Hook() as hook:
            portal = hook.get_conn().portal
        assert (str(portal), portal.user_id, portal.secret) == ("https://example.bitrix24.com", "1", "SECRET")


@pytest.mark.parametrize("page", [README, CONNECTION_PAGE], ids=["README", "connection"])
def test_the_command_line_takes_the_connections_as_told(page):
    from airflow.cli.cli_parser import get_parser

    from airflow_provider_bitrix24.connection import read_connection

    lines = [line for each in blocks(page, "shell") for line in each.splitlines() if "connections add" in line]
    assert lines
    for line in lines:
        options = get_parser().parse_args(shlex.split(line)[1:])
        connection = SimpleNamespace(
            host=options.conn_host,
            login=options.conn_login,
            password=options.conn_password,
            port=options.conn_port,
            schema=options.conn_schema,
            extra=options.conn_extra,
        )
        read = read_connection(connection)
        assert (str(read.portal), read.portal.secret, read.warnings) == ("https://example.bitrix24.com", "SECRET", ())


def test_the_clients_examples_run(portal, capsys):
    for source in blocks(CODE_OF_CLIENTS, "python"):
        if source.startswith("@task"):  # an example DAG, which the tests of these run
            continue
        here = source.replace("https://example.bitrix24.com/rest/1/SECRET/", portal.webhook_url)
        exec(compile(here, "client.md", "exec"), {"__name__": "__main__"})  # noqa: S102 - our own page

    printed = capsys.readouterr().out
    assert printed.startswith("2 []")
    assert "57 Coffee machines for the Berlin office" in printed
    logging.getLogger("airflow_provider_bitrix24").handlers.clear()
