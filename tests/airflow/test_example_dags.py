"""The example DAGs: parsed as Airflow parses them, and run to their end against the demo portal."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path

import airflow
import pytest
from packaging.version import Version

pytestmark = [
    # Airflow 2.11 warns of its own doing when it renders the name of a mapped task.
    pytest.mark.filterwarnings("ignore:Accessing .* from the template is deprecated"),
    pytest.mark.no_cover,  # most of what runs is Airflow's, and other tests cover the rest
]

FOLDER = Path(__file__).parents[2] / "example_dags"
FILES = sorted(FOLDER.glob("*.py"))
MOVES = {
    "bitrix24_example_quick_start": dict.fromkeys(("DEAL_57", "DEAL_58", "DEAL_59"), "PREPARATION"),
    "bitrix24_example_one_entity": {"DEAL_57": "PREPARATION"},
    "bitrix24_example_alert": {"DEAL_57": "PREPARATION"},
    "bitrix24_example_list": {
        "DEAL_58": "PREPARATION",
        "DEAL_59": "PREPARATION",
        "DEAL_63": "C5:PREPARATION",
    },
    "bitrix24_example_mapped": {
        "DEAL_64": "C5:PREPARATION",
        "LEAD_4": "IN_PROCESS",
        "DYNAMIC_177_5": "DT177_12:CLIENT",
    },
    "bitrix24_example_expected_stage": {"DEAL_60": "EXECUTING"},
    "bitrix24_example_pool": {"DEAL_61": "WON"},
    "bitrix24_example_follow_up": {"SMART_INVOICE_12": "DT31_2:P"},
    "bitrix24_example_decorator": {
        "DEAL_58": "EXECUTING",
        "DEAL_59": "EXECUTING",
        "DEAL_63": "C5:WON",
        "DEAL_64": "C5:WON",
    },
    "bitrix24_example_nightly": {"DEAL_57": "EXECUTING", "DEAL_58": "EXECUTING", "DEAL_60": "EXECUTING"},
    "bitrix24_example_recipe_sql": {"DEAL_57": "PREPARATION", "DEAL_58": "PREPARATION"},
    "bitrix24_example_recipe_filter": {"DEAL_57": "PREPARATION", "DEAL_59": "PREPARATION"},
    "bitrix24_example_recipe_amounts": {"DEAL_58": "PREPARATION", "DEAL_59": "PREPARATION"},
    "bitrix24_example_recipe_codes": {"DEAL_57": "PREPARATION", "DEAL_58": "PREPARATION", "DEAL_60": "EXECUTING"},
    "bitrix24_example_bulk": dict.fromkeys(("DEAL_57", "DEAL_58", "DEAL_59"), "PREPARATION"),
    "bitrix24_example_hook": {"DEAL_58": "PREPARATION"},
    "bitrix24_example_notifier": {"DEAL_57": "EXECUTING"},
    "bitrix24_example_sensor": {"DEAL_57": "PREPARATION"},
    "bitrix24_example_deferrable": {"DEAL_58": "EXECUTING", "DEAL_60": "EXECUTING"},
}
if Version(airflow.__version__) >= Version("3.3"):
    MOVES["bitrix24_example_retry_policy"] = {"LEAD_4": "IN_PROCESS"}


@pytest.fixture(scope="session")
def dags():
    """Every example DAG by its id; there is no connection while they are read."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag  # noqa: TID251 - 2.11
    bag = DagBag(dag_folder=str(FOLDER))
    assert bag.import_errors == {}
    return bag.dags


def test_each_file_name_begins_with_example():
    assert FILES
    assert all(path.name.startswith("example_bitrix24_") for path in FILES)


def test_no_dag_runs_by_itself(dags):
    assert set(MOVES) <= set(dags)
    for dag_id, dag in dags.items():
        assert dag_id.startswith("bitrix24_example_")
        assert dag.catchup is False
        assert {"bitrix24", "example"} <= set(dag.tags)
        assert dag.doc_md


def test_none_has_a_timetable(dags):
    for dag_id in MOVES:
        assert type(dags[dag_id].timetable).__name__ == "NullTimetable"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_part_that_the_documentation_shows_is_marked(path):
    starts = re.findall(r"# \[START (howto_\w+)\]", path.read_text())
    ends = re.findall(r"# \[END (howto_\w+)\]", path.read_text())

    assert starts
    assert starts == ends


def activate_assets(dag):
    """Do what a scheduler does before it runs a task with outlets, and the dag.test() of Airflow 3.0 does not."""
    from airflow.models.asset import AssetActive, AssetModel  # noqa: TID251 - 3.0 only
    from airflow.utils.session import create_session

    with create_session() as session:
        for asset in [outlet for task in dag.tasks for outlet in task.outlets]:
            if not session.query(AssetModel).filter_by(name=asset.name, uri=asset.uri).count():
                model = AssetModel(name=asset.name, uri=asset.uri, group=asset.group)
                session.add(model)
                session.flush()
                session.add(AssetActive.for_asset(model))


@pytest.fixture
def warehouse(tmp_path, monkeypatch):
    """A database with two tables of deals, as the connection that some examples name."""
    path = tmp_path / "warehouse.db"
    database = sqlite3.connect(path)
    database.executescript(
        "CREATE TABLE offers (deal_id INTEGER, signed INTEGER);"
        "INSERT INTO offers VALUES (58, 1), (57, 1), (59, 0);"
        "CREATE TABLE deliveries (deal_id INTEGER);"
        "INSERT INTO deliveries VALUES (57), (58), (5700), (5800);"
    )
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    yield database
    database.close()


