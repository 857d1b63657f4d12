from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL
from airflow_provider_bitrix24.simulator.portal.items import ItemStore
from airflow_provider_bitrix24.simulator.portal.model import Item


def item(item_id: int, stage: str = "NEW") -> Item:
    return Item(DEAL, item_id, f"Deal {item_id}", 0, stage, 0.0, 0.0, 0.0)


@pytest.fixture
def store() -> ItemStore:
    filled = ItemStore()
    for item_id in (5, 1, 3):
        filled.add(item(item_id))
    return filled


def test_items_come_in_order_of_their_ids(store):
    assert [each.id for each in store.after(0)] == [1, 3, 5]
    assert [each.id for each in store.after(1)] == [3, 5]
    assert [each.id for each in store.descending()] == [5, 3, 1]
    assert (len(store), 3 in store, 4 in store) == (3, True, False)


def test_a_new_item_gets_the_next_id(store):
    assert store.next_id() == 6
    assert ItemStore().next_id() == 1


def test_an_id_that_is_taken_is_refused(store):
    with pytest.raises(ValueError, match="DEAL_3 exists already"):
        store.add(item(3))


def test_each_stage_knows_its_items_in_the_order_of_their_arrival(store):
    store.place(store.get(3), 0, "WON")
    store.place(store.get(1), 0, "WON")
    assert store.newest_at(0, "WON", 10) == [1, 3]
    assert store.newest_at(0, "WON", 1) == [1]
    assert (store.count_at(0, "NEW"), store.count_at(0, "WON"), store.count_at(5, "WON")) == (1, 2, 0)
    assert (store.get(3).stage_id, store.get(3).category_id) == ("WON", 0)


def test_a_removed_item_is_nowhere(store):
    assert store.remove(3).id == 3
    assert store.remove(3) is None
    assert store.get(3) is None
    assert [each.id for each in store.after(0)] == [1, 5]
    assert store.newest_at(0, "NEW", 10) == [1, 5]
