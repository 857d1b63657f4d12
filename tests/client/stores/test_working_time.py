"""The shared state of working time as JSON, whatever a store holds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.limits.operating import Figure, Knowledge
from airflow_provider_bitrix24.client.limits.working_time import Hold, WorkingTimeClaim, WorkingTimeState
from airflow_provider_bitrix24.client.stores.pacer import Pacer
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from airflow_provider_bitrix24.client.stores.working_time import dump_working_time, load_working_time
from tests.support.clock import VirtualClock

NOW = 5000.0
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_a_state_comes_back_without_what_is_over():
    figure, ban = Figure(10.0, NOW - 1, NOW + 300), Figure(0.0, NOW - 700, NOW - 400, NOW + 5)
    known = Knowledge({"m": figure, "banned": ban, "over": Figure(10.0, NOW - 601, NOW - 500)}, True, 300.0)
    state = WorkingTimeState(known, {"a": Hold(NOW + 50, {"m": 3.0}), "b": Hold(NOW - 1, {"m": 3.0})})
    read = load_working_time(json.loads(json.dumps(dump_working_time(state, NOW))), NOW)
    assert read == WorkingTimeState(Knowledge({"m": figure, "banned": ban}, True, 300.0), {"a": state.held["a"]})


@given(
    value=JSON
    | st.fixed_dictionaries(
        {
            "figures": st.dictionaries(
                st.just("m"), st.dictionaries(st.sampled_from(["used", "at", "reset_at", "banned_until"]), st.floats())
            ),
            "held": st.dictionaries(
                st.text(max_size=3),
                st.tuples(st.floats(), st.dictionaries(st.just("m"), st.floats())) | JSON,
                max_size=3,
            ),
            "limit": JSON,
            "bills_batches": JSON,
        }
    )
)
def test_whatever_a_store_holds_nobody_waits_for_longer_than_the_window(value):
    store = ProcessStore(VirtualClock(NOW))
    try:
        store.update("portal working time x", lambda _, __: (json.loads(json.dumps(value)), None))
    except ValueError:
        return  # no store keeps what is not JSON
    pacer = Pacer(store=store, key="portal", bucket=None)
    granted = pacer.share_working_time("x", Knowledge(), WorkingTimeClaim("me", 10, {"m": 10.0}))
    assert 0 <= granted.wait <= 600


def test_processes_on_clocks_of_their_own_share_ages_and_not_moments():
    pacer = Pacer(store=ProcessStore(VirtualClock(NOW)), key="portal", bucket=None)
    report = Knowledge({"m": Figure(405.0, -2.0, 50.0)}, True)
    pacer.share_working_time("x", report, WorkingTimeClaim("a"))
    granted = pacer.share_working_time("x", Knowledge(), WorkingTimeClaim("b", 10, {"m": 10.0}))
    assert (granted.wait, granted.known) == (51.0, report)
    assert pacer.share_working_time("y", Knowledge(), WorkingTimeClaim("b", 10, {"m": 10.0})).commands == 10