@pytest.fixture
def run(dags, portal, warehouse, request):
    """Run an example DAG to its end; returns the states of its tasks and what they returned or pushed."""
    request.getfixturevalue("database")

    def run_dag(dag_id, **conf):
        if airflow.__version__.startswith("3.0."):
            activate_assets(dags[dag_id])
        run = dags[dag_id].test(run_conf=conf)
        return {f"{ti.task_id}{'' if ti.map_index < 0 else ti.map_index}": ti for ti in run.get_task_instances()}

    return run_dag


@pytest.mark.parametrize("dag_id", sorted(MOVES))
def test_each_dag_moves_its_entities(dag_id, portal, run):
    ran = run(dag_id)

    expected = {"tell_somebody": "skipped", "fail_the_run": "skipped"}
    assert {name: ti.state for name, ti in ran.items()} == {name: expected.get(name, "success") for name in ran}
    assert {target: portal.portal.stage_of(target) for target in MOVES[dag_id]} == MOVES[dag_id]
    assert portal.fires == dict.fromkeys(MOVES[dag_id], 1)


def test_each_mapped_task_has_its_link(run, portal, dags):
    ran = run("bitrix24_example_mapped")

    urls = {ti.xcom_pull(task_ids="move", map_indexes=ti.map_index, key="bitrix24_entity_url") for ti in ran.values()}
    assert f"{portal.url}/crm/deal/details/64/" in urls
    assert f"{portal.url}/crm/type/177/details/5/" in urls


def test_the_task_after_a_failure_gets_the_entities_that_did_not_arrive(run, portal):
    portal.portal.add_veto("DT31_2:P", type_id=31)

    ran = run("bitrix24_example_follow_up")

    states = {name: ti.state for name, ti in ran.items()}
    assert states == {
        "to_paid": "failed",
        "send_receipt": "upstream_failed",
        "tell_somebody": "success",
        "fail_the_run": "failed",
    }
    assert ran["to_paid"].get_dagrun().state == "failed"
    told = ran["tell_somebody"].xcom_pull(task_ids="tell_somebody")
    assert told == ["SMART_INVOICE_12: unmoved"]


def test_somebody_is_told_why_a_deal_did_not_move(run, portal, caplog):
    portal.portal.find("DEAL_57").stage_id = "WON"

    ran = run("bitrix24_example_alert")

    assert ran["to_preparation"].state == "failed"
    [told] = [text for text in caplog.messages if text.startswith("bitrix24_example_alert.to_preparation: ")]
    passes_none = Version("3.0") <= Version(airflow.__version__) < Version("3.3")
    assert ("it failed" if passes_none else "DEAL_57 stands at WON") in told


def test_amounts_are_written_before_the_trigger_is_fired(run, portal):
    run("bitrix24_example_recipe_amounts")

    assert portal.portal.find("DEAL_58").opportunity == 9_100
    assert portal.portal.find("DEAL_59").opportunity == 30_000


def test_wrong_ids_are_named_and_after_they_are_corrected_only_the_others_are_fired(run, portal, warehouse):
    ran = run("bitrix24_example_recipe_wrong_ids")

    assert {name: ti.state for name, ti in ran.items()} == {
        "delivered": "success",
        "to_preparation": "failed",
        "wrong_ids": "success",
        "fail_the_run": "failed",
    }
    assert ran["wrong_ids"].xcom_pull(task_ids="wrong_ids") == ["DEAL_5700", "DEAL_5800"]
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}

    with warehouse:
        warehouse.execute("UPDATE deliveries SET deal_id = 59 WHERE deal_id = 5700")
        warehouse.execute("DELETE FROM deliveries WHERE deal_id = 5800")
    ran = run("bitrix24_example_recipe_wrong_ids")

    assert ran["to_preparation"].state == "success"
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1, "DEAL_59": 1}


def test_a_runs_parameter_decides_between_a_preview_and_the_deed(run, portal):
    ran = run("bitrix24_example_recipe_preview")

    assert {ti.state for ti in ran.values()} == {"success"}
    assert portal.fires == {}
    assert portal.portal.find("DEAL_58").extra.get("comments") != "Spring discount"

    run("bitrix24_example_recipe_preview", preview=False)

    assert portal.fires == {"DEAL_58": 1}
    assert portal.portal.stage_of("DEAL_58") == "PREPARATION"


def test_the_dag_that_waits_for_events_is_there_on_airflow_3_only(dags):
    assert ("bitrix24_example_event" in dags) == (Version(airflow.__version__) >= Version("3"))


def test_an_application_fires_for_a_thousand_deals_and_a_rare_dag_keeps_its_tokens(run, portal, application):
    for number in range(101, 1101):
        portal.portal.add_deal(id=number)

    ran = run("bitrix24_example_application")

    report = ran["invoice_paid"].xcom_pull(task_ids="invoice_paid")
    assert (report["moved"], report["failed"]) == (1000, 0)
    assert set(portal.fires.values()) == {1}
    assert run("bitrix24_example_keep_tokens")["keep_alive"].xcom_pull(task_ids="keep_alive") is False
    portal.clock.advance(21 * 86400)
    assert run("bitrix24_example_keep_tokens")["keep_alive"].xcom_pull(task_ids="keep_alive") is True
