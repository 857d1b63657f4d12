"""Which field a name means, and which one a misspelt name may mean."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entities.fields import Field, FieldList

STAGE = Field("stageId", "STAGE_ID", "crm_status", is_read_only=False)
OWN = Field("ufCrm_1", "UF_CRM_1", "string", is_read_only=False)
LISTED = FieldList("DEAL", [STAGE, OWN])
WITHOUT_USER_FIELDS = FieldList("DEAL", [STAGE])


@pytest.mark.parametrize(
    ("name", "field"), [("stageId", STAGE), ("ufCrm_1", OWN), ("UF_CRM_1", OWN), ("STAGE_ID", None), ("x", None)]
)
def test_only_user_fields_have_two_spellings(name, field):
    assert LISTED[name] is field


def test_a_list_without_user_fields_knows_of_none():
    assert not LISTED.knows("ufCrm_2")
    assert WITHOUT_USER_FIELDS.knows("ufCrm_2")
    assert not WITHOUT_USER_FIELDS.knows("stage")


@pytest.mark.parametrize(
    ("name", "nearest"), [("STAGE_ID", "stageId"), ("stageld", "stageId"), ("uf_crm1", "ufCrm_1"), ("zzz", None)]
)
def test_a_misspelt_name_is_near_one_field_or_none(name, nearest):
    assert LISTED.nearest(name) == nearest
