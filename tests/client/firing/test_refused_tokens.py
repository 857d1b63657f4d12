"""An application's token is refused to some requests of a round, while the portal executes the others."""

from __future__ import annotations

from collections import Counter

import pytest

from airflow_provider_bitrix24.client.errors import AuthenticationError
from tests.support.drivers import KINDS
from tests.support.firing import MemoryStore
from tests.support.token_rig import CLIENT_ID, authorized_rig

TARGETS = [f"DEAL_{number}" for number in range(1, 121)]
FIRST = 24
"""Targets of the first batch, which goes alone."""
REFUSED = {"kind": "error", "status": 401, "code": "expired_token", "description": "", "method": "batch"}
DEAD = {"kind": "error", "status": 401, "code": "NOT_INSTALLED", "description": "x", "method": "oauth.token"}
AWAY = {"kind": "error", "status": 401, "code": "CONNECTION_ERROR", "description": "x", "method": "oauth.token"}


@pytest.fixture
def rig(tmp_path):
    """A trigger of the application's, under one code on three stages in a row: firing twice moves twice."""
    with authorized_rig(tmp_path, deals=len(TARGETS)) as rig:
        for stage in ("PREPARATION", "EXECUTING", "FINAL_INVOICE"):
            rig.portal.add_trigger(stage, code="paid", application=CLIENT_ID)
        with rig.client() as client:
            client.add_trigger("paid", "Paid")
        yield rig


def test_what_the_round_has_done_is_booked_where_the_token_cannot_be_replaced(rig):
    rig.server.faults.script([None, None, REFUSED, DEAD])
    store = MemoryStore()
    report = rig.do("sync", "execute_trigger", TARGETS, "paid", checkpoint_store=store)
    assert report.moved == len(rig.portal.moves)
    assert FIRST < report.moved < len(TARGETS)
    refused = [each for each in report.results if each.outcome == "failed"]
    assert len(refused) == len(TARGETS) - report.moved
    assert {each.error.executed for each in refused} == {"no"}
    assert all("Install" in each.error.message for each in refused)
    report = rig.do("sync", "execute_trigger", TARGETS, "paid", checkpoint_store=store)
    assert report.moved == len(TARGETS)
    assert Counter(rig.portal.moves.values()) == {1: len(TARGETS)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_call_continues_where_the_authorization_server_is_away_for_a_moment(rig, kind):
    rig.server.faults.script([None, None, REFUSED, *[AWAY] * 3])
    report = rig.do(kind, "execute_trigger", TARGETS, "paid")
    assert report.moved == len(TARGETS)
    assert Counter(rig.portal.moves.values()) == {1: len(TARGETS)}


def test_a_first_request_whose_token_cannot_be_replaced_has_fired_nothing(rig):
    rig.server.faults.script([None, REFUSED, DEAD])
    with pytest.raises(AuthenticationError, match="NOT_INSTALLED") as caught:
        rig.do("sync", "execute_trigger", TARGETS, "paid")
    assert caught.value.executed == "no"
    assert not rig.portal.moves
