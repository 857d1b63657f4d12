"""Portals that ban who exceeds the operating limit ban nobody, and what they allow is used. In virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scripts.virtual_hosts import VirtualHosts, in_virtual_time

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.report import TriggerReport

pytestmark = pytest.mark.no_cover  # many runs of lines that other tests cover; tracing them takes longer than they do

LIMIT, WINDOW = 420.0, 600.0


def fire(
    count: int,
    robot: float,
    *,
    processes: int = 1,
    direct: bool = False,
    share: bool = True,
    profile: Any = "2026-09",
    **operating: Any,
) -> tuple[VirtualHosts, list[TriggerReport]]:
    """Fire ``count`` triggers whose robots take some seconds, from several processes with the same credential."""

    async def scenario() -> tuple[VirtualHosts, list[TriggerReport]]:
        hosts = VirtualHosts(share=share)
        hosts.portal.operating.set_profile(profile)
        for name, value in operating.items():
            setattr(hosts.portal.operating, name, value)
        if direct:
            hosts.portal.settings.subscription = "missing"
        targets = hosts.deals(count)
        hosts.portal.add_robot("PREPARATION", seconds=robot)
        lists = [targets[number::processes] for number in range(processes)]
        return hosts, await hosts.together([hosts.fire(each, system=direct) for each in lists])

    hosts, reports = in_virtual_time(scenario())
    assert hosts.service.crashes == []
    assert set(hosts.portal.fires.values()) == {1}
    assert sum(report.moved + report.unverified for report in reports) == count
    return hosts, reports


def least_seconds(work: float, at_once: float) -> float:
    """How long so much work takes at least: full windows of ten minutes, and the rest."""
    windows, rest = divmod(work, LIMIT)
    return windows * WINDOW + rest / at_once


@pytest.mark.parametrize(
    ("count", "seconds", "direct", "billed_to"),
    [
        (1500, 0.8, False, "credential"),
        (1500, 0.8, True, "credential"),
        (10000, 0.15, False, "credential"),
        (1500, 0.8, False, "portal"),
    ],
)
def test_nobody_is_banned_and_nine_tenths_of_what_is_allowed_are_used(count, seconds, direct, billed_to):
    hosts, _ = fire(count, seconds, direct=direct, commands_billed_to=billed_to)
    assert (hosts.portal.operating.bans, hosts.portal.operating.refused, hosts.portal.limits.refused) == (0, 0, 0)
    at_once = min(4.0, 2.0 * seconds) if direct else 4.0  # direct calls leave at two a second
    assert least_seconds(count * seconds, at_once) >= 0.9 * hosts.seconds


def test_where_only_batches_are_counted_they_are_the_limit():
    hosts, _ = fire(3000, 0.8, commands_billed_to="nobody")
    assert (hosts.portal.operating.bans, hosts.portal.operating.refused) == (0, 0)
    assert least_seconds(0.5 * 3000 * 0.8, 2.0) >= 0.9 * hosts.seconds


def test_commands_too_quick_to_be_reported_at_once_are_counted():
    hosts, _ = fire(8000, 0.06)
    assert (hosts.portal.operating.bans, hosts.portal.operating.refused) == (0, 0)


@pytest.mark.parametrize("seconds", [9.0, 20.0])
def test_requests_that_the_portal_cuts_are_counted(seconds):
    hosts, _ = fire(60, seconds)
    assert (hosts.portal.operating.bans, hosts.portal.operating.refused) == (0, 0)


@pytest.mark.parametrize(("count", "seconds", "direct"), [(1200, 0.8, False), (1200, 0.8, True), (4000, 0.2, False)])
def test_eight_processes_with_one_credential_share_its_working_time(count, seconds, direct):
    hosts, _ = fire(count, seconds, processes=8, direct=direct)
    assert (hosts.portal.operating.bans, hosts.portal.operating.refused, hosts.portal.limits.refused) == (0, 0, 0)
    at_once = min(32.0, 2.0 * seconds) if direct else 32.0
    assert least_seconds(count * seconds, at_once) >= 0.9 * hosts.seconds


def test_after_a_ban_its_end_is_waited_for_and_then_nothing_is_spent():
    hosts, _ = fire(400, 0.8, seconds=200.0)
    assert hosts.portal.operating.bans == 1, "nobody can know of a limit that is lower than documented"
    assert hosts.seconds < 100 + 300 + 100


def test_an_older_portal_is_used_up_to_its_limit_and_refuses_nothing():
    hosts, _ = fire(1500, 0.8, profile="2026-05")
    assert hosts.portal.operating.refused == 0
    assert hosts.seconds <= (2 * WINDOW + (1200 - 2 * 480) / 4) / 0.9
