"""Who gives up on what blocks, and what it may still do then."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_bitrix24.client.stores.deadline import BoundedCall


def test_a_result_and_an_error_reach_whoever_waits():
    assert BoundedCall(lambda _: 5).wait(60.0) == 5
    with pytest.raises(ZeroDivisionError):
        BoundedCall(lambda _: 1 / 0).wait(60.0)


def test_what_takes_too_long_is_given_up_and_knows_it():
    go, found = threading.Event(), []

    def blocked(attempt):
        go.wait()
        found.append((attempt.given_up, attempt.claim()))

    attempt = BoundedCall(blocked)
    with pytest.raises(TimeoutError):
        attempt.wait(0.0)
    assert attempt.running
    go.set()
    attempt._thread.join()
    assert found == [(True, False)]
    assert not attempt.running


def test_what_has_claimed_its_effect_is_waited_for():
    claimed, go, results = threading.Event(), threading.Event(), []

    def slow(attempt):
        assert attempt.claim()
        claimed.set()
        go.wait()
        return "done"

    attempt = BoundedCall(slow)
    claimed.wait()
    waiting = threading.Thread(target=lambda: results.append(attempt.wait(0.0)))
    waiting.start()
    go.set()
    waiting.join()
    assert results == ["done"]
