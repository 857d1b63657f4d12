"""The operators around the trigger, run by Airflow's own task runner against a portal on a real socket."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator

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
    assert "More than 2 entities of the type DEAL match the filter; none are returned." in str(ran.error)
    assert "return_value" not in ran.xcoms


def test_the_lowest_ids_are_returned_where_that_is_asked_for(portal, find, caplog):
    ran = find(filter="all", limit=2, on_excess="truncate")

    assert len(ran.xcoms["return_value"]) == 2
    assert "More than 2 entities match the filter" in caplog.text


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
