"""What may be written over what in a store of tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_bitrix24.client.oauth.changes import (
    Claiming,
    Releasing,
    Storing,
    of_another_portal,
    replacement,
)
from airflow_provider_bitrix24.client.oauth.pair import Pair
from airflow_provider_bitrix24.client.oauth.token_store import Claim, Kept

NOW = 1.8e9
OLD = Pair(access_token="a" * 32, refresh_token="r" * 32, expires=NOW, lifetime=3600, stored_at=NOW - 3600)
NEW = replace(OLD, access_token="b" * 32, refresh_token="s" * 32, expires=NOW + 3600)
OURS = Claim(host="here", pid=1, at=NOW, pair=OLD.fingerprint)
THEIRS = replace(OURS, host="there", pid=2)


@pytest.mark.parametrize(
    ("kept", "claimed"),
    [
        (Kept(pair=OLD), True),
        (Kept(pair=OLD, claim=THEIRS), False),
        (Kept(pair=OLD, claim=replace(THEIRS, at=NOW - 3600)), True),
        (Kept(pair=OLD, claim=replace(THEIRS, pair=NEW.fingerprint)), True),
        (Kept(pair=OLD, claim=replace(OURS, pid=3)), True),
        (Kept(pair=NEW), False),
        (Kept(), False),
    ],
)
def test_a_claim_yields_to_another_host_that_refreshes_the_same_pair(kept, claimed):
    assert Claiming(OURS)(kept) == (replace(kept, claim=OURS) if claimed else kept)


def test_a_claim_that_was_waited_out_is_overruled():
    kept = Kept(pair=OLD, claim=THEIRS)
    assert Claiming(OURS, overruled=THEIRS)(kept).claim == OURS


def test_only_ones_own_claim_is_withdrawn():
    assert Releasing(OURS)(Kept(pair=OLD, claim=OURS)) == Kept(pair=OLD)
    assert Releasing(OURS)(Kept(pair=OLD, claim=THEIRS)).claim == THEIRS


def test_a_pair_is_stored_unless_a_later_one_or_one_of_another_portal_is_kept():
    storing = Storing(NEW, replaces=OLD.fingerprint)
    assert storing(Kept(pair=OLD, claim=OURS)) == Kept(pair=NEW, claim=OURS), "the claim is not touched"
    assert storing(Kept()).pair == NEW
    assert Storing(OLD, replaces="other")(Kept(pair=NEW)).pair == NEW
    theirs = replace(OLD, member_id="x")
    assert Storing(replace(NEW, member_id="y"), replaces="other")(Kept(pair=theirs)).pair == theirs
    assert not of_another_portal(theirs, NEW), "a portal without a name may be the same"


def test_a_server_whose_clock_was_put_back_issues_a_pair_that_expires_earlier_and_counts():
    earlier = replace(NEW, expires=NOW - 60, stored_at=NOW)
    assert Storing(earlier, replaces=OLD.fingerprint)(Kept(pair=OLD)).pair == earlier
    assert replacement(Kept(pair=earlier), OLD, now=NOW) == earlier


def test_a_kept_pair_replaces_one_that_failed_only_where_it_is_newer_and_valid():
    assert replacement(Kept(pair=NEW), OLD, now=NOW) == NEW
    for kept in (Kept(), Kept(pair=OLD), Kept(pair=replace(NEW, expires=NOW - 1))):
        assert replacement(kept, OLD, now=NOW) is None
    assert replacement(Kept(pair=NEW), OLD, now=NOW + 86400) is None
