"""``airflow bitrix24``: Airflow finds the commands, and they do what the module's commands do."""

from __future__ import annotations

import subprocess
import sys

import airflow
import pytest
from packaging.version import Version

from airflow_provider_bitrix24 import cli

pytestmark = pytest.mark.skipif(
    Version(airflow.__version__) < Version("3.2"),
    reason="Airflow takes commands from a provider's metadata from 3.2 on",
)


@pytest.fixture
def command():
    """Run ``airflow bitrix24`` as it is parsed by Airflow; returns the exit status."""
    from airflow.cli import cli_parser

    def run(*arguments):
        parsed = cli_parser.get_parser().parse_args(["bitrix24", *arguments])
        with pytest.raises(SystemExit) as ended:
            parsed.func(parsed)
        return ended.value.code

    return run


def test_check_tests_a_connection(portal, command, capsys):
    assert command("check", "bitrix24_default") == 0
    assert f"Connected to {portal.url} as" in capsys.readouterr().out


def test_store_shows_what_processes_share(command, capsys):
    assert command("store") == 0
    assert capsys.readouterr().out.startswith("Shared store: files in ")


def test_check_fails_if_the_portal_refuses(portal, command, capsys, monkeypatch):
    monkeypatch.setenv(
        "AIRFLOW_CONN_LOW", f'{{"conn_type": "bitrix24", "password": "{portal.url}/rest/1/wrong12345/"}}'
    )

    assert command("check", "low") == 1

    shown = capsys.readouterr()
    assert "INVALID_CREDENTIALS" in shown.err
    assert "wrong12345" not in shown.err + shown.out


def test_stages_shows_where_entities_stand(portal, command, capsys):
    assert command("stages", "bitrix24_default", "DEAL_57", "LEAD_4") == 0

    shown = capsys.readouterr().out
    assert "DEAL_57 stands at NEW of pipeline 0" in shown
    assert "LEAD_4 stands at NEW" in shown
    assert "C5:" not in shown


def test_find_lists_what_matches(portal, command, capsys):
    assert command("find", "bitrix24_default", "DEAL", "--filter", '{"@id": [57, 58]}', "--limit", "2") == 0
    assert capsys.readouterr().out.split() == ["DEAL_57", "DEAL_58"]


def test_preview_shows_what_would_be_fired(portal, command, capsys):
    options = ["--code", "c5u4m", "--entity-type", "DEAL", "--expected-stage", "PREPARATION", "--or-later"]

    assert command("preview", "bitrix24_default", *options, "57", "LEAD_4") == 0

    assert "DEAL_57  NEW        would_fire" in capsys.readouterr().out
    assert portal.fires == {}


def test_stages_needs_a_target(command, capsys):
    from airflow.cli import cli_parser

    with pytest.raises(SystemExit) as ended:
        cli_parser.get_parser().parse_args(["bitrix24", "stages", "bitrix24_default"])

    assert ended.value.code == 2
    assert "TARGET" in capsys.readouterr().err


def test_airflows_command_line_has_them(portal):
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "bitrix24", "check", "bitrix24_default"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert f"Connected to {portal.url} as" in done.stdout


def test_listing_the_commands_does_not_import_what_runs_them():
    program = (
        "import sys; import airflow.cli.cli_config; before = set(sys.modules);"
        "from airflow_provider_bitrix24 import cli; cli.get_commands();"
        "added = set(sys.modules) - before - {'airflow_provider_bitrix24'};"
        "print(sorted(name.rpartition('.')[2] for name in added))"
    )

    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout.splitlines()[-1] == "['cli', 'commands']"


def test_the_group_has_the_same_commands_as_the_module():
    from airflow_provider_bitrix24.__main__ import _parser

    (group,) = cli.get_commands()
    (choices,) = (action.choices for action in _parser()._actions if action.choices)

    assert group.name == "bitrix24"
    assert [each.name for each in group.subcommands] == list(choices)
