"""Which credential reads, and what it says where none may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import PermissionDeniedError, ProtocolError
from airflow_provider_bitrix24.client.expected import ExpectedStages
from airflow_provider_bitrix24.client.firing.job import Job
from airflow_provider_bitrix24.client.firing.verifier import Verifier
from airflow_provider_bitrix24.client.flows.calls import Channel
from airflow_provider_bitrix24.client.flows.effects import Log
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import deal, deals

DENIED = {"error": "ACCESS_DENIED", "error_description": "No."}
DEAL_1 = {"id": 1, "stageId": "NEW", "categoryId": 0}
FOUND = {deal(1): Snapshot("NEW", 0)}


def channel_of(user):
    portal = Portal(base_url="https://example.bitrix24.com", user_id=user, secret="s")
    return Channel(portal=portal, random=lambda: 1.0)


def batch(results, errors=None):
    return {"result": {"result": results, "result_error": errors or []}}


def lines_of(flow):
    """Let a flow run that only logs; returns what it logged and its result."""
    lines = []
    try:
        while True:
            effect = next(flow)
            assert isinstance(effect, Log)
            lines.append(effect.message)
    except StopIteration as end:
        return lines, end.value


@pytest.fixture
def first():
    return channel_of("1")


@pytest.fixture
def second():
    return channel_of("2")


def test_without_verification_nobody_reads_and_nothing_is_sent(perform, first, second):
    verifier = Verifier.for_job(Job(code="c", verify=False), first, second, deals(1))
    assert not verifier.can_read
    assert perform(verifier.all(deals(1))).readings == StageReadings()
    assert perform(verifier.window(deals(1))) == StageReadings()


def test_the_first_credential_reads_as_long_as_it_may(perform, first, second):
    verifier = Verifier.for_job(Job(code="c"), first, second, deals(1))
    answer = [batch({"c0": {"items": [DEAL_1]}})]
    assert perform(verifier.window(deals(1)), ("acquire 1", 0.0), ("send batch of 1", answer)).found == FOUND
    assert (verifier.channel, verifier.refused) == (first, False)


def test_a_credential_that_is_refused_as_a_whole_is_replaced_and_known_to_send_no_batches(perform, first, second):
    verifier = Verifier(first, second)
    readings = perform(
        verifier.window(deals(1)),
        ("acquire 1", 0.0),
        ("send batch of 1", [(403, DENIED)]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch({"c0": {"items": [DEAL_1]}})]),
    )
    assert readings.found == FOUND
    assert (verifier.channel, verifier.second, verifier.refused) == (second, None, True)


def test_a_credential_that_may_not_read_one_type_is_replaced_and_may_still_send_batches(perform, first, second):
    verifier = Verifier(first, second)
    perform(
        verifier.window(deals(1)),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch([], {"c0": DENIED})]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch({"c0": {"items": [DEAL_1]}})]),
    )
    assert (verifier.channel, verifier.refused) == (second, False)


def test_where_the_second_credential_is_refused_too_nobody_reads(perform, first, second):
    verifier = Verifier(first, second)
    readings = perform(
        verifier.window(deals(1)),
        ("acquire 1", 0.0),
        ("send batch of 1", [(403, DENIED)]),
        ("log", None),
        ("acquire 1", 0.0),
        ("send batch of 1", [(403, DENIED)]),
        ("log", None),
    )
    assert readings == StageReadings()
    assert not verifier.can_read
    assert perform(verifier.all(deals(1))).readings == StageReadings()


def test_a_portal_that_fails_is_not_a_refusal(perform, first, second):
    verifier = Verifier(first, second)
    with pytest.raises(ProtocolError):
        perform(verifier.window(deals(1)), ("acquire 1", 0.0), ("send batch of 1", [(302, b"")]))
    assert verifier.channel is first


def test_that_nobody_may_read_is_said_once(perform, first):
    verifier = Verifier(first, None)
    refused = batch([], {"c0": DENIED})
    steps = [("acquire 1", 0.0), ("send batch of 1", [refused])]
    readings = perform(verifier.window(deals(1)), *steps, ("log", None))
    assert isinstance(readings.refused[2], PermissionDeniedError)
    perform(verifier.window(deals(1)), *steps)


def test_reading_what_was_fired_tells_the_portals_clock(perform, first):
    verifier = Verifier(first, None)
    timed = batch({"c0": {"items": [DEAL_1]}}) | {"time": {"start": 2e9, "finish": 2e9}}
    perform(verifier.all(deals(1)), ("acquire 1", 0.0), ("send batch of 1", [(timed, (100.0, 101.0))]))
    assert first.portal_clock.earliest(161.0) == 2e9 + 60.0


MANY_TYPES = [EntityRef(1030 + 2 * number, 1) for number in range(51)]
"""More than one request can read."""


def test_where_a_later_request_fails_what_the_earlier_ones_have_shown_is_kept(perform, first):
    rows = {f"c{number}": {"items": [{"id": 1, "stageId": "NEW", "categoryId": 0}]} for number in range(50)}
    read = perform(
        Verifier(first, None).all(MANY_TYPES),
        ("acquire 1", 0.0),
        ("send batch of 50", [batch(rows)]),
        ("acquire 1", 1.0),
        ("send batch of 1", [(302, b"")]),
    )
    assert list(read.readings.found) == MANY_TYPES[:50]
    assert set(read.reached) == set(MANY_TYPES[:50])
    assert isinstance(read.failure, ProtocolError)


# -- the stages that are expected

ROWS = [{"STATUS_ID": "NEW", "NAME": "New", "SORT": 10}, {"STATUS_ID": "WON", "NAME": "Deal won", "SORT": 20}]
IN_5 = {"C5:NEW": "New", "C5:WON": "Deal won"}
ROWS_5 = [{"STATUS_ID": stage, "NAME": name, "SORT": 10} for stage, name in IN_5.items()]


def expecting(channel, *stages, types=(2,)):
    refs = [EntityRef(type_id, 1) for type_id in types]
    return Verifier.for_job(Job(code="c", expected=frozenset(stages)), channel, None, refs)


def test_a_dictionary_takes_a_command_of_the_first_window_and_of_no_other(perform, first):
    verifier = expecting(first, "WON")
    assert verifier.window_size(deals(*range(1, 3000))) == 2450
    answer = [batch({"c0": {"items": [DEAL_1]}, "c1": ROWS})]
    readings = perform(verifier.window(deals(1)), ("acquire 1", 0.0), ("send batch of 2", answer))
    assert lines_of(verifier.check_expected(readings)) == ([], None)
    assert verifier.window_size(deals(*range(1, 3000))) == 2500
    assert Verifier(first, None).window_size(deals(*range(1, 3000))) == 2500


def test_a_stage_that_its_dictionary_does_not_list_is_a_problem(perform, first):
    verifier = expecting(first, "Won")
    answer = [batch({"c0": {"items": [DEAL_1]}, "c1": ROWS})]
    readings = perform(verifier.window(deals(1)), ("acquire 1", 0.0), ("send batch of 2", answer))
    lines, problem = lines_of(verifier.check_expected(readings))
    assert lines == []
    assert "expected_stage 'Won' is not a stage of DEAL pipeline 0." in str(problem)


def test_the_targets_own_dictionary_is_read_where_the_id_names_none_that_lists_it(perform, first):
    verifier = expecting(first, "Deal won")
    answer = [batch({"c0": {"items": [{**DEAL_1, "categoryId": 5}]}, "c1": ROWS})]
    readings = perform(verifier.window(deals(1)), ("acquire 1", 0.0), ("send batch of 2", answer))
    problem = perform(
        verifier.check_expected(readings), ("acquire 1", 0.0), ("send crm.status.list", [{"result": ROWS_5}])
    )
    assert "Did you mean C5:WON (Deal won)?" in str(problem)


@pytest.mark.parametrize("dictionary", [batch({"c0": {"items": [DEAL_1]}}, {"c1": DENIED}), None])
def test_a_dictionary_that_is_refused_or_empty_is_no_check_and_said_once(perform, first, dictionary):
    verifier = expecting(first, "Won")
    answer = dictionary or batch({"c0": {"items": [DEAL_1]}, "c1": []})
    readings = perform(verifier.window(deals(1)), ("acquire 1", 0.0), ("send batch of 2", [answer]), ("log", None))
    assert lines_of(verifier.check_expected(readings)) == ([], None)


def test_a_dictionary_of_the_targets_own_that_is_refused_is_no_check_and_said_once(perform, first):
    verifier = expecting(first, "CLIENT", types=(177,))
    readings = StageReadings({EntityRef(177, 1): Snapshot("DT177_12:NEW", 12)})
    problem = perform(
        verifier.check_expected(readings),
        ("acquire 1", 0.0),
        ("send crm.status.list", [(403, DENIED)]),
        ("log", None),
    )
    assert problem is None
    assert lines_of(verifier.check_expected(readings)) == ([], None)


def test_a_stage_of_another_pipeline_is_warned_of(perform, first):
    verifier = expecting(first, "WON")
    answer = [batch({"c0": {"items": [{**DEAL_1, "categoryId": 5}]}, "c1": ROWS})]
    readings = perform(verifier.window(deals(1)), ("acquire 1", 0.0), ("send batch of 2", answer))
    [line], problem = lines_of(verifier.check_expected(readings))
    assert problem is None
    assert line.startswith("DEAL_1: WON is a stage of DEAL pipeline 0, not of DEAL pipeline 5.")


def test_where_nothing_was_found_or_nobody_reads_nothing_is_checked(first):
    assert lines_of(expecting(first, "Won").check_expected(StageReadings())) == ([], None)
    blind = Verifier(None, None, ExpectedStages(["Won"], {2}))
    assert lines_of(blind.check_expected(StageReadings(FOUND))) == ([], None)


def expecting_later(channel, *stages, types=(2,)):
    refs = [EntityRef(type_id, 1) for type_id in types]
    return Verifier.for_job(Job(code="c", expected=frozenset(stages), or_later=True), channel, None, refs)


def test_the_order_of_a_pipeline_can_be_learned_before_any_target_is_read(perform, first):
    verifier = expecting_later(first, "NEW")
    assert perform(verifier.learn_order(), ("acquire 1", 0.0), ("send crm.status.list", [{"result": ROWS}])) is None
    assert verifier.expected.accepted == {"NEW", "WON"}
    assert perform(verifier.learn_order()) is None
    readings = perform(
        verifier.window(deals(1)),
        ("acquire 1", 0.0),
        ("send batch of 1", [batch({"c0": {"items": [DEAL_1]}})]),
    )
    assert readings.found == FOUND


def test_without_later_stages_or_anybody_who_reads_no_order_is_learned(perform, first):
    for verifier in (expecting(first, "NEW"), Verifier(first, None), Verifier.for_job(Job(code="c"), first, None, ())):
        assert perform(verifier.learn_order()) is None
    blind = expecting_later(first, "NEW")
    blind.channel = None
    assert perform(blind.learn_order()) is None


def test_of_a_pipeline_whose_order_is_not_known_only_the_stages_named_count_and_it_is_said(perform, first):
    verifier = expecting_later(first, "WON")
    readings = perform(
        verifier.window(deals(1)),
        ("acquire 1", 0.0),
        ("send batch of 2", [batch({"c0": {"items": [DEAL_1]}}, {"c1": DENIED})]),
        ("log", None),
    )
    assert readings.found == FOUND
    unread = expecting_later(first, "WON")
    [line], _ = lines_of(unread._warn_unchecked(unread.expected))
    assert line.startswith("The stages of a pipeline could not be read")
    assert line.endswith("only the stages named count; later ones do not.")


@pytest.mark.parametrize(("name", "to"), [("", ""), ("crm_reads", " to connection crm_reads")])
@pytest.mark.parametrize(
    ("code", "advice"),
    [("insufficient_scope", "add the scope in Bitrix24."), ("ACCESS_DENIED", "may read in verify_conn_id.")],
)
def test_a_refusal_to_the_last_who_reads_names_the_connection_and_what_to_do(first, name, to, code, advice):
    verifier = Verifier(replace(first, portal=replace(first.portal, name=name)), None)
    error = PermissionDeniedError(code=code, description="", method="m", status=403)
    [line], _ = lines_of(verifier._next(error))
    assert line.startswith(f"Reading is refused{to}: {error.message} What is fired stays unverified.")
    assert line.endswith(advice)
    assert (verifier.channel, verifier.second) == (None, None)


def test_where_a_second_connection_reads_instead_it_is_said(first, second):
    verifier = Verifier(first, second)
    [line], _ = lines_of(verifier._next(PermissionDeniedError(code="X", description="", method="m", status=403)))
    assert line == "This webhook may not read entities; the second connection reads instead."
    assert (verifier.channel, verifier.second) == (second, None)


def test_a_dictionary_that_cannot_be_read_stops_no_other(perform, first):
    verifier = expecting_later(first, "WON", types=(2, 1))
    steps = [("acquire 1", 0.0), ("send crm.status.list", [(403, DENIED)])]
    steps += [("acquire 1", 0.0), ("send crm.status.list", [{"result": ROWS}]), ("log", None)]
    assert perform(verifier.learn_order(), *steps) is None
