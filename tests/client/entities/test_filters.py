"""Filters of a search: what is refused before anything is read, and how the caller's bounds of the id are merged."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pytest

from airflow_provider_bitrix24.client.entities.fields import Field, FieldList
from airflow_provider_bitrix24.client.entities.filters import Filter, check_fields, parse_filter
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.protocol.php_query import php_query

FIELDS = FieldList(
    "DEAL",
    [
        Field("id", "ID", "integer", is_read_only=True),
        Field("stageId", "STAGE_ID", "crm_status", is_read_only=False),
        Field("opportunity", "OPPORTUNITY", "double", is_read_only=False),
        Field("opened", "OPENED", "boolean", is_read_only=False),
        Field("ufCrm_1721244707", "UF_CRM_1721244707", "string", is_read_only=False),
        Field("ufCrm_paid", "UF_CRM_PAID", "boolean", is_read_only=False),
    ],
)
WITHOUT_USER_FIELDS = FieldList("DEAL", [Field("stageId", "STAGE_ID", "crm_status", is_read_only=False)])


def names(value):
    return list(parse_filter(value).names)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({}, "filter is empty"),
        ({"logic": "OR"}, "filter is empty"),
        ({"0": {"logic": "OR"}}, "filter is empty"),
        ("{}", "filter is empty"),
        (None, "filter is of type NoneType"),
        (["stageId"], "filter is of type list"),
        ("", "filter is a text"),
        ("everything", "filter is a text"),
        ("[" * 100_000, "filter is a text"),
        ("{'stageId': 'NEW'}", "filter is a text"),
        ("[1]", "filter is of type list"),
        ({"stageId": None}, "'stageId' is None"),
        ({"@stageId": []}, "'@stageId' is []"),
        ({"@stageId": ["NEW", None]}, "'@stageId' is ['NEW', None]"),
        ({"stageId": "NEW", "0": {}}, "a group of conditions is empty"),
        ({"stageId": "NEW", "0": "WON"}, "a group of conditions is not a dict"),
        ({"stageId": "NEW", "0": {"logic": "XOR", "0": {"id": 1}}}, "logic is 'XOR'"),
        ({"0": {"0": {"stageId": None}}}, "'stageId' is None"),
        ({"title": "$result[c0][items]"}, "a text that Bitrix24 replaces"),
        ({"opportunity": float("nan")}, "nan is not a number"),
        ({">createdTime": pd.NaT}, "a date is missing"),
        ({">opportunity": pd.NA}, "a value is missing"),
        ({"title": b"x"}, "bytes cannot be sent"),
        ({">id": "x"}, "'>id' is 'x'"),
        ({">id": True}, "'>id' is True"),
        ({"id": "DEAL_57"}, "'id' is 'DEAL_57'"),
        ({"@id": [57, "DEAL_58"]}, "'@id' is [57, 'DEAL_58']"),
        ({"stageId": "NEW", "0": {"!id": 57.5}}, "'!id' is 57.5"),
        ({"id": True}, "'id' is True"),
    ],
    ids=repr,
)
def test_a_filter_that_could_select_everything_by_mistake_is_refused(value, says):
    with pytest.raises(ConfigurationError) as raised:
        parse_filter(value)

    assert says in raised.value.message
    assert raised.value.hint


def test_everything_has_to_be_asked_for_by_name():
    assert parse_filter("all") == parse_filter(" ALL ") == Filter()


def test_json_of_a_template_is_a_filter():
    assert parse_filter('{"stageId": "NEW"}').conditions == {"stageId": "NEW"}


def test_values_of_a_query_are_written_as_a_portal_reads_them():
    written = parse_filter(
        {
            ">=createdTime": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            "<closedate": date(2026, 2, 1),
            ">opportunity": Decimal("1200.50"),
            "@assignedById": (1, pd.Series([2])[0]),
            "@stageId": {"NEW"},
        }
    ).conditions

    assert written == {
        ">=createdTime": "2026-01-02T03:04:05+00:00",
        "<closedate": "2026-02-01",
        ">opportunity": "1200.50",
        "@assignedById": [1, 2],
        "@stageId": ["NEW"],
    }


@pytest.mark.parametrize(
    ("value", "after", "until"),
    [
        ({">id": 5}, 5, None),
        ({">=id": "5"}, 4, None),
        ({">id": 5, ">=id": 10}, 9, None),
        ({"<id": 100}, 0, 99),
        ({"<=id": 100, "<id": 100}, 0, 99),
        ({">id": 5, "<=id": 9, "stageId": "NEW"}, 5, 9),
    ],
)
def test_own_bounds_of_the_id_become_bounds_of_the_search(value, after, until):
    parsed = parse_filter(value)

    assert (parsed.after, parsed.until) == (after, until)
    assert set(parsed.conditions) <= {"stageId"}
    assert parsed.between(after, until)[">id"] == after


def test_other_conditions_on_the_id_stay():
    assert parse_filter({"@id": [1, 2], "!id": 3}).conditions == {"@id": [1, 2], "!id": 3}


def test_names_are_found_in_groups_of_any_depth():
    assert names({"0": {"logic": "OR", "0": {"stageId": "NEW"}, "1": {"0": {">=opportunity": 5}}}, "!%title": "x"}) == [
        "stageId",
        "opportunity",
        "title",
    ]
    assert names({0: [{"stageId": "NEW"}, {"opened": "Y"}]}) == ["stageId", "opened"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("STAGE_ID", "stageId"),
        ("stage_id", "stageId"),
        ("stageid", "stageId"),
        ("stagId", "stageId"),
        ("ID", "id"),
        (">=OPPORTUNITY", "opportunity"),
        ("ufCrm_1721244708", "ufCrm_1721244707"),
        ("UF_CRM_1721244708", "ufCrm_1721244707"),
    ],
)
def test_an_unknown_field_is_refused_with_the_one_that_may_be_meant(name, meant):
    with pytest.raises(ConfigurationError) as raised:
        check_fields(parse_filter({"stageId": "NEW", "0": {"0": {name: 1}}}), FIELDS)

    assert "is not a field of DEAL" in raised.value.message
    assert f"Did you mean {meant!r}?" in raised.value.message
    assert "nothing was read" in raised.value.hint


@pytest.mark.parametrize(
    ("former", "name"), [("STATUS_ID", "stageId"), ("amount", "opportunity"), ("OPPORTUNITY", "opportunity")]
)
def test_the_name_of_a_field_elsewhere_leads_to_its_name_here(former, name):
    assert FIELDS.nearest(former) == name


def test_ids_are_taken_in_every_form_that_queries_give():
    given = {"@id": ["57", 58, 59.0, " 60 "], "!id": 61}

    assert parse_filter(given).conditions == given


def test_all_unknown_fields_are_named():
    with pytest.raises(ConfigurationError) as raised:
        check_fields(parse_filter({"STAGE_ID": 1, "zzz": 2, "": 3}), FIELDS)

    assert "'STAGE_ID'" in raised.value.message
    assert "'zzz' is not a field of DEAL." in raised.value.message
    assert "''" in raised.value.message


def test_a_webhook_in_place_of_a_name_or_a_value_is_not_repeated():
    url = "https://example.bitrix24.com/rest/1/s3cr3t/"
    for value in ({url: 1}, {">id": url}, {"logic": url, "id": 1}, {url: None}):
        with pytest.raises(ConfigurationError) as raised:
            check_fields(parse_filter(value), FIELDS)
        assert "s3cr3t" not in str(raised.value)


@pytest.mark.parametrize("name", ["ufCrm_1721244707", "UF_CRM_1721244707", "ufCrm1721244707", "=%ufCrm_1721244707"])
def test_either_spelling_of_a_user_field_is_let_through(name):
    assert check_fields(parse_filter({name: "x"}), FIELDS).conditions == {name: "x"}


def test_a_list_without_user_fields_cannot_tell_which_there_are():
    assert check_fields(parse_filter({"UF_CRM_1": "x"}), WITHOUT_USER_FIELDS).conditions == {"UF_CRM_1": "x"}


def test_truth_values_become_the_letters_that_flags_hold():
    given = {"opened": True, "@opened": [True, False], "0": {"0": {"!opened": False}}, "stageId": True}

    assert check_fields(parse_filter(given), FIELDS).conditions == {
        "opened": "Y",
        "@opened": ["Y", "N"],
        "0": {"0": {"!opened": "N"}},
        "stageId": True,
    }


@pytest.mark.parametrize("name", ["ufCrm_paid", "!ufCrm_paid", "UF_CRM_PAID"])
def test_truth_values_of_user_fields_stay_numbers_since_a_database_would_read_their_letter_as_0(name):
    conditions = check_fields(parse_filter({name: True}), FIELDS).conditions

    assert conditions == {name: True}
    assert php_query({"filter": conditions}).endswith("=1")


def test_the_bounds_of_the_id_stand_beside_an_or_of_the_caller_not_in_it():
    either = {"logic": "or", "stageId": "WON", ">id": 1000}

    assert parse_filter(either).between(5, 9) == {"0": either, ">id": 5, "<=id": 9}
    assert parse_filter({"LOGIC": "AND", "stageId": "WON", ">id": 1000}) == Filter({"stageId": "WON"}, after=1000)
