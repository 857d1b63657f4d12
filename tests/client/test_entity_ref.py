"""One entity: its canonical form, its page, and whether it can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.entity_types import TYPE_IDS
from airflow_provider_bitrix24.client.errors import ConfigurationError


@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("LEAD_4", "/crm/lead/details/4/"),
        ("DEAL_57", "/crm/deal/details/57/"),
        ("CONTACT_7", "/crm/contact/details/7/"),
        ("COMPANY_7", "/crm/company/details/7/"),
        ("QUOTE_3", "/crm/type/7/details/3/"),
        ("SMART_INVOICE_12", "/crm/type/31/details/12/"),
        ("DYNAMIC_177_5", "/crm/type/177/details/5/"),
        ("ORDER_9", "/shop/orders/details/9/"),
    ],
)
def test_each_type_has_its_page(target, page):
    assert EntityRef.parse(target).page == page


def test_contacts_companies_and_orders_cannot_be_read():
    unreadable = {name for name, number in TYPE_IDS.items() if not EntityRef(number, 1).readable}
    assert unreadable == {"CONTACT", "COMPANY", "ORDER"}
    assert EntityRef(177, 1).readable


@given(st.integers(1, 10**9 - 1).filter(lambda number: number != 5), st.integers(1, 2**63 - 1))
def test_a_canonical_form_is_read_back_as_the_same_entity(type_id, number):
    ref = EntityRef(type_id, number)
    assert EntityRef.parse(str(ref)) == ref


@given(st.text() | st.from_regex(r"(?i)\s*(deal|dynamic_\d{0,3}|t[0-9a-f]{1,3}|x)_?[0-9a-z]{0,5}\s*", fullmatch=True))
def test_any_text_is_either_one_entity_with_a_stable_name_or_refused(text):
    try:
        ref = EntityRef.parse(text)
    except ConfigurationError:
        return
    assert ref.id > 0
    assert EntityRef.parse(str(ref)) == ref
