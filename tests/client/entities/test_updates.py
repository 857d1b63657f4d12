"""Updates as people and queries write them: both forms, what is refused, and which of them move entities."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from airflow_provider_bitrix24.client.entities.fields import Field, FieldList
from airflow_provider_bitrix24.client.entities.updates import (
    Update,
    check_updates,
    digest,
    parse_updates,
    with_letters,
)
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import ConfigurationError

DEAL_57 = EntityRef(2, 57)
FIELDS = FieldList(
    "DEAL",
    [
        Field("id", "ID", "integer", is_read_only=True),
        Field("opportunity", "OPPORTUNITY", "double", is_read_only=False),
        Field("stageId", "STAGE_ID", "crm_status", is_read_only=False),
        Field("createdTime", "CREATED_TIME", "datetime", is_read_only=True),
        Field("ufCrm_1", "UF_CRM_1", "string", is_read_only=False),
        Field("ufCrm_paid", "UF_CRM_PAID", "boolean", is_read_only=False),
    ],
)


class Row(NamedTuple):
    """A row of a database that names its columns."""

    id: Any
    opportunity: Any


@pytest.mark.parametrize(
    ("updates", "entity_type"),
    [
        ([{"target": "DEAL_57", "fields": {"opportunity": 1200}}], None),
        ({"target": "deal_57", "fields": {"opportunity": 1200}}, None),
        ([{"id": 57, "fields": {"opportunity": 1200}}], "DEAL"),
        ([{"id": 57, "opportunity": 1200}], "DEAL"),
        ([{"ID": "57", "opportunity": 1200}], "deal"),
        ([{"target": 57, "opportunity": 1200}], "DEAL"),
        ([{"id": "DEAL_57", "opportunity": 1200}], "LEAD"),
        ([Row(57, 1200)], "DEAL"),
        (iter([{"id": 57, "opportunity": 1200}]), "DEAL"),
        (pd.DataFrame({"id": [57], "opportunity": [1200]}), "DEAL"),
        (pd.DataFrame({"id": [57], "opportunity": [1200]}).to_dict("records"), "DEAL"),
        ([{"id": 57, "opportunity": 1200}, {"id": "57", "opportunity": 1200}], "DEAL"),
        ([Update(DEAL_57, {"opportunity": 1200})], None),
    ],
)
def test_one_update_in_every_form(updates, entity_type):
    assert parse_updates(updates, entity_type) == [Update(DEAL_57, {"opportunity": 1200})]


def test_values_of_a_query_become_plain():
    [update] = parse_updates(
        [{"id": 57, "opportunity": Decimal("12.50"), "closedate": date(2026, 1, 2), "comments": None, "tags": ("a",)}],
        "DEAL",
    )

    assert update.fields == {"opportunity": "12.50", "closedate": "2026-01-02", "comments": None, "tags": ["a"]}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (np.datetime64("2026-03-29T02:30:00.000000000"), "2026-03-29T02:30:00"),
        (pd.Series(pd.to_datetime(["2026-03-29T02:30:00"])).to_numpy()[0], "2026-03-29T02:30:00"),
        (np.datetime64("2026-03-29"), "2026-03-29"),
        (pd.Timestamp("2026-03-29T02:30:00+02:00"), "2026-03-29T02:30:00+02:00"),
    ],
)
def test_dates_of_data_frames_are_written_as_dates(moment, text):
    [update] = parse_updates([{"id": 57, "closedate": moment}], "DEAL")

    assert update.fields == {"closedate": text}


def test_truth_values_become_letters_unless_the_field_is_known_not_to_be_a_yes_or_no():
    fields = {"UF_CRM_PAID": True, "ufCrm_1": True, "opportunity": 1, "title": "x"}
    [known] = with_letters([Update(DEAL_57, fields)], {2: FIELDS})
    [unknown] = with_letters([Update(DEAL_57, fields)], {})

    assert known.fields == {"UF_CRM_PAID": "Y", "ufCrm_1": True, "opportunity": 1, "title": "x"}
    assert unknown.fields == {"UF_CRM_PAID": "Y", "ufCrm_1": "Y", "opportunity": 1, "title": "x"}


@pytest.mark.parametrize(
    ("value", "letter"),
    [(False, "N"), (0, "N"), (1, "Y"), ("1", "Y"), ("0", "N"), ("True", "Y"), ("false", "N"), ("Y", "Y"), (None, None)],
)
def test_what_databases_hold_for_yes_and_no_is_written_as_the_portal_reads_it(value, letter):
    assert with_letters([Update(DEAL_57, {"ufCrm_paid": value})], {2: FIELDS})[0].fields == {"ufCrm_paid": letter}


def test_nothing_to_do():
    assert parse_updates([]) == []


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((57, 1200), "updates[1] is (57, 1200): it is not a dict."),
        ("DEAL_57", "it is not a dict."),
        ({"id": 57}, "it has no fields."),
        ({"id": 57, "fields": {}}, "it has no fields."),
        ({"opportunity": 5}, "none of its columns is named id."),
        ({"id": 57, "ID": 57, "opportunity": 5}, "several of its columns are named id."),
        ({"id": None, "opportunity": 5}, "is missing"),
        ({"id": True, "opportunity": 5}, "a truth value is not an id."),
        ({"id": [57, 58], "opportunity": [5, 6]}, "a list is not an id."),
        ({"id": 57, "opportunity": float("nan")}, "opportunity: nan is not a number."),
        ({"id": 57, "opportunity": pd.NA}, "opportunity: a value is missing (NA)."),
        ({"id": 57, "title": b"x"}, "title: bytes cannot be sent."),
        ({"id": 57, "closedate": np.datetime64("NaT", "ns")}, "closedate: a date is missing (NaT)."),
        ({"id": 57, "closedate": np.datetime64("99999-01-01")}, "closedate: a date is out of range."),
        ({"id": 57, "closedate": np.timedelta64(5, "ns")}, "closedate: timedelta cannot be sent."),
        ({"id": 57, 5: "x"}, "5 is not the name of a field."),
        ({"target": "DEAL_57", "who": 5, "fields": {"title": "x"}}, "besides fields, it holds only a target."),
        ({"target": "D_57", "fields": {"title": "x"}}, "write DEAL_57"),
        ({"id": 1, "opportunity": 6}, "DEAL_1 has another update that differs."),
    ],
    ids=repr,
)
def test_a_malformed_row_is_named_by_its_number(row, says):
    with pytest.raises(ConfigurationError) as raised:
        parse_updates([{"id": 1, "opportunity": 5}, row], "DEAL")

    assert "nothing was sent" in raised.value.message
    assert "updates[1]" in raised.value.message
    assert says in raised.value.message


@pytest.mark.parametrize("updates", [None, "[{'id': 57}]", b"x", 57])
def test_what_holds_no_updates_is_refused(updates):
    with pytest.raises(ConfigurationError, match="updates is"):
        parse_updates(updates, "DEAL")


def test_lists_of_mapped_tasks_are_taken_as_one_list():
    updates = parse_updates([[{"id": 57, "opportunity": 5}], [], [{"id": 58, "opportunity": 6}]], "DEAL")

    assert [str(each.ref) for each in updates] == ["DEAL_57", "DEAL_58"]
    with pytest.raises(ConfigurationError, match=r"updates\[1\]\[0\] is .*: it has no fields"):
        parse_updates([[{"id": 57, "opportunity": 5}], [{"id": 58}]], "DEAL")


def test_a_bare_id_needs_a_type():
    with pytest.raises(ConfigurationError, match="Bare ids need an entity_type"):
        parse_updates([{"id": 57, "opportunity": 5}])


@pytest.mark.parametrize(
    ("name", "moves"), [("stageId", True), ("STAGE_ID", True), ("categoryId", True), ("title", False)]
)
def test_a_stage_or_a_pipeline_moves_an_entity(name, moves):
    assert Update(DEAL_57, {name: "x"}).moves is moves


@pytest.mark.parametrize(
    ("value", "batchable"),
    [("x", True), (5, True), (None, False), ([], False), ("costs $result[a]", False), ("costs $5", True)],
)
def test_what_a_batch_cannot_carry_goes_alone(value, batchable):
    assert Update(DEAL_57, {"title": value}).batchable is batchable


def test_fields_that_do_not_exist_or_cannot_be_changed_are_refused_together():
    updates = parse_updates([{"id": 57, "OPPORTUNITY": 5, "createdTime": "x"}, {"id": 58, "zzz": 1}], "DEAL")

    with pytest.raises(ConfigurationError) as raised:
        check_updates(updates, {2: FIELDS})

    assert "'OPPORTUNITY' is not a field of DEAL. Did you mean 'opportunity'?" in raised.value.message
    assert "'zzz' is not a field of DEAL." in raised.value.message
    assert "'createdTime' of DEAL cannot be changed." in raised.value.message
    assert "nothing was sent" in raised.value.hint


def test_known_fields_and_types_that_nobody_knows_pass():
    check_updates(parse_updates([{"id": 57, "opportunity": 5, "UF_CRM_1": "x"}], "DEAL"), {2: FIELDS})
    check_updates(parse_updates([{"id": 57, "zzz": 5}], "LEAD"), {2: FIELDS})


def test_a_digest_tells_updates_apart():
    one = parse_updates([{"id": 57, "opportunity": 5}], "DEAL")

    assert digest(one) == digest(parse_updates([{"id": "57", "opportunity": 5}], "DEAL"))
    assert digest(one) != digest(parse_updates([{"id": 57, "opportunity": 6}], "DEAL"))
