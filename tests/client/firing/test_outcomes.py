"""Which outcome a target gets: one line for each rule."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import (
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
)
from airflow_provider_bitrix24.client.firing import outcomes
from airflow_provider_bitrix24.client.firing.job import MAX_FIRES, Job, Target
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.stages import Snapshot
from tests.support.firing import LOST, NEW, NEXT, api_error, deal

CONTACT = EntityRef(3, 7)
ANYWHERE, TO_NEXT = Job(code="c"), Job(code="c", expected=frozenset({"PREPARATION"}))
BLIND = Job(code="c", verify=False)
REFUSED = api_error(InvalidRequestError)


def target(ref=None, **known):
    return Target(ref or deal(1), **known)


def shown(settlement):
    """Outcome, and whether the portal acted or why it cannot be told."""
    if settlement is None:
        return None
    return settlement.outcome, settlement.error.executed if settlement.error else settlement.reason


def test_a_refused_target_was_not_executed_and_a_lost_one_may_have_been():
    assert shown(outcomes.refused(REFUSED)) == ("failed", "no")
    assert shown(outcomes.lost(LOST)) == ("failed", "unknown")
    assert (outcomes.refused(REFUSED).error.code, outcomes.lost(LOST).error.code) == ("X", "OutcomeUnknown")


def test_where_it_should_stand_decides_only_where_that_was_said():
    assert outcomes.at_expected(ANYWHERE, NEXT) is outcomes.at_expected(TO_NEXT, NEW) is None
    assert shown(outcomes.at_expected(TO_NEXT, NEXT)) == ("already", None)


@pytest.mark.parametrize(
    ("ref", "fires", "refusal", "expected"),
    [
        (deal(1), 0, None, ("failed", "no")),
        (deal(1), 1, None, ("failed", "unknown")),
        (deal(1), 0, REFUSED, ("failed", "no")),
        (deal(1), 0, api_error(PermissionDeniedError), None),
        (CONTACT, 0, None, None),
    ],
)
def test_a_target_that_no_reading_holds_is_fired_only_where_nobody_could_have_seen_it(ref, fires, refusal, expected):
    readings = StageReadings({}, refused={} if refusal is None else {ref.type_id: refusal})
    assert shown(outcomes.without_reading(target(ref, fires=fires), readings, looked=True)) == expected
    assert outcomes.without_reading(target(ref, fires=fires), readings, looked=False) is None


@pytest.mark.parametrize(
    ("job", "ref", "reason"),
    [
        (ANYWHERE, deal(1), outcomes.NOT_ALLOWED),
        (BLIND, deal(1), outcomes.NOT_ASKED),
        (ANYWHERE, CONTACT, outcomes.NO_OWN_STAGE),
        (BLIND, CONTACT, outcomes.NO_OWN_STAGE),
    ],
)
def test_what_cannot_be_compared_is_unverified_and_says_why(job, ref, reason):
    assert shown(outcomes.unverified(job, target(ref))) == ("unverified", reason)
    assert shown(outcomes.would_fire(job, target(ref))) == ("would_fire", reason)
    assert shown(outcomes.would_fire(job, target(ref, before=NEW))) == ("would_fire", None)


@pytest.mark.parametrize(
    ("job", "fires", "error", "after", "expected"),
    [
        (ANYWHERE, 1, LOST, None, ("failed", "unknown")),
        (ANYWHERE, 1, REFUSED, NEW, ("failed", "no")),
        (ANYWHERE, 1, api_error(ServerError), NEW, None),
        (ANYWHERE, 1, LOST, NEW, None),
        (ANYWHERE, MAX_FIRES, LOST, NEW, ("failed", "unknown")),
        (TO_NEXT, 1, LOST, NEXT, ("already", None)),
    ],
)
def test_a_request_that_had_no_effect_is_repeated_a_few_times_unless_the_portal_refused_it(
    job, fires, error, after, expected
):
    assert shown(outcomes.without_effect(job, target(fires=fires), error, after)) == expected


@pytest.mark.parametrize(
    ("job", "before", "after", "expected"),
    [
        (ANYWHERE, NEW, NEW, ("unmoved", None)),
        (TO_NEXT, NEW, NEW, ("unmoved", None)),
        (TO_NEXT, NEW, Snapshot("LOSE", 0, NEXT.moved_time), ("elsewhere", None)),
        (ANYWHERE, NEW, None, ("unverified", outcomes.NOT_READ_BACK)),
        (ANYWHERE, None, NEW, ("unverified", outcomes.NOT_READ_BACK)),
    ],
)
def test_what_was_accepted_and_did_not_arrive(job, before, after, expected):
    assert shown(outcomes.not_arrived(job, target(before=before, after=after))) == expected


@pytest.mark.parametrize(("fires", "sent", "executed"), [(0, True, "no"), (1, False, "no"), (1, True, "unknown")])
def test_an_interruption_leaves_open_only_what_was_sent(fires, sent, executed):
    assert shown(outcomes.interrupted(target(fires=fires), LOST, sent=sent)) == ("failed", executed)


def test_a_lost_target_is_permanently_lost_where_nobody_can_look_later():
    assert not outcomes.lost(LOST).error.permanent
    assert outcomes.lost(LOST, permanently=True).error.permanent


def test_a_portal_without_the_methods_says_why_nobody_reads():
    too_old = NotFoundError(code="ERROR_METHOD_NOT_FOUND", description="", method="m", status=404)
    assert outcomes.why_nobody_reads(StageReadings({}, refused={2: too_old}))
    assert outcomes.why_nobody_reads(StageReadings({}, refused={2: REFUSED})) is None
