"""The operators around the trigger, run by Airflow's own task runner against a portal on a real socket."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator, UpdateEntitiesOperator

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow.models.dag import DAG  # noqa: TID251 - 2.11

RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


@pytest.fixture
def find(run_task):
    """Run a FindEntitiesOperator with these arguments."""

    def run(**arguments):
        return run_task(lambda: FindEntitiesOperator(**{"task_id": "find", "entity_type": "DEAL"} | arguments))

    return run


# -- finding


def test_the_targets_of_what_matches_are_the_output(portal, find):
    ran = find(filter={"@id": [58, 57], "stageId": "NEW"})

    assert ran.state == "success", repr(ran.error)
    assert ran.xcoms["return_value"] == ["DEAL_57", "DEAL_58"]
    assert "Found 2 entities of the type DEAL." in ran.said("info")


def test_what_it_looks_for_is_templated(portal, find):
    ran = find(
        entity_type="{{ params.type }}",
        filter={"@id": ["{{ params.deal }}"], "stageId": "{{ 'new' | upper }}"},
        limit="{{ params.limit }}",
        bitrix24_conn_id="{{ 'bitrix24' }}_default",
        params={"type": "deal", "deal": "57", "limit": 5},
    )

    assert ran.xcoms["return_value"] == ["DEAL_57"]


def test_one_too_many_fails_the_task_at_once(portal, find):
    ran = find(filter="all", limit=2, **RETRIES)

    assert ran.state == "failed"
    assert "The filter matches more than 2 entities of the type DEAL; none are returned." in str(ran.error)
    assert "return_value" not in ran.xcoms


def test_the_lowest_ids_are_returned_where_that_is_asked_for(portal, find, caplog):
    ran = find(filter="all", limit=2, on_excess="truncate")

    assert len(ran.xcoms["return_value"]) == 2
    assert "The filter matches more than 2 entities" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"filter": {}}, "filter is empty"),
        ({"filter": None}, "filter is of type NoneType"),
        ({"filter": {"stageId": None}}, "'stageId' is None"),
        ({"filter": {"STAGE_ID": "NEW"}}, "Did you mean 'stageId'?"),
        ({"filter": "all", "limit": "none"}, "limit is 'none'"),
        ({"filter": "all", "entity_type": ""}, "entity_type is ''"),
    ],
)
def test_what_could_select_everything_fails_the_task_at_once(portal, find, arguments, says):
    ran = find(**arguments, **RETRIES)

    assert ran.state == "failed"
    assert says in str(ran.error)
    assert not any("crm.item.list" in str(each.params) for each in portal.requests)


def test_a_portal_that_fails_is_retried(portal, find):
    portal.faults.script(["empty:500"], repeat=True)

    assert find(filter="all", **RETRIES).state == "up_for_retry"


def test_another_choice_of_what_to_do_with_too_many_is_refused_in_the_dag_file():
    with pytest.raises(ConfigurationError, match="on_excess is 'ignore'"):
        FindEntitiesOperator(task_id="find", entity_type="DEAL", filter="all", on_excess="ignore")


# -- updating


AMOUNTS = [{"id": 57, "opportunity": 1200}, {"id": 58, "opportunity": 1300}]


def test_amounts_are_written_and_the_targets_are_the_output(portal, update):
    ran = update(updates=AMOUNTS)

    assert ran.state == "success", repr(ran.error)
    assert ran.xcoms["return_value"] == ["DEAL_57", "DEAL_58"]
    assert ran.xcoms["report"]["updated"] == 2
    assert portal.portal.find("DEAL_58").opportunity == 1300
    assert ran.xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/57/"
    assert "DEAL_57  updated" in ran.said("info")
    assert "Of 2: 2 updated, 0 unchanged, 0 failed." in ran.said("info")


def test_a_data_frame_of_an_upstream_task_is_written(portal, update):
    ran = update(updates=pd.DataFrame({"ID": [57, 58], "opportunity": [1200.5, 900]}))

    assert ran.state == "success", repr(ran.error)
    assert [portal.portal.find(each).opportunity for each in ("DEAL_57", "DEAL_58")] == [1200.5, 900]


def test_what_it_writes_is_templated(portal, update):
    ran = update(
        updates=[{"id": "{{ params.deal }}", "title": "Offer of {{ params.day }}"}],
        entity_type="{{ params.type }}",
        params={"deal": 57, "day": "Monday", "type": "deal"},
    )

    assert ran.state == "success", repr(ran.error)
    assert portal.portal.find("DEAL_57").title == "Offer of Monday"


def test_an_update_that_fails_fails_the_task_and_the_report_is_kept(portal, update):
    ran = update(updates=[*AMOUNTS, {"id": 999, "opportunity": 5}], **RETRIES)

    assert ran.state == "failed"
    assert "1 of 3 updates failed: DEAL_999: It does not exist" in str(ran.error)
    assert ran.xcoms["report"]["updated"] == 2
    assert "return_value" not in ran.xcoms
    assert "DEAL_999  failed: It does not exist" in ran.said("warning")


def test_an_update_that_fails_can_be_a_warning(portal, update):
    ran = update(updates=[*AMOUNTS, {"id": 999, "opportunity": 5}], on_failed="warn")

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == ["DEAL_57", "DEAL_58"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"updates": [{"id": 57, "OPPORTUNITY": 5}]}, "Did you mean 'opportunity'?"),
        ({"updates": [{"id": 57, "createdTime": "2026-01-01"}]}, "'createdTime' of DEAL cannot be changed."),
        ({"updates": [(57, 5)]}, "updates[0] is (57, 5)"),
        ({"updates": None}, "updates is None"),
        ({"updates": "{{ [] }}"}, "updates is a text"),
        ({"updates": AMOUNTS, "entity_type": "{{ '' }}"}, "entity_type is ''"),
        ({"updates": AMOUNTS, "preview": "{{ 'perhaps' }}"}, "preview is 'perhaps'"),
    ],
)
def test_wrong_arguments_fail_the_task_before_anything_changes(portal, update, arguments, says):
    ran = update(**arguments, **RETRIES)

    assert ran.state == "failed"
    assert says in str(ran.error)
    assert portal.portal.find("DEAL_57").opportunity != 5


@pytest.mark.parametrize("preview", [False, True])
def test_nothing_to_update_succeeds_and_says_so(portal, update, preview):
    ran = update(updates=[], preview=preview)

    assert ran.xcoms["return_value"] == []
    assert portal.requests.total == 0
    said = str(ran.log)
    assert "updates is an empty list; nothing is sent." in said
    assert "0 entities" not in said
    assert "TARGET" not in said


def test_a_preview_changes_nothing_and_its_output_can_be_previewed_in_turn(portal, update):
    ran = update(updates=AMOUNTS, preview="{{ params.preview }}", params={"preview": "true"})

    assert ran.state == "success", repr(ran.error)
    assert ran.xcoms["return_value"] == ["DEAL_57", "DEAL_58"]
    assert ran.xcoms["report"]["would_update"] == 2
    assert "DEAL_57  would_update" in ran.said("info")
    assert portal.portal.find("DEAL_57").opportunity != 1200


def test_a_stage_is_written_directly(portal, update):
    ran = update(updates=[{"id": 57, "stageId": "EXECUTING"}])

    assert ran.xcoms["return_value"] == ["DEAL_57"]
    assert portal.portal.stage_of("DEAL_57") == "EXECUTING"
    assert portal.fires == {}


def test_a_portal_that_fails_before_the_first_update_is_retried(portal, update):
    portal.faults.script(["empty:500"], repeat=True)

    assert update(updates=AMOUNTS, **RETRIES).state == "up_for_retry"


def test_another_choice_of_what_to_do_about_failures_is_refused_in_the_dag_file():
    with pytest.raises(ConfigurationError, match="on_failed is 'skip'"):
        UpdateEntitiesOperator(task_id="update", updates=[], on_failed="skip")


def test_a_mapped_task_has_the_defaults_that_airflow_gives_others():
    with DAG("mapped", schedule=None):
        mapped = TriggerAutomationOperator.partial(task_id="fire").expand(target=["DEAL_57"])
        others = UpdateEntitiesOperator.partial(task_id="update").expand(updates=[AMOUNTS])

    for each in (mapped, others):
        assert each.inlets == []
        assert each.outlets == []


def test_what_finds_updates_and_fires_is_composed_by_outputs_alone():
    with DAG("composed", schedule=None):
        found = FindEntitiesOperator(task_id="find", entity_type="DEAL", filter={"stageId": "NEW"})
        amounts = UpdateEntitiesOperator(task_id="update", updates=AMOUNTS, entity_type="DEAL")
        moved = TriggerAutomationOperator(task_id="fire", target=amounts.output, code="c5u4m")
        others = TriggerAutomationOperator(task_id="fire_others", target=found.output, code="c5u4m")

    assert moved.upstream_task_ids == {"update"}
    assert others.upstream_task_ids == {"find"}
