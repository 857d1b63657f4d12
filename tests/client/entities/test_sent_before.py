"""Updates that move entities, with other values than those that an earlier try has sent."""

from __future__ import annotations

import json
import logging

import pytest

from airflow_provider_bitrix24.client.entities.sent_before import PART
from airflow_provider_bitrix24.client.errors import CheckpointError
from tests.support.updates import UpdateCheckpoint, counts, moves_of, sent, update

REFUSED = {"kind": "command_error", "code": "ACCESS_DENIED", "keys": ["c2"]}


def rows(stage, numbers=(1, 2, 3), **more):
    return [{"id": number, "stageId": stage, **more} for number in numbers]


@pytest.fixture
def bench(benches):
    with benches("sync") as bench:
        bench.deals(3)
        yield bench


@pytest.fixture
def kept(bench):
    """What a try has kept that has moved two deals to PREPARATION, and was refused the third."""
    kept = UpdateCheckpoint()
    bench.server.faults.script([None, None, None, REFUSED])
    assert counts(update(bench, rows("PREPARATION"), checkpoint_store=kept)) == (2, 0, 1)
    return kept


def test_what_was_sent_to_another_stage_is_neither_sent_again_nor_called_updated(bench, kept):
    for _ in range(2):
        report = update(bench, rows("EXECUTING"), checkpoint_store=kept)

        assert [each.outcome for each in report.results] == ["failed", "failed", "updated"]
        assert report.targets == ["DEAL_3"]
        assert all(each.error.permanent for each in report.results[:2])
        assert "sent it to another stage" in report.results[0].error.message
    assert [moves_of(bench, number) for number in (1, 2, 3)] == [["PREPARATION"], ["PREPARATION"], ["EXECUTING"]]
    assert counts(update(bench, rows("PREPARATION", (1, 2)), checkpoint_store=kept)) == (2, 0, 0)


def test_what_a_batch_could_carry_then_and_cannot_now_is_known_as_well(bench, kept):
    report = update(bench, rows("EXECUTING", (1,), title=None), checkpoint_store=kept)
    assert [each.outcome for each in report.results] == ["failed"]
    assert moves_of(bench, 1) == ["PREPARATION"]


def test_what_was_cut_off_may_have_been_sent(bench):
    kept = UpdateCheckpoint()
    kept.saves_left = 1
    with pytest.raises(KeyboardInterrupt):
        update(bench, rows("PREPARATION"), checkpoint_store=kept)
    kept.saves_left = None
    assert counts(update(bench, rows("EXECUTING"), checkpoint_store=kept)) == (0, 0, 3)
    assert counts(update(bench, rows("PREPARATION"), checkpoint_store=kept))[2] == 0
    assert [moves_of(bench, number) for number in (1, 2, 3)] == [["PREPARATION"]] * 3


def test_other_values_beside_the_same_stage_are_not_sent_and_the_log_says_so(bench, kept, caplog):
    with caplog.at_level(logging.WARNING):
        report = update(bench, rows("PREPARATION", title="renamed"), checkpoint_store=kept)
    assert counts(report) == (3, 0, 0)
    assert "2 of these entities to the same stage" in caplog.text
    assert sent(bench) == 4
    assert [moves_of(bench, number) for number in (1, 2, 3)] == [["PREPARATION"]] * 3


def test_values_that_an_earlier_release_did_not_keep_count_as_the_same(bench, kept):
    del kept.parts[PART]
    assert counts(update(bench, rows("EXECUTING"), checkpoint_store=kept)) == (3, 0, 0)
    assert [moves_of(bench, number) for number in (1, 2)] == [["PREPARATION"]] * 2


@pytest.mark.parametrize("damage", ["text", 5, [], {}, {"digests": 5}, {"digests": "text"}, {"digests": None}])
def test_values_that_cannot_be_read_end_the_try_and_nothing_is_sent(bench, kept, damage):
    kept.parts[PART] = json.dumps(damage)
    before = sent(bench)
    assert isinstance(update(bench, rows("PREPARATION"), checkpoint_store=kept), CheckpointError)
    assert sent(bench) == before
