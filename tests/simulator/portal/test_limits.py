from __future__ import annotations

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal.limits import RequestLimit
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
