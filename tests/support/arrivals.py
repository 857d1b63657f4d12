"""Deals that arrive at their stage while a task waits, in virtual time."""

from __future__ import annotations

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]


def arrive(portal, targets, stage="PREPARATION"):
    for target in targets:
        if portal.portal.find(target) and portal.portal.stage_of(target) != stage:
            portal.portal.move(target, stage)


def all_arrive(portal, time):
    time.on_sleep = lambda _: arrive(portal, DEALS) if time.now > 1100 else None
