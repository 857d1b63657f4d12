"""The button "Open in Bitrix24" of a task."""

from __future__ import annotations


def test_the_link_opens_the_entity(portal, move):
    assert move(target="DEAL_57").xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/57/"


def test_for_a_list_the_link_opens_the_first_entity(portal, move):
    ran = move(target=["DYNAMIC_177_5", "DEAL_57"])

    assert ran.xcoms["_link_EntityLink"] == f"{portal.url}/crm/type/177/details/5/"


def test_a_failed_task_has_the_link(portal, move):
    ran = move(target="DEAL_999")

    assert ran.state == "failed"
    assert ran.xcoms["_link_EntityLink"] == f"{portal.url}/crm/deal/details/999/"
