"""What one machine's processes and one process's threads share while tokens are refreshed."""

from __future__ import annotations

import os
import warnings

from airflow_provider_bitrix24.client.oauth.process import MachineLock, process_tokens


def test_one_process_of_a_machine_has_the_lock_at_a_time(tmp_path):
    one, other = (MachineLock("tokens", tmp_path) for _ in range(2))
    assert one.acquire()
    assert not other.acquire()
    one.release()
    one.release()
    assert other.acquire()
    other.release()


def test_a_lock_that_its_caller_has_given_up_is_not_taken_any_more(tmp_path):
    late, other = (MachineLock("tokens", tmp_path) for _ in range(2))
    late.release()
    assert late.acquire() is False
    assert other.acquire() is True
    other.release()


def test_a_forked_process_does_not_inherit_a_refresh_that_is_under_way():
    tokens = process_tokens("fork")
    with tokens.refreshing:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns if another test has left a thread
            child = os.fork()
        if child == 0:
            os._exit(0 if tokens.refreshing.acquire(blocking=False) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
