"""What this package has stored and finds damaged: an error of its own that says what to do, never a fresh start."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24._tasks.deferred_report import dump_report, load_report
from airflow_provider_bitrix24._tasks.finished import Finished
from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing import part_values
from airflow_provider_bitrix24.client.firing.checkpoint import amend
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.part_values import read_lists, read_texts
from airflow_provider_bitrix24.client.firing.parts import RECORD, TARGETS
from airflow_provider_bitrix24.client.limits.bucket import LeakyBucket
from airflow_provider_bitrix24.client.limits.operating import Knowledge
from airflow_provider_bitrix24.client.limits.working_time import WorkingTimeClaim
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.token_store import Claim
from airflow_provider_bitrix24.client.packing import pack, pack_json
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.stores.record import apply
from airflow_provider_bitrix24.client.values import WINDOW
from tests.support.damage import DEEP, VALUES, damaged
from tests.support.firing import HOST, NEW, NEXT, MemoryStore, Try, deal, deals, finished_try, first_try

IDS = (1, 2, 3, 4)


def cut_off():
    """What a try left that was cut off: of four targets one moved, one did not, two are in a request."""
    store = MemoryStore()
    first = first_try(store, *IDS)
    [answered] = first.send(2)
    first.accept(answered, {deal(1): NEXT, deal(2): NEW})
    first.send(2)
    return {part: store.load(part) for part in store}


def of_form_1():
    """The same as version 0.1.0 left it."""
    from tests.client.firing.test_kept_form_1 import REFS, form_1, opened

    return REFS, {RECORD: form_1(open=[opened(8)])}


SOUND = cut_off()
REFS_1, SOUND_1 = of_form_1()


def stored(parts):
    store = MemoryStore()
    store.update({part: json.dumps(value) for part, value in parts.items()})
    return store


def or_error(read, advice="Look at them in Bitrix24"):
    """What is read, or ``None`` where that is refused with advice."""
    try:
        return read()
    except CheckpointError as error:
        refused = error
    assert refused.executed == "no"
    assert advice in refused.hint
    return None


def taken_up(parts, refs):
    """Restore a ledger from damaged parts: it is sound, or the error says what to do."""
    store = stored(parts if isinstance(parts, dict) else {})
    sound = object()
    found = or_error(lambda: read_kept(store.load, host=HOST, code="c", refs=refs) or sound)
    assert found is not sound or store.load(RECORD) is None, "a fresh start"
    if found not in (None, sound):
        second = Try(*refs, store=store)
        second.end()
        assert [each.ref for each in second.ledger.targets] == list(refs)


@given(damaged(SOUND))
def test_a_damaged_checkpoint(parts):
    taken_up(parts, deals(*IDS))


@given(damaged(SOUND_1))
def test_a_damaged_checkpoint_of_an_earlier_release(parts):
    taken_up(parts, REFS_1)


@given(damaged(SOUND), st.booleans())
def test_a_damaged_checkpoint_that_is_brought_up_to_date(parts, awaited):
    learnt = [TargetResult(target="DEAL_1", outcome="moved", stage_after="WON")]
    store = stored(parts if isinstance(parts, dict) else {})
    amended = or_error(lambda: amend(store.load, learnt, awaited=awaited))
    assert amended is None or json.dumps(amended)


@pytest.mark.parametrize("record", [[], "x", 5, {"form": 2}, {}, {"form": 3}])
def test_a_record_of_another_kind_is_not_brought_up_to_date(record):
    with pytest.raises(CheckpointError):
        amend(stored({RECORD: record}).load, [], awaited=False)


def test_a_record_without_a_target_is_not_brought_up_to_date():
    store = MemoryStore()
    finished_try(store, 1, 2)
    for target in ("DEAL_3", "DEAL_x"):
        with pytest.raises(CheckpointError, match=f"does not hold {target}"):
            amend(store.load, [TargetResult(target=target, outcome="moved")], awaited=False)
    store.save(TARGETS, {"lists": [*store.load(TARGETS)["lists"], pack_json([[2, 9]])]}, ahead=False)
    with pytest.raises(CheckpointError, match="does not hold DEAL_9"):
        amend(store.load, [TargetResult(target="DEAL_9", outcome="moved")], awaited=False)


def test_no_lists_of_targets_together_take_more_memory_than_one_may(monkeypatch):
    monkeypatch.setattr(part_values, "MOST_MEMORY", 10_000)
    one = pack_json([[2, *[1] * 100]])
    assert len(read_lists({"lists": [one]})[0]) == 100
    with pytest.raises(ValueError, match="more targets"):
        read_lists({"lists": [one, one]})


@pytest.mark.parametrize("kind", ["snapshot", "after"])
def test_a_part_of_a_checkpoint_that_does_not_fit_the_targets_ends_the_reading(kind):
    asked = []
    rows = {"form": 2, "rows": pack_json([[len(IDS), "NEW", 0, None]])}
    record = {**SOUND[RECORD], f"{kind}_parts": 1000}
    store = stored({**SOUND, RECORD: record} | {f"{kind}_{number}": rows for number in range(1000)})
    with pytest.raises(CheckpointError):
        read_kept(lambda part: asked.append(part) or store.load(part), host=HOST, code="c", refs=deals(*IDS))
    assert len(asked) < 5


@pytest.mark.parametrize("column", ["states", "before", "after"])
def test_a_column_of_an_earlier_release_is_no_longer_than_its_targets(column):
    store = stored({RECORD: {**SOUND_1[RECORD], column: pack("0" * 2_000_000)}})
    tracemalloc.start()
    with pytest.raises(CheckpointError):
        read_kept(store.load, host=HOST, code="c", refs=REFS_1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


REPORT = TriggerReport(
    code="c",
    portal="https://example.bitrix24.com",
    results=[
        TargetResult(target="DEAL_1", outcome="moved", stage_before="NEW", stage_after="WON"),
        TargetResult(target="DEAL_2", outcome="unmoved", stage_before="NEW", stage_after="NEW", place="before"),
        TargetResult(target="DEAL_3", outcome="failed", error=TargetError("X", "no", "no", True, "operating")),
    ],
)
DONE = Finished(report=REPORT, url="https://example.bitrix24.com/x", try_number=1, max_tries=2).as_record()


def sound(report):
    assert json.dumps(report.as_dict())
    assert all(type(each.target) is str for each in report.results)
    assert sum((report.moved, report.already, report.elsewhere, report.unmoved, report.unverified, report.failed)) == (
        len(report.results)
    )


@given(damaged(dump_report(REPORT)))
def test_a_damaged_report_of_a_deferred_task(dumped):
    report = load_report(dumped)
    if report is not None:
        sound(report)


@given(damaged(DONE) | VALUES)
def test_a_damaged_report_of_a_finished_firing(record):
    finished = or_error(lambda: Finished.read(record), "Nothing is fired")
    if finished is not None:
        sound(finished.report)


@pytest.mark.parametrize("results", [pack(DEEP), pack("[[]]"), pack_json([["DEAL_1", [], None, None, None, None]])])
def test_a_report_that_cannot_be_read_is_none(results):
    assert load_report({"form": 1, "code": None, "portal": "p", "results": results}) is None


@given(damaged([pack_json(["DEAL_1", "DEAL_2"])]))
def test_damaged_targets_of_a_function(damage):
    texts = or_error(lambda: read_texts(damage[0] if damage and type(damage) is list else None))
    assert texts is None or all(isinstance(each, str) for each in texts)


PAIR = Pair(
    access_token="a" * 70,
    refresh_token="b" * 70,
    expires=1e9,
    lifetime=3600.0,
    stored_at=1e9,
    user_id=1,
    scopes=("crm",),
    client_endpoint="https://example.bitrix24.com/rest/",
)
CLAIM = Claim(host="h", pid=1, at=1e9, pair=PAIR.fingerprint)


@given(damaged(PAIR.as_record()) | VALUES, damaged(CLAIM.as_record()) | VALUES)
def test_a_damaged_pair_of_tokens(record, claim):
    pair = Pair.from_record(record)
    if pair is not None:
        assert pair.has_expired(2e9) in (True, False)
        assert isinstance(pair.lasts_until, float)
        assert pair.fingerprint
        assert json.dumps(pair.as_record())
        assert "_token" not in repr(pair)
    holder = Claim.from_record(claim)
    assert holder is None or (type(holder.pid) is int and type(holder.host) is str)


def values_of_a_pacer():
    values = {}

    class Watched(ProcessStore):
        def update(self, key, change):
            answer = super().update(key, change)
            values[key] = json.loads(self._kept[key])
            return answer

    use(Watched(lambda: 1000.0), refused=2)
    return values


def use(store, *, refused=0):
    """Everything that a process asks of its pacer; each answer is bounded."""
    pacer = Pacer(store=store, key="k", bucket=LeakyBucket(50, 2.0))
    granted = pacer.acquire(10, refused)
    assert 1 <= granted.count <= 10
    assert 0 <= granted.wait <= WINDOW
    cost = pacer.share_cost("c", None)
    assert 0 <= cost.wait <= 1
    assert cost.seconds is None or 0 <= cost.seconds <= WINDOW
    held = pacer.share_working_time("w", Knowledge({}, None, None), WorkingTimeClaim("me", 2, {"m": 1.0}))
    assert held.known.limit is None or held.known.limit > 0
    pacer.share_cost("c", 0.5)
    assert pacer.acquire(10, 1).wait <= WINDOW


@given(damaged(values_of_a_pacer()))
def test_damaged_pacing_values(values):
    store = ProcessStore(lambda: 1010.0)
    found = values if isinstance(values, dict) else {}
    store._kept.update({key: json.dumps(value) for key, value in found.items()})
    use(store)


@given(st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode()))
def test_bytes_that_somebody_else_has_written_count_as_no_value(written):
    text, seen = apply(written, 1000.0, lambda value, _now: (None, value))
    assert json.loads(text)["value"] is None
    assert seen is None or json.dumps(seen)
