"""Creating and changing items, the old methods, comments: what a user does, unlike a trigger."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.portal.model import Access


def update(s1, item_id=57, type_id=2, **fields):
    return s1.post("crm.item.update", {"entityTypeId": type_id, "id": item_id, "fields": fields})


def test_an_update_moves_the_item_as_the_user(s1):
    item = update(s1, stageId="EXECUTING", title="Renamed").result["item"]
    assert (item["stageId"], item["title"], item["movedBy"]) == ("EXECUTING", "Renamed", 1)
    assert s1.moves_in_history("DEAL_57") == [(2, "EXECUTING")]


def test_an_update_starts_robots(s1):
    s1.portal.add_robot("PREPARATION", seconds=2, move_to="WON")
    item = update(s1, stageId="PREPARATION").result["item"]
    assert item["stageId"] == "WON"
    assert s1.moves_in_history("DEAL_57") == [(2, "PREPARATION"), (3, "WON")]


def test_nothing_is_saved_when_nothing_changes(s1):
    update(s1, stageId="NEW", title="Deal 57", nosuchfield=1)
    assert not s1.portal.events.outgoing
    assert s1.moves_in_history("DEAL_57") == []


def test_another_pipeline_is_its_own_kind_of_row(s1):
    item = update(s1, categoryId=5).result["item"]
    assert (item["categoryId"], item["stageId"]) == (5, "C5:NEW")
    assert s1.moves_in_history("DEAL_57") == [(5, "C5:NEW")]


@pytest.mark.parametrize("fields", [{"stageId": "C5:NEW"}, {"stageId": "NOPE"}, {"categoryId": 99}])
def test_a_stage_that_the_pipeline_does_not_have(s1, fields):
    assert update(s1, **fields).error[:2] == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
    assert s1.at("DEAL_57") == "NEW"


def test_a_veto_is_told_to_a_user(s1):
    s1.portal.add_veto("WON")
    assert update(s1, stageId="WON").status == 400
    assert s1.at("DEAL_57") == "NEW"


def test_user_fields_are_kept_as_they_are(s1):
    update(s1, ufCrm_1="x", UF_CRM_2=["a"], opportunity="12.50")
    item = s1.get("crm.item.get", "entityTypeId=2&id=57").result["item"]
    assert (item["ufCrm_1"], item["UF_CRM_2"], item["opportunity"]) == ("x", ["a"], 12.5)
    found = s1.post("crm.item.list", {"entityTypeId": 2, "filter": {"ufCrm_1": "x"}, "select": ["ufCrm_1"]}).result
    assert found["items"] == [{"id": 57, "ufCrm_1": "x"}]


def test_arguments_of_an_update(s1):
    assert s1.post("crm.item.update", {"entityTypeId": 2, "id": 57}).error[:2] == (400, "100")
    assert s1.post("crm.item.update", {"entityTypeId": 2, "id": 57, "fields": "x"}).error[:2] == (400, "100")
    assert s1.post("crm.item.update", {"entityTypeId": 2, "id": [57], "fields": {}}).error[:2] == (400, "100")
    assert update(s1, item_id=99, stageId="WON").error[:2] == (400, "NOT_FOUND")
    assert s1.post("crm.item.update", {"ENTITYTYPEID": "2", "ID": "57", "FIELDS": {"STAGE_ID": "WON"}}).status == 200
    assert s1.at("DEAL_57") == "WON"


def test_add_and_delete(s1):
    s1.portal.add_robot("C5:NEW", move_to="C5:PREPARATION")
    added = s1.post("crm.item.add", {"entityTypeId": 2, "fields": {"title": "New one", "categoryId": 5}}).result["item"]
    assert (added["id"], added["title"], added["stageId"]) == (58, "New one", "C5:PREPARATION")
    assert s1.portal.find("DEAL_58").stage_id == "C5:PREPARATION"
    assert s1.post("crm.item.delete", {"entityTypeId": 2, "id": 58}).result == []
    assert s1.post("crm.item.delete", {"entityTypeId": 2, "id": 58}).error[:2] == (400, "NOT_FOUND")
    assert s1.trigger("DEAL_58").result is True


def test_old_get_shows_texts(s1):
    s1.portal.find("DEAL_57").opportunity = 10.5
    deal = s1.get("crm.deal.get", "ID=57").result
    assert (deal["ID"], deal["STAGE_ID"], deal["CATEGORY_ID"], deal["OPPORTUNITY"]) == ("57", "NEW", "0", "10.50")
    assert deal["CONTACT_ID"] is None
    assert s1.get("crm.deal.get", "id=58").error == (400, "", "Not found")
    assert s1.get("crm.deal.get", "id=-1").error == (400, "", "ID is not defined or invalid.")
    s1.portal.add_item(1, 4, stage="IN_PROCESS")
    lead = s1.get("crm.lead.get", "id=4").result
    assert (lead["STATUS_ID"], lead["STATUS_SEMANTIC_ID"]) == ("IN_PROCESS", "P")
    assert "STAGE_ID" not in lead


def test_old_list(s1):
    for number in range(1, 56):
        s1.portal.add_deal(id=number, stage="WON" if number % 2 else "NEW")
    body = s1.post("crm.deal.list", {"filter": {"STAGE_ID": "WON"}, "select": ["ID", "STAGE_ID"]}).json
    assert (len(body["result"]), body["total"], "next" in body) == (28, 28, False)
    assert body["result"][0] == {"ID": "1", "STAGE_ID": "WON"}
    body = s1.post("crm.deal.list", {"order": {"ID": "DESC"}, "select": ["ID"]}).json
    assert (body["result"][0], body["total"], body["next"]) == ({"ID": "57"}, 56, 50)
    body = s1.post("crm.deal.list", {"filter": {">ID": 54}, "start": -1, "select": ["ID"]}).json
    assert ([row["ID"] for row in body["result"]], body["total"], "next" in body) == (["55", "57"], 0, False)
    assert len(s1.post("crm.deal.list", {"filter": {"@ID": [1, 2], "NOSUCH": 1}}).result) == 2
    assert s1.post("crm.deal.list", {"order": {"NOSUCH": "ASC"}}).status == 200


def test_old_update_and_add(s1):
    s1.portal.add_robot("EXECUTING", move_to="WON")
    assert s1.post("crm.deal.update", {"id": 57, "fields": {"STAGE_ID": "EXECUTING"}}).result is True
    assert s1.at("DEAL_57") == "WON"
    assert s1.post("crm.deal.update", {"id": 57}).error == (400, "", "Parameter 'fields' must be array.")
    number = s1.post(
        "crm.lead.add", {"fields": {"TITLE": "Web form", "STATUS_ID": "IN_PROCESS", "UF_CRM_1": "x"}}
    ).result
    lead = s1.get("crm.lead.get", f"id={number}").result
    assert (lead["TITLE"], lead["STATUS_ID"], lead["UF_CRM_1"]) == ("Web form", "IN_PROCESS", "x")
    selected = s1.post("crm.lead.list", {"select": ["TITLE", "UF_*"]}).result
    assert selected == [{"ID": str(number), "TITLE": "Web form", "UF_CRM_1": "x"}]
    assert s1.post("crm.lead.delete", {"id": number}).result is True
    assert s1.post("crm.lead.delete", {"id": number}).error == (400, "", "Not found")
    assert "STATUS_ID" in s1.get("crm.lead.fields").result


def test_comments_add_up(s1):
    fields = {"ENTITY_ID": 57, "ENTITY_TYPE": "deal", "COMMENT": "Loaded"}
    assert [s1.post("crm.timeline.comment.add", {"fields": fields}).result for _ in range(2)] == [1, 2]
    assert [comment["COMMENT"] for comment in s1.portal.comments] == ["Loaded", "Loaded"]
    assert s1.post("crm.timeline.comment.add", {"FIELDS": fields}).error[:2] == (400, "100")
    for change, code in (({"ENTITY_ID": 99}, "OWNER_NOT_FOUND"), ({"ENTITY_TYPE": "nosuch"}, "INVALID_ARG_VALUE")):
        assert s1.post("crm.timeline.comment.add", {"fields": fields | change}).error[:2] == (400, code)


def test_who_is_calling(s1):
    assert s1.get("profile").result["ADMIN"] is True
    s1.portal.accounts.add_webhook(1, "wide", scopes=frozenset({"crm", "user"}))
    s1.base = "/rest/1/wide/"
    assert s1.get("user.current").result["ID"] == "1"
    assert s1.get("scope").result == ["crm", "user"]
    assert "task" in s1.get("scope", "full=true").result
    assert s1.get("app.info").result == {"SCOPE": ["crm", "user"], "LICENSE": "en_std"}
    assert s1.get("method.get", "name=crm.item.get").result == {"isExisting": True, "isAvailable": True}
    assert s1.get("method.get", "name=nosuch").result == {"isExisting": False, "isAvailable": False}
    assert {"batch", "crm.automation.trigger", "user.current"} <= set(s1.get("methods").result)
    assert s1.get("server.time").result == s1.portal.clock.iso(s1.portal.clock.now())


class TestRights:
    @pytest.fixture
    def own(self, s1):
        """A user who may read and change only what is assigned to him: deal 60, not deal 57."""
        s1.add_user(2, "sec2", Access.OWN)
        s1.portal.add_deal(id=60, assigned_by=2)
        s1.base = "/rest/2/sec2/"
        return s1

    def test_reads_only_what_is_his(self, own):
        assert own.get("crm.item.get", "entityTypeId=2&id=60").status == 200
        assert own.get("crm.item.get", "entityTypeId=2&id=57").error[:2] == (400, "ACCESS_DENIED")
        listed = own.get("crm.item.list", "entityTypeId=2").json
        assert ([item["id"] for item in listed["result"]["items"]], listed["total"]) == ([60], 1)
        history = own.get("crm.stagehistory.list", "entityTypeId=2").result["items"]
        assert {row["OWNER_ID"] for row in history} == {60}
        assert own.get("crm.deal.get", "id=57").error == (400, "", "Access denied.")

    def test_changes_only_what_is_his(self, own):
        assert update(own, item_id=60, stageId="WON").status == 200
        assert update(own, stageId="WON").error[:2] == (400, "ACCESS_DENIED")
        assert own.post("crm.item.delete", {"entityTypeId": 2, "id": 57}).error[1] == "ACCESS_DENIED"
        comment = {"ENTITY_ID": 57, "ENTITY_TYPE": "deal", "COMMENT": "x"}
        assert own.post("crm.timeline.comment.add", {"fields": comment}).error[1] == "ACCESS_DENIED"

    def test_fires_only_for_what_is_his(self, own):
        assert own.trigger("DEAL_60").result is True
        assert own.at("DEAL_60") == "PREPARATION"
        assert own.trigger("DEAL_57").status == 403
        assert own.trigger("DEAL_99").status == 403

    def test_all_items_but_no_types_whose_pipelines_are_numbered(self, s1):
        s1.add_user(3, "sec3", Access.ALL)
        s1.base = "/rest/3/sec3/"
        assert s1.trigger("DEAL_57").result is True
        assert s1.trigger("DEAL_999").result is True
        assert s1.trigger("DYNAMIC_177_1").status == 403
        assert s1.trigger("SMART_INVOICE_1").status == 403

    def test_one_item_may_be_denied(self, s1):
        s1.portal.add_deal(id=60)
        s1.add_user(3, "sec3", Access.ALL, denied_items=frozenset({(2, 60)}), denied_types=frozenset({1}))
        s1.base = "/rest/3/sec3/"
        assert s1.trigger("DEAL_57").result is True
        assert s1.trigger("DEAL_60").status == 403
        assert s1.trigger("LEAD_1").status == 403
        assert update(s1, item_id=60, stageId="WON").error[1] == "ACCESS_DENIED"

    def test_readers_create_nothing(self, s1):
        s1.add_user(3, "sec3", Access.READ)
        s1.base = "/rest/3/sec3/"
        assert s1.get("crm.item.get", "entityTypeId=2&id=57").status == 200
        assert s1.post("crm.item.add", {"entityTypeId": 2, "fields": {"title": "x"}}).error[1] == "ACCESS_DENIED"
        assert s1.post("crm.deal.add", {"fields": {"TITLE": "x"}}).error == (400, "", "Access denied.")
        assert s1.post("crm.deal.update", {"id": 57, "fields": {"STAGE_ID": "WON"}}).error == (
            400,
            "",
            "Access denied.",
        )
        assert s1.post("crm.deal.delete", {"id": 57}).error == (400, "", "Access denied.")

    def test_no_access_at_all(self, s1):
        s1.add_user(3, "sec3", Access.NONE)
        s1.base = "/rest/3/sec3/"
        for method in ("crm.deal.list", "crm.lead.list", "crm.deal.get", "crm.deal.add", "crm.deal.fields"):
            assert s1.get(method, "id=57").error == (400, "", "Access denied.")
        assert s1.get("crm.item.list", "entityTypeId=2").json["total"] == 0

    def test_a_dismissed_user(self, s1):
        s1.portal.accounts.users[1].is_active = False
        assert s1.trigger("DEAL_57").error == (401, "authorization_error", "Unable to authorize user")


def test_switches_of_automation(s1):
    s1.portal.settings.automation_enabled = False
    assert s1.trigger("DEAL_57").result is True
    assert s1.at("DEAL_57") == "NEW"
    s1.portal.settings.automation_enabled = True
    s1.portal.settings.leads_enabled = False
    s1.portal.add_item(1, 4)
    s1.portal.add_trigger("IN_PROCESS", code="c5u4m", type_id=1)
    assert s1.trigger("LEAD_4").result is True
    assert s1.at("LEAD_4") == "NEW"
    s1.portal.settings.fires_all_types = False
    assert s1.trigger("QUOTE_1").status == 403
    assert s1.trigger("DEAL_57").result is True
    assert s1.at("DEAL_57") == "PREPARATION"


def test_conditions_know_the_names_of_the_rest_fields(s1):
    s1.portal.triggers.clear()
    s1.portal.add_trigger("EXECUTING", code="c5u4m", conditions={"assignedById": 1, "contactId": 7, "ufCrm_1": "x"})
    s1.trigger("DEAL_57")
    assert s1.at("DEAL_57") == "NEW"
    update(s1, contactId=7, ufCrm_1="x")
    s1.trigger("DEAL_57")
    assert s1.at("DEAL_57") == "EXECUTING"


def test_a_colleague_moves_a_deal_by_hand(s1):
    s1.portal.add_robot("WON", move_to="LOSE")
    s1.portal.move("DEAL_57", "WON", moved_by=3)
    assert (s1.at("DEAL_57"), s1.portal.find("DEAL_57").moved_by) == ("WON", 3)
    with pytest.raises(KeyError):
        s1.portal.move("DEAL_99", "WON")
    with pytest.raises(ValueError, match="NOPE"):
        s1.portal.move("DEAL_57", "NOPE")
