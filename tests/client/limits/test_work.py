"""What requests that do not fire are expected to take."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.limits.work import UNKNOWN, Work, WorkEstimate

CALL = Work("m")
BATCH = Work("batch", ("m", "n", "m", "m"))


def test_a_call_is_billed_to_its_method_and_a_batch_to_those_of_its_commands_and_to_batch():
    assert CALL.accounts(8.0, bills_batches=True) == {"m": 8.0}
    commands = {"batch/m": 6.0, "batch/n": 2.0}
    assert BATCH.accounts(8.0, bills_batches=False) == commands
    assert BATCH.accounts(8.0, bills_batches=True) == commands | {"batch": 4.0}


def test_what_was_never_sent_can_take_all_that_a_request_may():
    estimate = WorkEstimate()
    assert estimate.seconds(CALL) == UNKNOWN
    assert estimate.seconds(BATCH) == 4 * UNKNOWN
    assert estimate.seconds(Work("batch", ("m",) * 50)) == 60.0


def test_the_slower_of_the_last_two_counts_for_each_method_and_for_batches_apart():
    estimate = WorkEstimate()
    estimate.note(CALL, 3.0)
    for seconds in (8.0, 2.0):
        estimate.note(BATCH, seconds)
    assert estimate.seconds(Work("batch", ("m",))) == 2.0
    estimate.note(Work("batch", ("m", "m")), 2.0)
    assert estimate.seconds(Work("batch", ("m",))) == 1.0
    assert estimate.seconds(BATCH) == pytest.approx(3 * 1.0 + 2.0)
    assert estimate.seconds(CALL) == 3.0
