from __future__ import annotations

import io
import os
import sys

import pytest

from airflow_provider_bitrix24.__main__ import main
from airflow_provider_bitrix24.simulator.portal import seed
from airflow_provider_bitrix24.simulator.testing import connection_json


def test_check_shows_portal_user_and_the_missing_code(portal, capsys):
    assert main(["check", "bitrix24_default"]) == 0

    shown = capsys.readouterr().out
    assert f"Connected to {portal.url} as" in shown
    assert "No default trigger code" in shown


def test_check_shows_the_default_code(portal, capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BITRIX24_DEFAULT", connection_json(portal.trigger_url("c5u4m")))

    assert main(["check", "bitrix24_default"]) == 0
    assert "Trigger code for tasks that name none: c5u4m" in capsys.readouterr().out


def test_check_fails_with_the_reason_and_without_the_secret(portal, capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_LOW", connection_json(f"{portal.url}/rest/1/wrongsecret12345/"))

    assert main(["check", "low"]) == 1

    shown = capsys.readouterr()
    assert "INVALID_CREDENTIALS" in shown.err
    assert "wrongsecret12345" not in shown.err + shown.out


@pytest.mark.parametrize("arguments", [["check", "nowhere"], ["stages", "nowhere", "DEAL_57"]])
@pytest.mark.usefixtures("metadata")
def test_the_error_for_an_unknown_connection_says_how_to_add_it(arguments, capsys):
    assert main(arguments) == 1
    assert "airflow connections add 'nowhere' --conn-type bitrix24" in capsys.readouterr().err


def test_the_error_names_a_wrong_connection(capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", '{"conn_type": "bitrix24"}')

    assert main(["check", "broken"]) == 1
    assert "Connection 'broken': The portal's address is missing." in capsys.readouterr().err


def test_stages_shows_where_entities_stand_and_the_stages_of_their_pipelines(portal, capsys):
    assert main(["stages", "bitrix24_default", "DEAL_57", "deal_58", "DEAL_63", "QUOTE_3"]) == 0

    shown = capsys.readouterr().out.splitlines()
    assert any(line.startswith("DEAL_57 stands at NEW of pipeline 0 since 20") for line in shown)
    assert "QUOTE_3 stands at DRAFT" in shown
    assert "DEAL, pipeline 0:" in shown
    assert "DEAL, pipeline 5:" in shown
    assert "QUOTE:" in shown
    (new,) = (line for line in shown if line.split()[:1] == ["NEW"])
    assert new.endswith("in progress  DEAL_57 DEAL_58")
    (won,) = (line for line in shown if line.split()[:1] == ["C5:WON"])
    assert won.split() == ["C5:WON", "Deal", "won", "success"]
    (lost,) = (line for line in shown if line.split()[:1] == ["LOSE"])
    assert lost.endswith("failure")


def test_stages_shows_no_more_than_a_few_targets_in_one_cell(portal, capsys):
    targets = [f"DEAL_{number}" for number in range(101, 108)]
    for target in targets:
        portal.portal.add_deal(id=int(target[5:]))

    assert main(["stages", "bitrix24_default", *targets]) == 0
    assert "DEAL_105 and 2 more" in capsys.readouterr().out


def test_a_missing_target_is_named(portal, capsys):
    assert main(["stages", "bitrix24_default", "DEAL_57", "DEAL_999"]) == 1

    shown = capsys.readouterr()
    assert "DEAL_57 stands at NEW" in shown.out
    assert "Not found: DEAL_999. It does not exist, or the webhook's user may not read it." in shown.err


def test_a_malformed_target_is_an_error(portal, capsys):
    assert main(["stages", "bitrix24_default", "D_57"]) == 1
    assert "write DEAL_57" in capsys.readouterr().err


def test_find_lists_what_matches(portal, capsys):
    assert main(["find", "bitrix24_default", "DEAL", "--filter", '{"stageId": "NEW", "<id": 59}']) == 0
    assert capsys.readouterr().out.split() == ["DEAL_57", "DEAL_58"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--filter", '{"STAGE_ID": "NEW"}'], "Did you mean 'stageId'?"),
        (["--filter", "{}"], "filter is empty"),
        (["--filter", "stageId=NEW"], "not a JSON object"),
        (["--filter", "all", "--limit", "1"], "The filter matches more than 1 entity of the type DEAL"),
    ],
)
def test_find_refuses_what_a_task_refuses(portal, capsys, arguments, says):
    assert main(["find", "bitrix24_default", "DEAL", *arguments]) == 1

    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""


def test_preview_shows_what_would_be_fired_and_fires_nothing(portal, capsys):
    portal.portal.find("DEAL_58").stage_id = "PREPARATION"
    command = ["preview", "bitrix24_default", "--code", "c5u4m", "--expected-stage", "PREPARATION"]

    assert main([*command, "DEAL_57", "DEAL_58", "DEAL_999"]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["TARGET", "STANDS", "AT", "OUTCOME"]
    assert lines[1].split() == ["DEAL_57", "NEW", "would_fire"]
    assert lines[2].split() == ["DEAL_58", "PREPARATION", "already"]
    assert lines[3].startswith("DEAL_999  ?            failed: It does not exist")
    assert lines[4].startswith("Of 3: 1 would_fire, 1 already, 1 failed. The portal does not tell whether a trigger")
    assert portal.fires == {}


def test_preview_advises_its_own_option_for_a_bare_id(portal, capsys):
    assert main(["preview", "bitrix24_default", "--code", "c5u4m", "57"]) == 1

    said = capsys.readouterr().err
    assert "add --entity-type DEAL (or another type)" in said
    assert main(["preview", "bitrix24_default", "--code", "c5u4m", "--entity-type", "DEAL", "57"]) == 0


def test_stages_does_not_advise_an_option_that_it_lacks(portal, capsys):
    assert main(["stages", "bitrix24_default", "57"]) == 1

    said = capsys.readouterr().err
    assert "'57' is not a target: there is no underscore between type and id. Write TYPE_ID" in said
    assert "entity_type" not in said


def test_a_command_is_required(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])

    assert caught.value.code == 2
    assert "check" in capsys.readouterr().err


@pytest.mark.usefixtures("metadata")
def test_a_shared_store_whose_connection_does_not_exist_is_named(capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_CONN_ID", "nowhere")

    assert main(["store"]) == 1
    assert "names the connection 'nowhere', which does not exist" in capsys.readouterr().err


@pytest.fixture
def metadata(request):
    """Airflow 2.11 asks its database for a connection that is not in the environment."""
    request.getfixturevalue("database")


def test_a_terminal_without_the_letters_of_a_name_shows_them_escaped(portal, monkeypatch):
    pipeline = {"id": 7, "stages": [["NEW", "\u041d\u043e\u0432\u0430\u044f"]]}
    seed.apply(portal.portal, {"pipelines": [pipeline], "items": [{"target": "DEAL_700", "stage": "C7:NEW"}]})
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))

    assert main(["stages", "bitrix24_default", "DEAL_700"]) == 0
    assert b"\\u041d\\u043e\\u0432" in sys.stdout.buffer.getvalue()


def test_a_reader_that_has_seen_enough_ends_a_command_quietly(portal, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as output:  # noqa: PTH123 - a descriptor, not a path
        monkeypatch.setattr(sys, "stdout", output)
        assert main(["stages", "bitrix24_default", "DEAL_57"]) == 0
