"""The simulator's answers have the shapes of answers that real portals gave.

fast-bitrix24 (MIT licence) keeps answers of real portals from 2022 to 2025 in its repository. Nothing of their content
is repeated here, only their shapes: which keys, of which types, a list or an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from airflow_provider_bitrix24.simulator.portal.entity_types import LEAD

if TYPE_CHECKING:
    from tests.support.portal_client import PortalClient

Schema = dict[str, Any]


def only(shapes: dict[str, Schema], *, optional: tuple[str, ...] = ()) -> Schema:
    """An object with these keys and no others."""
    needed = [name for name in shapes if name not in optional]
    return {"type": "object", "properties": shapes, "required": needed, "additionalProperties": False}


def each(shape: Schema) -> Schema:
    return {"type": "array", "items": shape, "minItems": 1}


def one_of(*shapes: Schema) -> Schema:
    return {"anyOf": list(shapes)}


INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
TEXT = {"type": "string"}
NULL = {"type": "null"}
TEXT_OR_NULL = {"type": ["string", "null"]}
DIGITS = {"type": "string", "pattern": "^[0-9]+$"}
ID = one_of(DIGITS, INTEGER)
"""Text in older versions of the portal, a number in newer ones."""
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$"}
YES_NO = {"enum": ["Y", "N"]}
SEMANTICS = {"enum": ["P", "S", "F"]}
EMPTY: Schema = {"const": []}
"""An empty list, which is also what an empty object looks like."""
ERRORS = each(only({"error": {"const": ""}, "error_description": TEXT}))
SELF_HOSTED_TIME = only(
    {
        **dict.fromkeys(("start", "finish", "duration", "processing"), NUMBER),
        **dict.fromkeys(("date_start", "date_finish"), MOMENT),
    }
)
TIME = only({**SELF_HOSTED_TIME["properties"], "operating": NUMBER, "operating_reset_at": INTEGER})
LEAD_FIELDS = {
    **dict.fromkeys(("ID", "ASSIGNED_BY_ID", "CREATED_BY_ID", "MODIFY_BY_ID", "MOVED_BY_ID"), DIGITS),
    **dict.fromkeys(("DATE_CREATE", "DATE_MODIFY", "MOVED_TIME"), MOMENT),
    **dict.fromkeys(("OPENED", "IS_RETURN_CUSTOMER", "IS_MANUAL_OPPORTUNITY"), YES_NO),
    **dict.fromkeys(("HAS_PHONE", "HAS_EMAIL", "HAS_IMOL"), YES_NO),
    **dict.fromkeys(("TITLE", "STATUS_ID", "CURRENCY_ID", "BIRTHDATE"), TEXT),
    **dict.fromkeys(("HONORIFIC", "NAME", "SECOND_NAME", "LAST_NAME", "COMPANY_TITLE", "POST"), TEXT_OR_NULL),
    **dict.fromkeys(("SOURCE_ID", "SOURCE_DESCRIPTION", "STATUS_DESCRIPTION", "COMMENTS"), TEXT_OR_NULL),
    **dict.fromkeys(("ORIGINATOR_ID", "ORIGIN_ID", "UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN"), TEXT_OR_NULL),
    **dict.fromkeys(("COMPANY_ID", "CONTACT_ID"), one_of(DIGITS, NULL)),
    "OPPORTUNITY": {"type": "string", "pattern": r"^\d+\.\d\d$"},
    "DATE_CLOSED": one_of({"const": ""}, MOMENT),
    "STATUS_SEMANTIC_ID": SEMANTICS,
}


def page(result: Schema, *, time: Schema = TIME, **more: int) -> Schema:
    """The envelope of a list: `next` and `total` stand beside the result."""
    counts = {name: {"const": value} for name, value in more.items()}
    return only({"result": result, **counts, "time": time})


def batch(
    result: Schema, *, errors: Schema = EMPTY, totals: Schema = EMPTY, times: Schema = EMPTY, time: Schema = TIME
) -> Schema:
    """The envelope of a batch."""
    maps = {"result": result, "result_error": errors, "result_total": totals, "result_next": EMPTY}
    return only({"result": only({**maps, "result_time": times}), "time": time})


def check(schema: Schema, answer: Any) -> None:
    assert [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(answer)] == []


@pytest.fixture(params=["integer", "float"])
def leads_client(client: PortalClient, request: pytest.FixtureRequest) -> PortalClient:
    """A client of a portal with 39 leads, after and before late 2025, when times lost their fractions."""
    client.portal.settings.time_format = request.param
    for _ in range(39):
        client.portal.add_item(LEAD)
    return client


def test_a_list_that_fits_on_one_page(leads_client):
    answer = leads_client.post("crm.lead.list", {"select": ["ID", "TITLE"]}).json
    check(page(each(only({"ID": DIGITS, "TITLE": TEXT})), total=39), answer)


def test_a_list_of_several_pages(leads_client):
    for _ in range(20):
        leads_client.portal.add_item(LEAD)
    answer = leads_client.post("crm.lead.list", {"select": ["ID", "TITLE"]}).json
    check(page(each(only({"ID": DIGITS, "TITLE": TEXT})), next=50, total=59), answer)


def test_a_list_of_items_of_a_self_hosted_portal(leads_client):
    leads_client.portal.set_plan("self-hosted")
    answer = leads_client.post("crm.item.list", {"entityTypeId": 2, "select": ["id", "title"]}).json
    items = only({"items": each(only({"id": INTEGER, "title": TEXT}))})
    check(page(items, total=1, time=SELF_HOSTED_TIME), answer)


def test_a_list_of_pipelines(leads_client):
    answer = leads_client.post("crm.category.list", {"entityTypeId": 2}).json
    names = {"id": INTEGER, "name": TEXT, "sort": INTEGER, "entityTypeId": {"const": 2}}
    default = only({**names, "isDefault": {"const": "Y"}})
    origin = {"const": ""}
    other = only({**names, "isDefault": {"const": "N"}, "originId": origin, "originatorId": origin})
    check(page(only({"categories": {"prefixItems": [default, other], "items": False}}), total=2), answer)


def test_a_stage_history_in_a_batch(leads_client):
    fields = ("OWNER_ID", "STAGE_ID", "CREATED_TIME", "ID")
    command = "crm.stagehistory.list?entityTypeId=2&" + "&".join(f"select[]={name}" for name in fields)
    row = only({"OWNER_ID": ID, "STAGE_ID": TEXT, "CREATED_TIME": MOMENT, "ID": ID})
    shape = batch(
        only({"order0": only({"items": each(row)})}),
        totals=only({"order0": {"const": 1}}),
        times=only({"order0": TIME}),
    )
    check(shape, leads_client.batch({"order0": command}).json)


def test_whole_rows_of_the_stage_history(leads_client):
    answer = leads_client.post("crm.stagehistory.list", {"entityTypeId": 2}).json
    row = {**dict.fromkeys(("ID", "TYPE_ID", "OWNER_ID", "CATEGORY_ID"), ID), "CREATED_TIME": MOMENT}
    row |= {"STAGE_SEMANTIC_ID": SEMANTICS, "STAGE_ID": TEXT}
    check(page(only({"items": each(only(row))}), total=1), answer)


def test_an_added_item_in_a_batch_has_no_total(leads_client):
    answer = leads_client.batch({"order0": "crm.item.add?entityTypeId=177&fields[title]=New"}).json
    recorded = {"id": INTEGER, "xmlId": TEXT_OR_NULL, "title": TEXT, "entityTypeId": {"const": 177}}
    recorded |= dict.fromkeys(("createdBy", "updatedBy", "movedBy"), INTEGER)
    recorded |= dict.fromkeys(("createdTime", "updatedTime", "movedTime"), MOMENT)
    item = {**only(recorded), "additionalProperties": True}
    check(batch(only({"order0": only({"item": item})}), times=only({"order0": TIME})), answer)


def test_a_batch_in_which_everything_fails(leads_client):
    answer = leads_client.batch(["crm.lead.get", "crm.lead.get?ID=99999"]).json
    check(batch(EMPTY, errors=ERRORS), answer)
    descriptions = [each["error_description"] for each in answer["result"]["result_error"]]
    assert descriptions == ["ID is not defined or invalid.", "Not found"]


def test_failures_of_the_first_numbered_commands_are_a_list_beside_an_object(leads_client):
    answer = leads_client.batch({"0": "crm.lead.get", "1": "crm.lead.get?ID=99999", "7": "crm.lead.get?ID=7"}).json
    check(batch(only({"7": {"type": "object"}}), errors=ERRORS, times=only({"7": TIME})), answer)
    assert len(answer["result"]["result_error"]) == 2


def test_a_lead_has_texts_where_real_leads_have_texts(leads_client):
    answer = leads_client.batch({"order0": "crm.lead.get?ID=7"}).json
    lead = {**only(LEAD_FIELDS), "additionalProperties": True}
    check(batch(only({"order0": lead}), times=only({"order0": TIME})), answer)


def test_an_empty_list_in_a_batch_has_a_total_of_zero(leads_client):
    answer = leads_client.batch({"order0": "crm.lead.list?filter[>ID]=99999"}).json
    check(batch(only({"order0": EMPTY}), totals=only({"order0": {"const": 0}}), times=only({"order0": TIME})), answer)
