from __future__ import annotations


def test_a_repeated_comment_is_another_comment(client):
    fields = {"ENTITY_ID": 57, "ENTITY_TYPE": "deal", "COMMENT": "Loaded"}
    assert [client.post("crm.timeline.comment.add", {"fields": fields}).result for _ in range(2)] == [1, 2]
    assert [comment["COMMENT"] for comment in client.portal.comments] == ["Loaded", "Loaded"]
    assert client.post("crm.timeline.comment.add", {"FIELDS": fields}).error[:2] == (400, "100")
    for change, code in (({"ENTITY_ID": 99}, "OWNER_NOT_FOUND"), ({"ENTITY_TYPE": "nosuch"}, "INVALID_ARG_VALUE")):
        assert client.post("crm.timeline.comment.add", {"fields": fields | change}).error[:2] == (400, code)
