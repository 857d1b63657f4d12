"""Whatever JSON a portal answers: a sound result or one of our errors, and only the entity concerned suffers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_bitrix24.client import Bitrix24Client
from airflow_provider_bitrix24.client.errors import Bitrix24Error, ProtocolError
from tests.support.odd_values import OddPortal, changes, printable

URL = "https://example.bitrix24.com/rest/1/secret12345/"
TARGETS = [f"DEAL_{number}" for number in range(1, 4)]
many = settings(max_examples=150)


@pytest.fixture(scope="module")
def client():
    with Bitrix24Client.from_webhook_url(URL, plan="self-hosted") as made:
        yield made


def performed(changed, flow):
    """The portal, and what a flow leads to: a result, or an error of ours whose texts can be shown."""
    portal = OddPortal(changed)
    return portal, performed_by(portal, flow)


def performed_by(portal, flow):
    try:
        result = portal.perform(flow)
    except Bitrix24Error as error:
        result = error
    assert not isinstance(result, Bitrix24Error) or printable(str(result))
    return result


class Store:
    is_retry = False

    def load(self, _part):
        return None


def fire(client, changed, **arguments):
    flow = client._trigger_automation(
        TARGETS,
        "c",
        arguments.get("expected_stage"),
        verify=arguments.get("verify", True),
        now=1000.0,
        checkpoint_store=Store(),
    )
    portal, report = performed(changed, flow)
    if isinstance(report, Bitrix24Error):
        assert not portal.fires
        return portal, None
    shown = json.dumps(report.as_dict(), allow_nan=False)
    assert "\\u0000" not in shown
    assert "\\ud8" not in shown
    assert sorted(result.target for result in report.results) == TARGETS
    assert max(portal.fires.values(), default=0) <= 1
    return portal, report


@given(changed=changes, expected=st.sampled_from([None, "WON"]), verify=st.booleans())
@many
def test_firing(client, changed, expected, verify):
    fire(client, changed, expected_stage=expected if verify else None, verify=verify)


@given(changed=changes)
@many
def test_get_stages(client, changed):
    _, stages = performed(changed, client._get_stages(TARGETS))
    if isinstance(stages, dict):
        assert set(stages) <= set(TARGETS)
        for info in stages.values():
            assert info.stage is None or printable(info.stage)
            assert info.category_id is None or type(info.category_id) is int
            assert info.moved_time is None or info.moved_time.isoformat()


@given(changed=changes)
@many
def test_pipeline_stages(client, changed):
    _, stages = performed(changed, client._pipeline_stages(2, 0))
    if isinstance(stages, list):
        for stage in stages:
            assert printable(stage.id)
            assert printable(stage.name)
            assert stage.semantics is None or printable(stage.semantics)


@given(changed=changes)
@many
def test_diagnose(client, changed):
    _, diagnosis = performed(changed, client._diagnose())
    assert printable(diagnosis.message)
    assert type(diagnosis.ok) is bool


@given(changed=changes)
@many
def test_a_list(client, changed):
    for method, params in (("crm.item.list", {"entityTypeId": 2}), ("crm.stagehistory.list", {"order": {"ID": "ASC"}})):
        _, page = performed(changed, client._page(method, params, None))
        if not isinstance(page, Bitrix24Error):
            assert isinstance(page.items, list)
            assert page.following is None or page.following["start"] > 0


@given(changed=changes)
@many
def test_a_batch(client, changed):
    commands = {"a": ("crm.item.list", {"filter": {"@id": [1]}}), "b": ("profile", None)}
    _, reply = performed(changed, client._batch(commands))
    if not isinstance(reply, Bitrix24Error):
        assert {*reply.results, *reply.errors} == {"a", "b"}
        assert all(printable(str(error)) for error in reply.errors.values())


# -- only the entity concerned suffers

ODD_ITEMS = [
    ("categoryId", '"abc"'),
    ("categoryId", "1e999"),
    ("categoryId", "true"),
    ("categoryId", "9" * 5000),
    ("stageId", "[1]"),
    ("stageId", '"\\ud800"'),
    ("stageId", '"' + "x" * 300 + '"'),
    ("movedTime", "{}"),
    ("movedTime", "1.5"),
]
"""What cannot be read in an item."""


class OddItem(OddPortal):
    """A portal that is odd about one deal, from some moment on."""

    def __init__(self, target, name, text, *, after_fire):
        super().__init__([])
        self.target, self.name, self.text, self.after_fire = target, name, text, after_fire

    def _item(self, number):
        item = super()._item(number)
        if f"DEAL_{number}" == self.target and (self.fires or not self.after_fire):
            item[self.name] = "the odd value"
        return item

    def _changed(self, envelope):
        return super()._changed(envelope).replace('"the odd value"', self.text)


@pytest.mark.parametrize(("name", "text"), ODD_ITEMS)
def test_an_entity_that_cannot_be_read_is_not_fired_and_the_others_are(client, name, text):
    portal = OddItem("DEAL_2", name, text, after_fire=False)
    report = portal.perform(client._trigger_automation(TARGETS, "c", None, verify=True, now=1000.0))

    odd = report.results[1]
    assert [result.outcome for result in report.results] == ["moved", "failed", "moved"]
    assert portal.fires == {"DEAL_1": 1, "DEAL_3": 1}
    assert (odd.error.code, odd.error.executed, odd.error.permanent) == ("ProtocolError", "no", False)
    assert odd.error.message == "What the portal sent about DEAL_2 cannot be read."


@pytest.mark.parametrize(("name", "text"), ODD_ITEMS)
def test_an_entity_that_cannot_be_read_after_its_fire_is_unverified_and_the_others_are_not(client, name, text):
    portal = OddItem("DEAL_2", name, text, after_fire=True)
    report = portal.perform(client._trigger_automation(TARGETS, "c", "WON", verify=True, now=1000.0))

    assert [result.outcome for result in report.results] == ["moved", "unverified", "moved"]
    assert portal.fires == dict.fromkeys(TARGETS, 1)


@pytest.mark.parametrize(
    ("name", "text"), [*ODD_ITEMS, *(("id", text) for text in ('"\\u00b2"', "9" * 5000, '"x"', "[]"))]
)
def test_stages_of_an_entity_that_cannot_be_read_are_left_out(client, name, text):
    portal = OddItem("DEAL_2", name, text, after_fire=False)

    assert set(portal.perform(client._get_stages(TARGETS))) == {"DEAL_1", "DEAL_3"}
    warned = [line for line in portal.logged if "DEAL_2" in line]
    assert warned == ["What the portal sent about 1 entities cannot be read: DEAL_2."]


@pytest.mark.parametrize("text", ['"\\u0000"', '"2026-W99"', '"1700000000"', "1700000000", '"9999-99-99T99:99:99"'])
def test_a_time_that_is_none_is_not_shown(client, text):
    portal = OddItem("DEAL_2", "movedTime", text, after_fire=False)
    stages = portal.perform(client._get_stages(TARGETS))

    assert stages["DEAL_1"].moved_time is not None
    assert "DEAL_2" not in stages or stages["DEAL_2"].moved_time is None


def test_an_answer_of_a_command_without_a_list_is_no_proof_that_entities_are_gone(client):
    portal = OddPortal([(answer, 2, '"none"') for answer in range(20)])
    error = performed_by(portal, client._get_stages(TARGETS))
    assert isinstance(error, ProtocolError)
    assert "does not contain a list" in str(error)
