from __future__ import annotations

from datetime import datetime, timedelta, timezone


def test_filters_and_orders_of_items(client):
    for number in (1, 2, 3, 99):
        client.portal.add_deal(id=number, stage="EXECUTING")

    def ids(**params):
        return [item["id"] for item in client.post("crm.item.list", {"entityTypeId": 2, **params}).result["items"]]

    assert ids(filter={"@id": [99, 2, 2, 1234]}) == [2, 99]
    assert ids(filter={"id": [3, 57]}) == [3, 57]
    assert ids(filter={"=id": "57"}) == [57]
    assert ids(filter={">id": 3}, start=-1) == [57, 99]
    assert ids(filter={">id": 1, "<=id": 57, "stageId": "EXECUTING"}) == [2, 3]
    assert ids(filter={"!stageId": "EXECUTING"}) == [57]
    assert ids(filter={"!@id": [1, 2, 3]}) == [57, 99]
    assert ids(filter={"%title": "deal 9"}) == [99]
    assert ids(filter={"@id": [1, 2, 99], ">id": 1}, order={"id": "DESC"}) == [99, 2]
    assert ids(order={"id": "DESC"}) == [99, 57, 3, 2, 1]
    assert ids(order={"stageId": "ASC", "id": "DESC"}) == [99, 3, 2, 1, 57]
    assert client.post("crm.item.list", {"entityTypeId": 2, "filter": {"nope": 1}}).error[:2] == (
        400,
        "INVALID_ARG_VALUE",
    )
    assert client.post("crm.item.list", {"entityTypeId": 2, "order": {"nope": "ASC"}}).error[1] == "INVALID_ARG_VALUE"


def test_filters_by_date_understand_any_offset(client):
    client.server.clock.advance(3600)
    client.portal.add_deal(id=60)
    moved = client.portal.find("DEAL_60").moved_time

    def ids(**filters):
        return [
            item["id"] for item in client.post("crm.item.list", {"entityTypeId": 2, "filter": filters}).result["items"]
        ]

    for offset in (-5, 0, 3, 9):
        written = datetime.fromtimestamp(moved, timezone(timedelta(hours=offset))).isoformat()
        assert ids(**{">=movedTime": written}) == [60]
        assert ids(**{"<movedTime": written}) == [57]
        assert ids(movedTime=[written]) == [60]
        assert len(client.post("crm.deal.list", {"filter": {">=MOVED_TIME": written}}).result) == 1
        history = {"entityTypeId": 2, "filter": {">=CREATED_TIME": written}}
        assert len(client.post("crm.stagehistory.list", history).result["items"]) == 1
    assert ids(**{">movedTime": "no date"}) == []
