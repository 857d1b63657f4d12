"""Each place of a stored value replaced by odd ones: refused by an error of ours, or harmless and fit to be shown."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24._tasks.checkpoint import DeferWait, TaskCheckpointStore
from airflow_provider_bitrix24._tasks.deferred_report import dump_report, load_report
from airflow_provider_bitrix24._tasks.finished import Finished
from airflow_provider_bitrix24.client import Bitrix24Client
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.checkpoint import amend
from airflow_provider_bitrix24.client.firing.parts import RECORD
from airflow_provider_bitrix24.client.packing import pack
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport
from tests.support.damage import DEEP, each_place
from tests.support.firing import NEXT, MemoryStore, deal, first_try
from tests.support.odd_values import OddPortal

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover

TARGETS = ["DEAL_1", "DEAL_2", "DEAL_3"]
SCALARS = [
    None,
    True,
    -1,
    10**30,
    1e308,
    "",
    "x",
    "\x1b[2J",
    "a\nINFO - forged",
    "x" * 5_000,
    "\ud800",
    [],
    {},
    [[None]],
]
ODD = [*SCALARS, pack("[1e999]"), pack(DEEP), pack("[]")[:-3]]
REPORT = TriggerReport(
    code="c",
    portal="https://example.bitrix24.com",
    results=[
        TargetResult(target="DEAL_1", outcome="moved", stage_before="NEW", stage_after="WON"),
        TargetResult(target="DEAL_2", outcome="unmoved", stage_after="NEW", reason="It stands still.", place="before"),
        TargetResult(target="DEAL_3", outcome="failed", error=TargetError("X", "It fails.", "no", True, "operating")),
    ],
)
FINISHED = Finished(report=REPORT, url="https://example.bitrix24.com/crm/", try_number=1, max_tries=2).as_record()


def cut_off():
    store = MemoryStore()
    first = first_try(store, 1, 2, 3)
    [answered] = first.send(1)
    first.accept(answered, {deal(1): NEXT})
    first.send(1)
    return {part: store.load(part) for part in store}


def stored(parts):
    store = MemoryStore()
    store.update({part: json.dumps(value) for part, value in parts.items()})
    return store


def check_shown(*texts):
    for text in texts:
        assert text is None or (text.isprintable() and len(text) <= 4_500)


def check_report(report):
    json.dumps(report.as_dict(), allow_nan=False)
    check_shown(report.portal)
    for each in report.results:
        check_shown(each.stage_before, each.stage_after, each.reason)
        if each.error is not None:
            check_shown(each.error.code, each.error.message)


def of_stored_json(values):
    """As Airflow gives them back; it cannot store what is not JSON."""
    return [json.loads(json.dumps(value)) for value in values]


@pytest.fixture(scope="module")
def client():
    url = "https://example.bitrix24.com/rest/1/s3cr3t-0f-a-test/"
    with Bitrix24Client.from_webhook_url(url, plan="self-hosted") as made:
        yield made


def test_a_try_with_an_odd_checkpoint_ends_or_is_refused_before_it_fires(client):
    for parts in each_place(cut_off(), ODD):
        if parts.get(RECORD) is None:
            continue  # as if nothing had been sent, which a test of deleted records is about
        store, portal = stored(parts), OddPortal([])
        flow = client._trigger_automation(TARGETS, "c", None, verify=True, now=1000.0, checkpoint_store=store)
        try:
            check_report(portal.perform(flow))
        except CheckpointError as error:
            refused = str(error)
            check_shown(refused)
            assert "Look at them in Bitrix24" in refused
            assert not portal.fires
        assert max(portal.fires.values(), default=0) <= 1
        assert sum(portal.slept) < 700
        try:
            amended = amend(store.load, [TargetResult(target="DEAL_2", outcome="moved")], awaited=True)
        except CheckpointError:
            continue
        assert json.dumps(amended)


@pytest.mark.parametrize("place", ["stage", "moved_time", "category"])
@pytest.mark.parametrize("odd", ["\x1b[2J", "a\nINFO - forged", "x" * 300, 10**30])
def test_a_kept_stage_is_one_that_a_portal_could_have_sent(client, place, odd):
    row = {"stage": [0, odd, 0, None], "moved_time": [0, "NEW", 0, odd], "category": [0, "NEW", odd, None]}[place]
    store = stored(cut_off() | {"snapshot_0": {"form": 2, "rows": pack(json.dumps([row]))}})
    flow = client._trigger_automation(TARGETS, "c", None, verify=True, now=1000.0, checkpoint_store=store)
    with pytest.raises(CheckpointError, match="cannot be read"):
        OddPortal([]).perform(flow)


def test_an_odd_report_of_a_deferred_task_is_refused_or_can_be_shown():
    for dumped in of_stored_json(each_place(dump_report(REPORT), ODD)):
        report = load_report(dumped)
        if report is not None:
            check_report(report)


def test_an_odd_report_of_a_finished_firing_is_refused_or_can_be_shown():
    for record in of_stored_json(each_place(FINISHED, [*ODD, "javascript:alert(1)", "ftp://x"])):
        try:
            finished = Finished.read(record)
        except CheckpointError as error:
            refused = str(error)
            assert "Nothing is fired" in refused
            continue
        check_report(finished.report)
        check_shown(finished.url)
        assert finished.url is None or finished.url.startswith("https://")
        assert (finished.try_number, finished.max_tries) <= (2**63, 2**63)


class StateStore(dict):
    def set(self, key, value):
        self[key] = json.loads(json.dumps(value))

    def delete(self, key):
        self.pop(key, None)


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_values_beside_a_checkpoint_never_keep_a_task_deferring(odd):
    for kept in (odd, {"states": odd, "count": odd}, {"states": None, "count": odd}):
        store, deferrals = TaskCheckpointStore(StateStore(bitrix24_waits=kept), defers=True), 0
        for _ in range(15):
            try:
                store.wait(100.0, "operating")
            except DeferWait:
                deferrals += 1
        assert deferrals <= 11


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_a_task_that_is_cleared_forgets_odd_values(odd):
    for record in (odd, {"snapshot_parts": odd, "after_parts": odd}):
        state = StateStore(bitrix24_firing=record, bitrix24_targets=odd, bitrix24_firing_recorded=odd)
        TaskCheckpointStore(state).forget()
        assert state == {}
