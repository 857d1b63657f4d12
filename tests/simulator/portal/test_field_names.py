"""Both spellings of a field."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.field_names import camel_name, is_user_field, upper_name


def test_every_name_survives_both_spellings():
    for name in ("UF_CRM_1", "UF_CRM_44_172", "UF_CRM_5D8F9C", "UF_CRM_MY_FIELD", "PARENT_ID_177", "STAGE_ID"):
        assert upper_name(camel_name(name)) == name
        assert camel_name(camel_name(name)) == camel_name(name)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("ufCrm_1", True), ("UF_CRM_44_172", True), ("PARENT_ID_177", True), ("stageId", False), ("TITLE", False)],
)
def test_user_fields_and_parents_are_told_from_the_portals_own(name, is_one):
    assert is_user_field(name) is is_one
