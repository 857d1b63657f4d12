"""What both clients offer beside firing, against a real portal over real sockets."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client import Bitrix24Client
from airflow_provider_bitrix24.client.errors import (
    ConfigurationError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
)
from airflow_provider_bitrix24.client.stages import Stage


def test_clients_are_context_managers_that_close_their_connections(bench):
    bench.deals(1)
    assert bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 1})["item"]["id"] == 1


def test_a_call_gives_the_bare_result_and_raises_what_the_portal_answers(run_with_both_clients):
    def scenario(bench):
        bench.deals(1)
        bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 1})
        bench.do("call", "scope")
        bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 9})
        bench.do("call", "crm.automation.trigger")
        bench.do("execute_trigger", "DEAL_1", "c")
        bench.do("execute_trigger", "D_1", "c")
        bench.do("call", "scope", {"x": {1, 2}})

    item, scope, *errors = run_with_both_clients(scenario).outcomes
    assert item["item"]["stageId"] == "NEW"
    assert "crm" in scope
    expected = [NotFoundError, InvalidRequestError, *[ConfigurationError] * 3]
    assert [type(error) for error in errors] == expected


def test_a_batch_of_any_size_keeps_the_callers_keys(run_with_both_clients):
    def scenario(bench):
        bench.deals(120)
        commands = {f"deal {n}": ("crm.item.get", {"entityTypeId": 2, "id": n}) for n in range(1, 122)}
        bench.do("batch", commands)
        bench.do("batch", {})
        bench.do("batch", {0: ("scope", None), 1: ("no.such.method", None)})

    whole, empty, numbered = run_with_both_clients(scenario).outcomes
    assert list(whole.results) == [f"deal {n}" for n in range(1, 121)]
    assert isinstance(whole.errors["deal 121"], NotFoundError)
    assert (empty.results, empty.errors) == ({}, {})
    assert list(numbered.results) == [0]
    assert list(numbered.errors) == [1]


def test_lists_are_read_to_their_end_with_or_without_a_count(run_with_both_clients):
    def scenario(bench):
        bench.deals(120)
        bench.do("list", "crm.item.list", {"entityTypeId": 2, "select": ["id"]})
        bench.do("list", "crm.item.list", {"entityTypeId": 2, "order": {"id": "DESC"}})
        bench.do("list", "crm.status.list", {"filter": {"ENTITY_ID": "STATUS"}})
        bench.do("list", "crm.item.list", {"entityTypeId": 2, "filter": {"stageId": "WON"}})
        bench.do("list", "crm.item.get", {"entityTypeId": 2, "id": 1})

    bench = run_with_both_clients(scenario)
    by_id, counted, dictionary, nothing, error = bench.outcomes
    assert [row["id"] for row in by_id] == list(range(1, 121))
    assert [row["id"] for row in counted] == list(range(120, 0, -1))
    assert dictionary[0]["STATUS_ID"] == "NEW"
    assert nothing == []
    assert isinstance(error, ProtocolError)
    after = [request.params.get("filter", {}).get(">id") for request in bench.server.requests]
    assert after == [None, 50, 100, *[None] * 6]


def test_a_list_is_read_page_by_page_as_it_is_used(bench):
    bench.deals(120)
    if bench.kind == "sync":
        portal, options = bench.client_parts()
        with Bitrix24Client(portal, **options) as made:
            rows = made.list("crm.item.list", {"entityTypeId": 2})
            assert len(bench.server.requests) == 0
            next(rows)
            assert len(bench.server.requests) == 1


def test_stages_are_reported_by_canonical_target(run_with_both_clients):
    def scenario(bench):
        bench.deals(2)
        bench.portal.add_item(7, 3, stage="SENT")
        bench.do("get_stages", ["deal_1", "DYNAMIC_2_2", "DEAL_9", "QUOTE_3"])
        bench.do("get_stages", ["DEAL_1", "CONTACT_7", "ORDER_8"])
        bench.do("get_stages", "DYNAMIC_9999_1")
        bench.do("get_stages", [])
        bench.do("get_stages", None)

    stages, unreadable, unsupported, nothing, error = run_with_both_clients(scenario).outcomes
    result = {target: info.stage for target, info in stages.items()}
    assert result == {"DEAL_1": "NEW", "DEAL_2": "NEW", "QUOTE_3": "SENT"}
    assert isinstance(unreadable, ConfigurationError)
    assert "CONTACT_7, ORDER_8" in str(unreadable)
    assert isinstance(unsupported, NotFoundError | InvalidRequestError)
    assert nothing == {}
    assert isinstance(error, ConfigurationError)


@pytest.mark.parametrize(
    ("type_id", "category", "first", "last"),
    [
        (1, None, "NEW", "F"),
        (2, 0, "NEW", "F"),
        (2, None, "NEW", "F"),
        (2, 5, "C5:NEW", "F"),
        (7, None, "DRAFT", "F"),
        (31, 2, "DT31_2:N", "F"),
        (177, 12, "DT177_12:NEW", "F"),
    ],
)
def test_the_stages_of_each_pipeline_come_in_their_order(run_with_both_clients, type_id, category, first, last):
    def scenario(bench):
        bench.do("pipeline_stages", type_id, category)

    [stages] = run_with_both_clients(scenario).outcomes
    assert (stages[0].id, stages[0].semantics, stages[-1].semantics) == (first, None, last)
    assert all(isinstance(stage, Stage) and stage.name for stage in stages)
