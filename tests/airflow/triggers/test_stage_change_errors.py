"""Watching the stage history: wrong arguments, wrong cursors, and a portal that fails or refuses."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    Bitrix24Error,
    ConfigurationError,
)
from airflow_provider_bitrix24.compat import AirflowNotFoundException
from airflow_provider_bitrix24.simulator.testing import connection_json
from airflow_provider_bitrix24.triggers import stage as stage_module
from airflow_provider_bitrix24.triggers.stage import LONGEST_BACK_OFF
from tests.support.misbehaving_server import MisbehavingServer
from tests.support.trigger_runs import (
    CONNECTION,
    DOWN,
    WRONG,
    EnoughError,
    Store,
    StoreOfSeveralAssets,
    all_events,
    events,
    everything_logged,
    moves_at_sleeps,
    silent_while_time_flies,
    watches,
)


@pytest.mark.parametrize("kept", [{"portal": "https://other.example.com", "history_id": 1}, {"history_id": 1}, "1", 1])
async def test_a_cursor_of_another_portal_is_not_used(portal, time, kept):
    trigger = watches()
    trigger.asset_state_store = store = Store()
    store.kept[trigger._query.key("bitrix24_default")] = kept
    moves_at_sleeps(portal, time, [("DEAL_57", "WON")])

    assert [each["target"] for each in await all_events(trigger)] == ["DEAL_57"]


async def test_a_cursor_past_the_end_of_the_history_is_not_used(portal, time):
    trigger = watches()
    trigger.asset_state_store = store = Store()
    store.kept[trigger._query.key("bitrix24_default")] = {"portal": portal.url, "history_id": 10_000}
    moves_at_sleeps(portal, time, [("DEAL_57", "WON")])

    assert [each["target"] for each in await all_events(trigger)] == ["DEAL_57"]


async def test_a_trigger_that_several_assets_share_keeps_its_cursor_in_memory(portal, time):
    trigger = watches()
    trigger.asset_state_store = StoreOfSeveralAssets()
    moves_at_sleeps(portal, time, [("DEAL_57", "WON")], [("DEAL_58", "WON")])

    assert len(await all_events(trigger)) == 2


async def test_a_poll_that_hangs_is_a_transient_error(portal, time, monkeypatch):
    monkeypatch.setattr(stage_module, "LONGEST_POLL", 60)
    with MisbehavingServer(silent_while_time_flies(61)) as server:
        monkeypatch.setenv(CONNECTION, connection_json(f"http://127.0.0.1:{server.port}/rest/1/secret12345/"))
        moves_at_sleeps(portal, time, [], [])
        assert await all_events(watches()) == []
        assert len(server.heard) == 3

    assert time.slept == [120, 240, 480]


async def test_transient_errors_lead_to_longer_pauses_and_no_move_is_missed(portal, time):
    failing = [True] * 8
    polls = []

    def later(seconds):
        if seconds <= 30:
            return
        polls.append(seconds)
        portal.faults.clear()
        if failing:
            failing.pop()
            portal.faults.script(DOWN)
            portal.portal.move("DEAL_57", "WON" if len(failing) % 2 else "NEW")
        elif len(polls) > 12:
            raise EnoughError

    time.on_sleep = later
    payloads = await all_events(watches())

    assert polls[:7] == [60, 120, 240, 480, LONGEST_BACK_OFF, LONGEST_BACK_OFF, LONGEST_BACK_OFF]
    assert polls[9:] == [60] * 4
    assert len(payloads) == 8


async def test_a_permanent_refusal_ends_it_after_a_pause(portal, time, monkeypatch):
    monkeypatch.setenv(CONNECTION, connection_json(f"{portal.url}/rest/1/{WRONG}/"))

    with pytest.raises(AuthenticationError) as caught:
        await events(watches())

    assert WRONG not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert portal.requests.total == 1
    assert time.slept == [120]  # Airflow starts a failed watcher anew at once


async def test_the_traceback_of_a_refusal_does_not_show_the_secret(portal, monkeypatch):
    import traceback

    monkeypatch.setenv(CONNECTION, connection_json(f"{portal.url}/rest/1/{WRONG}/"))
    with pytest.raises(Bitrix24Error) as caught:
        await events(watches())

    assert WRONG not in "".join(traceback.format_exception(caught.value))


async def test_a_type_that_the_portal_does_not_know_ends_it(portal):
    with pytest.raises(Bitrix24Error):
        await events(watches(entity_type="DYNAMIC_1044"))


async def test_a_missing_connection_ends_it_after_a_pause(portal, time):
    with pytest.raises(AirflowNotFoundException, match="nowhere"):
        await events(watches(bitrix24_conn_id="nowhere"))

    assert time.slept == [120]


@pytest.mark.parametrize(("interval", "warned"), [(1, True), (5, False)])
async def test_the_log_warns_of_short_intervals(portal, time, capsys, interval, warned):
    time.on_sleep = lambda _: portal.portal.move("DEAL_57", "WON")

    with everything_logged() as logged:
        await events(watches(poll_interval=interval))

    # Airflow 3 prints what a trigger logs where no triggerer takes it.
    assert ("less than 5 s between polls" in logged.getvalue() + capsys.readouterr().out) == warned


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"entity_type": "QUOTE"}, "no stage history of quotes.*StageSensor"),
        ({"entity_type": "CONTACT"}, "no stage history of CONTACT"),
        ({"entity_type": "ORDER"}, "no stage history of ORDER"),
        ({"entity_type": "deals"}, "entity_type is 'deals'.*Write LEAD, DEAL"),
        ({"entity_type": "DYNAMIC"}, "entity_type is 'DYNAMIC'"),
        ({"entity_type": ""}, "entity_type is ''"),
        ({"entity_type": None}, "entity_type is None"),
        ({"entity_type": "DEAL_57"}, "entity_type is 'DEAL_57'"),
        ({"entity_type": "https://example.com/rest/1/secret/"}, "entity_type is a URL"),
        ({"entity_type": "example.com%2Frest%2F1%2Fsecret"}, "entity_type is a URL"),
        ({"stage": ""}, "stage is ''"),
        ({"stage": []}, r"stage is \[\]"),
        ({"stage": ["WON", 5]}, "stage is .*5"),
        ({"stage": 5}, "stage is 5"),
        ({"category_id": "5"}, "category_id is '5'"),
        ({"category_id": -1}, "category_id is -1"),
        ({"category_id": True}, "category_id is True"),
        ({"entity_type": "LEAD", "category_id": 0}, "leads have no pipelines"),
        ({"poll_interval": 0}, "poll_interval is 0"),
        ({"poll_interval": "60"}, "poll_interval is '60'"),
        ({"poll_interval": True}, "poll_interval is True"),
    ],
)
def test_wrong_arguments_are_refused_when_the_dag_is_read(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        watches(**arguments)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"stage": "WON"}, {"stage": ["WON"]}),
        ({"stage": ("WON", "LOSE")}, {"stage": ["LOSE", "WON", "LOSE"]}),
        ({"entity_type": "deal"}, {"entity_type": "DYNAMIC_2"}),
        ({"stage": None}, {}),
    ],
)
def test_equal_queries_are_one_watcher(one, other):
    assert watches(**one).serialize() == watches(**other).serialize()
