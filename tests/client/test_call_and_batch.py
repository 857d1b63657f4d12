"""The same parameters mean the same in ``call`` and in ``batch``: each is tried on two portals that are alike."""

from __future__ import annotations

import json
from enum import Enum, StrEnum

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, NotFoundError
from airflow_provider_bitrix24.client.protocol.php_query import NotWritableError


class Name(str, Enum):  # noqa: UP042 - a common form, which formats as Name.TITLE
    TITLE = "title"
    EXEC = "exec"


class Method(StrEnum):
    UPDATE = "crm.item.update"


def update(fields):
    return Method.UPDATE, {"entityTypeId": 2, "id": 1, "fields": fields}


@pytest.fixture
def outcomes(benches):
    """What a call and a batch answer, and where they leave the deal, each on a portal of its own."""

    def both(method, params):
        found = []
        for way in ("call", "batch"):
            with benches("sync") as bench:
                bench.deals(3)
                bench.portal.items[2].get(1).extra.update({"comments": "old", "observers": [5], "ufCrm_x": ["a"]})
                arguments = (method, params) if way == "call" else ({"only": (method, params)},)
                answer = bench.do(way, *arguments)
                if way == "batch":
                    answer = answer.results.get("only", answer.errors.get("only"))
                left = bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 1})["item"]
                found.append((json.dumps(answer, default=lambda error: f"{type(error).__name__} {error.code}"), left))
        return found

    return both


@pytest.mark.parametrize(
    ("method", "params"),
    [
        update({"title": None}),
        update({"comments": None, "title": "x"}),
        update({"observers": []}),
        update({"ufCrm_x": [1, None, {"a": []}]}),
        update({"ufCrm_x": {}}),
        update({"categoryId": None}),
        update({"title": ""}),
        update({"isManualOpportunity": True, "opened": False, "title": True}),
        update({"title": "see $result[c0][item][title] and $next[x]"}),
        update({"opportunity": 12.0, "title": 7.0}),
        update({Name.TITLE: Name.EXEC}),
        update({"title": "1,5 & 3 = #+%26 [x]"}),
        ("crm.item.list", {"entityTypeId": 2, "filter": {"@id": []}}),
        ("crm.item.list", {"entityTypeId": 2, "filter": {"title": None}}),
        ("crm.item.list", {"entityTypeId": 2, "filter": {"@id": list(range(3, 2000))}}),
        ("crm.item.list", {"entityTypeId": 2, "select": [], "order": {}, "filter": None}),
        ("crm.item.list", {"entityTypeId": 2, "order": {}, "filter": {}}),
        ("crm.deal.list", {"order": [], "filter": [], "SELECT": []}),
        ("crm.item.update", {"entityTypeId": 2, "id": 1, "fields": []}),
        ("crm.item.get", {"entityTypeId": 2, "id": None}),
        ("crm.item.get", {"entityTypeId": 2.0, "id": "1"}),
    ],
)
def test_a_call_and_a_batch_do_the_same(outcomes, method, params):
    called, batched = outcomes(method, params)
    assert batched == called


def test_a_reference_to_the_callers_own_key_is_followed(bench):
    bench.deals(3)
    bench.portal.items[2].get(1).title = "Pipes"
    commands = {
        "first deal": ("crm.item.get", {"entityTypeId": 2, "id": 1}),
        "c0": (Method.UPDATE, {"entityTypeId": 2, "id": 2, "fields": {"title": "$result[first deal][item][title]"}}),
        "upd": (Method.UPDATE, {"entityTypeId": 2, "id": 3, "fields": {"title": "from $result[c0][item][id] on"}}),
    }
    bench.do("batch", commands).raise_for_errors()
    assert [bench.portal.items[2].get(number).title for number in (2, 3)] == ["Pipes", "from 2 on"]
    assert [request.method for request in bench.server.requests] == ["batch"]


def test_a_persons_text_that_looks_like_a_reference_arrives_as_it_is(bench):
    bench.deals(2)
    text = "see $result[c0][item][title] here"
    commands = {
        "a": ("crm.item.get", {"entityTypeId": 2, "id": 1}),
        "b": ("crm.item.update", {"entityTypeId": 2, "id": 2, "fields": {"title": text}}),
    }
    bench.do("batch", commands).raise_for_errors()
    assert bench.portal.items[2].get(2).title == text


def test_a_reference_to_what_does_not_exist_changes_nothing(bench):
    bench.deals(2)
    before = bench.portal.items[2].get(2).title
    commands = {
        "a": ("crm.item.get", {"entityTypeId": 2, "id": 99}),
        "b": ("crm.item.update", {"entityTypeId": 2, "id": 2, "fields": {"title": "$result[a][item][title]"}}),
    }
    reply = bench.do("batch", commands)
    assert isinstance(reply.errors["a"], NotFoundError)
    assert reply.errors["b"].executed == "no"
    assert bench.portal.items[2].get(2).title == before


@pytest.mark.parametrize("text", ["$result[typo][item][id]", "$result[c0]"])
def test_a_value_that_is_a_reference_to_an_unknown_key_is_refused(bench, text):
    refused = bench.do("batch", {"a": ("crm.item.get", {"entityTypeId": 2, "id": text})})
    assert isinstance(refused, ConfigurationError)
    assert not isinstance(refused, NotWritableError)
    assert len(bench.server.requests) == 0


@pytest.mark.parametrize("upper", [False, True])
def test_all_pages_of_a_list_keep_the_callers_filter_order_and_selection_in_any_case(bench, upper):
    for number in range(1, 301):
        bench.portal.add_deal(number, stage="PREPARATION" if number % 2 else "NEW")
    spelled = str.upper if upper else str.lower
    found = bench.do("list", "crm.deal.list", {spelled("filter"): {"STAGE_ID": "NEW"}, spelled("select"): ["ID"]})
    assert [row["ID"] for row in found] == [str(number) for number in range(2, 301, 2)]
    found = bench.do("list", "crm.item.list", {"entityTypeId": 2, spelled("order"): {"id": "DESC"}})
    assert [row["id"] for row in found] == list(range(300, 0, -1))
    found = bench.do("list", "crm.item.list", {"entityTypeId": 2, spelled("start"): 250})
    assert [row["id"] for row in found] == list(range(251, 301))


def test_keys_of_any_kind_come_back_and_can_be_referred_to(bench):
    bench.deals(3)
    commands = {
        1: ("crm.item.get", {"entityTypeId": 2, "id": 1}),
        Name.EXEC: ("crm.item.get", {"entityTypeId": 2, "id": "$result[1][item][id]"}),
        ("a", 2): ("crm.item.get", {"entityTypeId": 2, "id": "$result[exec][item][id]"}),
        "": ("crm.item.get", {"entityTypeId": 2, "id": 3}),
    }
    reply = bench.do("batch", commands)
    assert {key: value["item"]["id"] for key, value in reply.results.items()} == {
        1: 1,
        Name.EXEC: 1,
        ("a", 2): 1,
        "": 3,
    }
