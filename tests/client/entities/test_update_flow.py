"""Updating as a flow: effects and answers one by one, without sockets, clocks and threads."""

from __future__ import annotations

from tests.support.firing_flow import batch, client_of, found, item
from tests.support.flow_script import perform

TIME = {"operating": 5, "operating_reset_at": 2e9 + 600, "finish": 2e9}


def took(moments, answer):
    """An answer to a batch of one command that reports working time, and when it was asked for and came."""
    answer["result"]["result_time"] = {"c0": TIME}
    return answer, moments


def test_each_group_is_sent_by_the_time_that_the_one_before_it_has_left():
    """The rig refuses a report of the future: working time that was reported 100 s ago is not of 100 s from now."""
    updates = [
        {"target": "DEAL_1", "fields": {"opportunity": 5}},
        {"target": "DEAL_2", "fields": {"stageId": "WON"}},
    ]
    fields = {"c0": {"fields": {"opportunity": {"type": "double"}, "stageId": {"type": "crm_status"}}}}
    report = perform(
        client_of()._update_entities(updates),
        ("acquire 1", 0.0),
        ("send batch of 1", [took((0.0, 30.0), batch(fields))]),
        ("acquire 1", 30.0),
        ("send batch of 1", [took((30.0, 60.0), found(item(1), item(2)))]),
        ("sleep 0 pace", 60.0),
        ("acquire 1", 60.0),
        ("send crm.item.update", [({"result": {"item": {"id": 1, "opportunity": 5}}, "time": TIME}, (60.0, 100.0))]),
        ("sleep 0 pace", 100.0),
        ("acquire 1", 100.0),
        ("send batch of 1", [took((100.0, 101.0), found(item(2)))]),
        ("acquire 1", 101.0),
        ("send batch of 1", [took((101.0, 102.0), batch({"c0": {"item": {"id": 2, "stageId": "WON"}}}))]),
        ("share cost 1", None),
    )
    assert (report.updated, report.failed) == (2, 0)


def test_a_row_whose_id_cannot_be_read_lets_no_entity_count_as_missing():
    """It may be any of those that were asked for: the update shows whether they are there."""
    updates = [{"target": f"DEAL_{number}", "fields": {"opportunity": 5}} for number in (1, 2)]
    report = perform(
        client_of()._update_entities(updates),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch({"c0": {"fields": {"opportunity": {"type": "double"}}}})]),
        ("acquire 1", 0.0),
        ("send batch of 1", [found(item(1), {"id": "two", "opportunity": 5})]),
        ("sleep 0 pace", 0.0),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch({"c0": {"item": {"id": 1}}, "c1": {"item": {"id": 2}}})]),
    )
    assert (report.updated, report.failed) == (2, 0)
