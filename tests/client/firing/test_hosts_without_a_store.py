"""Hosts that share an address but no store: nobody gives up, and refusals cost little time. In virtual time."""

from __future__ import annotations

import pytest

from scripts.virtual_hosts import VirtualHosts, in_virtual_time

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover; tracing them takes longer than they do


def together(hosts, count, *, at_once=None, verify=True, share=False):
    """Let hosts fire at a portal that counts refused requests; returns the portal."""

    async def scenario():
        portal = VirtualHosts(share=share)
        portal.strict()
        portal.portal.latency.set(request_ms=20, command_ms=5)
        targets = portal.deals(hosts * count)
        lists = [targets[number * count :][:count] for number in range(hosts)]
        firings = [portal.fire(each, starts=1.0 + 0.3 * portal.random.random(), verify=verify) for each in lists]
        reports = await portal.together(firings, at_once)
        assert sum(report.failed for report in reports) == 0
        assert sum(report.moved + report.unverified for report in reports) == hosts * count
        return portal

    portal = in_virtual_time(scenario())
    assert portal.service.crashes == []
    assert set(portal.portal.fires.values()) == {1}
    return portal


@pytest.mark.parametrize(("count", "verify", "seconds", "refused"), [(60, True, 80.0, 50), (200, False, 180.0, 70)])
def test_pods_with_one_entity_each_are_patient_and_careful(count, verify, seconds, refused):
    portal = together(count, 1, at_once=16, verify=verify)
    assert portal.seconds <= seconds
    assert portal.portal.limits.refused <= refused


def test_eight_hosts_find_their_eighth():
    portal = together(8, 600, verify=False)
    assert portal.seconds <= 75
    assert portal.portal.limits.refused <= 60


def test_four_times_as_many_pods_at_once_take_longer_but_none_gives_up():
    together(96, 1, at_once=64, verify=False)


def test_hosts_that_share_a_store_are_never_refused():
    portal = together(8, 400, verify=False, share=True)
    assert portal.portal.limits.refused == 0
    assert portal.seconds <= 1.06 * (8 * 10 - 48) / 2 + 1
