from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal import Portal, seed
from airflow_provider_bitrix24.simulator.portal.accounts import may_create, may_update
from airflow_provider_bitrix24.simulator.portal.seed import SeedError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "a seed is a JSON object"),
        ({"deals": []}, "unknown key deals; a seed knows users, "),
        ({"items": {}}, "'items' must be a list"),
        ({"items": ["DEAL_5"]}, r"items\[0\] must be an object"),
        ({"items": [{"target": "DEAL_1"}, {"stage": "NEW"}]}, r"items\[1\]: 'target' is missing"),
        ({"items": [{"target": "DEAL"}]}, "'DEAL' names no entity; write TYPE_ID"),
        ({"items": [{"target": "DEAL_5", "stage": "NOPE"}]}, "DEAL has no stage 'NOPE'; there are NEW, "),
        ({"items": [{"target": "DEAL_5", "colour": 1}]}, "unknown key 'colour'"),
        ({"items": [{"target": "DEAL_5", "opportunity": "much"}]}, "'opportunity' cannot be 'much'; it is a number"),
        ({"items": [{"target": "DEAL_5"}, {"target": "DEAL_5"}]}, "DEAL_5 exists already"),
        ({"users": [{"id": 2, "denied_items": [[2, "57"]]}]}, "it is a list of pairs"),
        ({"users": [{"id": 2, "denied_items": ["DEAL_57"]}]}, "it is a list of pairs"),
        ({"users": [{"id": 2, "denied_types": [[2]]}]}, "it is a list of type numbers"),
        ({"items": [{"target": "ORDER_5"}]}, "ORDER has no pipeline"),
        ({"triggers": [{"stage": "C5:NOPE"}]}, "has no stage 'C5:NOPE'"),
        ({"triggers": [{"stage": "WON", "type": "DEALX"}]}, "'DEALX' is not an entity type"),
        ({"robots": [{"stage": "WON", "seconds": -1}]}, "'seconds' cannot be -1"),
        ({"users": [{"id": 2, "access": "sometimes"}]}, "access is one of none, read, own, all"),
        ({"pipelines": [{"id": 7, "stages": [["NEW", "New", "X"]]}]}, "a stage is .id, name, 'S' or 'F'"),
        ({"pipelines": [{"id": 7, "name": "Empty", "stages": []}]}, "'Empty' needs at least one stage"),
        ({"applications": [{"client_id": "a", "client_secret": "b", "redirect_uri": "x\n"}]}, "no header can hold it"),
        ({"generate": [{"count": "many"}]}, "'count' cannot be 'many'; it is a whole number"),
        ({"items": [{"target": "DEAL_5", "created_time": 3}]}, "unknown key 'created_time'; there are target, stage, "),
        ({"pipelines": [{"id": 7, "stages": "NEW"}]}, "it is a list whose every entry is a list"),
        ({"pipelines": [{"id": 7, "stages": [["NEW", "New", "S", "#fff", "x"]]}]}, "a stage is .id, name, 'S' or 'F'"),
        ({"pipelines": [{"id": 7, "stages": [[]]}]}, "a stage is .id, name, 'S' or 'F'"),
        ({"pipelines": [{"id": 7, "name": "Twin", "stages": [["NEW"], ["NEW"]]}]}, "'Twin' has stage C7:NEW twice"),
        ({"webhooks": [{"user_id": 1, "secret": "s", "scopes": "crm"}]}, "'scopes' cannot be 'crm'; it is a list"),
        ({"webhooks": [{"user_id": 1, "secret": "s", "is_blocked": True}]}, "unknown key 'is_blocked'"),
        ({"webhooks": [{"user_id": 77, "secret": "s"}]}, "there is no user 77"),
        ({"applications": [{"client_id": "local.1"}]}, "'client_secret' is missing"),
        (
            {"applications": [{"client_id": "local.1", "client_secret": "s", "triggers": {"paid": 5}}]},
            "it is an object whose every value is a text",
        ),
        ({"triggers": [{"stage": "WON", "conditions": "title"}]}, "'conditions' cannot be 'title'; it is an object or"),
        ({"triggers": [{"stage": "WON", "conditions": ["title"]}]}, "an object with field, operator, value is needed"),
        ({"triggers": [{"stage": "WON", "conditions": [{"field": "title"}]}]}, "'operator' is missing"),
        (
            {"triggers": [{"stage": "WON", "conditions": [{"field": "title", "operator": "in", "value": 5}]}]},
            "the value of 'in' is a list",
        ),
        ({"triggers": [{"stage": "WON", "category_id": 5}]}, "unknown key 'category_id'; there are type, stage, "),
        ({"robots": [{"stage": "WON", "move_to": "NOPE"}]}, "has no stage 'NOPE'"),
        ({"vetoes": [{"stage": "WON", "colour": 1}]}, "unknown key 'colour'; there are type, stage"),
    ],
)
def test_a_malformed_seed_is_named(content, message):
    with pytest.raises(SeedError, match=message):
        seed.apply(Portal(), content)


def test_a_seed_can_be_a_file(tmp_path):
    path = tmp_path / "portal.json"
    path.write_text('{"items": [{"target": "DEAL_5"}]}', encoding="utf-8")
    state = Portal()
    seed.load(state, path)
    assert state.stage_of("DEAL_5") == "NEW"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(SeedError, match=r"portal\.json is not valid JSON"):
        seed.load(state, path)


def test_the_demo_is_a_seed():
    state = Portal()
    seed.apply(state, seed.DEMO)
    assert state.stage_of("DEAL_57") == "NEW"


def test_a_hundred_thousand_deals_are_generated():
    portal = Portal()
    seed.generate(portal, 2, 100_000, stage="NEW", first_id=1000)
    deals = portal.items[2]
    assert (len(deals), deals.count_at(0, "NEW"), deals.next_id()) == (100_000, 100_000, 101_000)
    assert portal.stage_of("DEAL_50000") == "NEW"
    assert len(portal.history_of("DEAL_100999")) == 1


def test_what_a_seed_denies_is_denied():
    state = Portal()
    seed.apply(state, {"users": [{"id": 2, "is_admin": False, "denied_items": [[2, 5]], "denied_types": [31]}]})
    state.add_deal(id=5)
    user, deal = state.accounts.users[2], state.find("DEAL_5")
    assert not may_update(user, deal)
    deal.id = 6
    assert may_update(user, deal)
    assert not may_create(user, 31)


def test_what_an_application_registers_does_not_change_the_seed_it_came_from():
    data = {"applications": [{"client_id": "local.1", "client_secret": "s", "triggers": {"paid": "Paid"}}]}
    portal = Portal()
    seed.apply(portal, data)
    portal.accounts.applications["local.1"].triggers.clear()
    assert data["applications"][0]["triggers"] == {"paid": "Paid"}


def test_items_without_a_stage_begin_in_the_default_pipeline_whichever_is_the_first():
    stages = [["NEW", "New"], ["SUCCESS", "Success", "S"]]
    first, default = ({"type": "DYNAMIC_1036", "id": number, "name": "Own", "stages": stages} for number in (10, 12))
    portal = Portal()
    seed.apply(portal, {"pipelines": [first, default | {"is_default": True}], "items": [{"target": "DYNAMIC_1036_5"}]})
    assert portal.stage_of("DYNAMIC_1036_5") == "DT1036_12:NEW"
