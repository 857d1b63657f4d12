from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal.limits import OperatingLimit, RequestLimit
from airflow_provider_bitrix24.simulator.portal.settings import Plan
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PortalClient, add_sales_content


class TestRequestLimit:
    def limit(self, **changes):
        limit = RequestLimit()
        limit.set_plan(Plan.STANDARD)
        for name, value in changes.items():
            setattr(limit, name, value)
        return limit

    def test_drains_continuously(self):
        limit = self.limit(capacity=2.0, per_second=2.0)
        assert [limit.admit("a", now) for now in (0, 0, 0, 0.4, 0.5, 0.5)] == [True, True, False, False, True, False]

    def test_drains_in_steps(self):
        limit = self.limit(capacity=2.0, per_second=2.0, drain="steps")
        assert [limit.admit("a", now) for now in (0, 0, 0.5, 0.99, 1, 1, 1)] == [True] * 2 + [False] * 2 + [
            True,
            True,
            False,
        ]

    def test_refused_requests_may_count(self):
        patient, strict = self.limit(capacity=1.0), self.limit(capacity=1.0, refused_count=True)
        for limit in (patient, strict):
            assert [limit.admit("a", 0) for _ in range(3)] == [True, False, False]
        assert patient.admit("a", 0.5)
        assert not strict.admit("a", 0.5)

    def test_sources_have_their_own_buckets(self):
        limit = self.limit(capacity=1.0)
        assert limit.admit("a", 0)
        assert limit.admit("b", 0)
        assert not limit.admit("a", 0)
        assert limit.refused == 1

    def test_a_long_pause_empties_it(self):
        limit = self.limit(capacity=2.0)
        limit.admit("a", 0)
        limit.admit("a", 0)
        assert limit.level("a", 100) == 0
        assert [limit.admit("a", 100) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("plan", [Plan.STANDARD, Plan.ENTERPRISE])
def test_plans_set_the_bucket(plan):
    with SimulatorServer(clock=Clock(virtual=True), plan=plan) as server:
        add_sales_content(server.portal)
        portal = PortalClient(server)
        burst, rate = {Plan.STANDARD: (50, 2), Plan.ENTERPRISE: (250, 5)}[plan]
        assert [portal.get("scope").status for _ in range(burst + 1)] == [200] * burst + [503]
        server.clock.advance(1)
        assert [portal.get("scope").status for _ in range(rate + 1)] == [200] * rate + [503]


def test_a_self_hosted_portal_has_no_limits(clock):
    with SimulatorServer(clock=clock, plan="self-hosted") as server:
        add_sales_content(server.portal)
        portal = PortalClient(server)
        assert [portal.get("scope").status for _ in range(120)] == [200] * 120
        assert "x-bitrix-rest-time" not in portal.get("scope").headers


def test_newer_portals_ban_a_method_for_a_while(client):
    client.portal.operating.seconds = 5
    client.portal.operating.ban_seconds = 300
    client.portal.latency.set(command_ms=6000)
    assert client.trigger("DEAL_57").status == 200
    client.server.clock.advance(1)
    assert client.trigger("DEAL_57").status == 429
    client.server.clock.advance(299)
    assert client.trigger("DEAL_57").status == 429
    client.server.clock.advance(1)
    assert client.trigger("DEAL_57").status == 200


def test_shorter_baskets_let_the_operating_time_reset_sooner(client):
    client.request("POST", "/_simulator/limits", '{"operating": {"seconds": 5, "basket_seconds": 2}}')
    client.portal.latency.set(command_ms=6000)
    assert client.trigger("DEAL_57").status == 200
    assert client.trigger("DEAL_57").status == 429
    client.server.clock.advance(20)
    assert client.trigger("DEAL_57").status == 200


class TestNewerOperatingLimit:
    """The profile 2026-09: batches are counted at half of their time, and exceeding the limit bans."""

    @pytest.fixture
    def newer(self, clock):
        with SimulatorServer(clock=clock, profile="2026-09") as server:
            add_sales_content(server.portal)
            yield PortalClient(server)
            assert server.crashes == []

    def batch(self, client, count, method="crm.item.get?entityTypeId=2&id=57"):
        return client.batch([method] * count)

    def operating(self, response):
        return response.json["time"]["operating"]

    def test_an_envelope_shows_half_of_the_time_of_all_batches(self, newer):
        newer.portal.latency.set(command_ms=200)
        shown = [self.operating(self.batch(newer, 4)) for _ in range(3)]
        assert shown == pytest.approx([0.4, 0.8, 1.2])

    def test_a_batch_of_up_to_two_tenths_of_a_second_is_not_counted(self, newer):
        newer.portal.latency.set(command_ms=50)
        assert [self.operating(self.batch(newer, count)) for count in (4, 4, 5)] == pytest.approx([0, 0, 0.125])

    def test_older_portals_count_no_batch(self, client):
        client.portal.latency.set(command_ms=200)
        assert [self.operating(self.batch(client, 4)) for _ in range(2)] == [0, 0]

    def test_a_banned_batch_is_refused_as_a_whole_and_its_commands_are_not(self, newer):
        newer.portal.operating.seconds = 3
        newer.portal.latency.set(command_ms=1000)
        commands = ["server.time", "scope"] * 3 + ["crm.item.get?entityTypeId=2&id=57"]
        assert newer.batch(commands).json["result"]["result_error"] == []
        assert newer.batch(commands).error[:2] == (429, "OPERATION_TIME_LIMIT")
        assert newer.get("crm.item.get", "entityTypeId=2&id=57").status == 200
        assert newer.portal.operating.bans == 1
        newer.server.clock.advance(301)
        assert self.operating(self.batch(newer, 1)) == pytest.approx(0.5)

    def test_a_batch_that_the_portal_cuts_is_counted_too(self, newer):
        newer.portal.latency.set(command_ms=25000)
        assert self.batch(newer, 3).status == 504
        newer.portal.latency.set(command_ms=0)
        assert self.operating(self.batch(newer, 1)) == pytest.approx(37.5)

    @pytest.mark.parametrize(
        ("billed_to", "in_batch", "direct"), [("credential", 3.0, 4.0), ("portal", 3.0, 1.0), ("nobody", 1.0, 1.0)]
    )
    def test_whose_time_the_commands_of_a_batch_are_is_a_switch(self, newer, billed_to, in_batch, direct):
        newer.portal.operating.commands_billed_to = billed_to
        newer.portal.latency.set(command_ms=1000)
        self.batch(newer, 2)
        time = self.batch(newer, 1).json["result"]["result_time"][0]
        assert time["operating"] == pytest.approx(in_batch)
        assert self.operating(newer.get("crm.item.get", "entityTypeId=2&id=57")) == pytest.approx(direct)

    def test_the_common_account_is_shared_by_all_webhooks_of_the_portal(self, newer):
        newer.portal.operating.commands_billed_to = "portal"
        newer.portal.accounts.add_webhook(1, "another")
        newer.portal.latency.set(command_ms=1000)
        self.batch(newer, 2)
        newer.base = "/rest/1/another/"
        other = self.batch(newer, 1)
        assert other.json["result"]["result_time"][0]["operating"] == pytest.approx(3.0)
        assert self.operating(other) == pytest.approx(0.5), "the envelope is each webhook's own"

    def test_there_are_two_profiles(self):
        with pytest.raises(ValueError, match="2026-05, 2026-09"):
            OperatingLimit().set_profile("2027-01")
