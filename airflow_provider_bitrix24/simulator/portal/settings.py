"""Switches of a portal: which edition it imitates and what is wrong with it today."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Plan(StrEnum):
    """What decides a portal's request limits."""

    STANDARD = "standard"
    """Cloud: 50 requests at once, 2 a second after that."""
    ENTERPRISE = "enterprise"
    """Cloud: 250 requests at once, 5 a second after that."""
    SELF_HOSTED = "self-hosted"
    """On-premise: no request limit, no operating time in answers, no 60 s cut."""


@dataclass(slots=True)
class PortalSettings:
    """Switches that may be turned while the portal runs."""

    plan: Plan = Plan.STANDARD
    statuses: Literal["source", "docs"] = "source"
    """Whose HTTP statuses errors carry where the portal's source and its documentation disagree."""
    https_required: bool = False
    """Refuse plain http as a real portal does; off, so that a loopback address works without TLS."""
    subscription: Literal["not needed", "active", "missing"] = "not needed"
    """The "Market subscription" model: with ``missing`` only a System webhook works, for the trigger alone."""
    is_closed: bool = False
    renamed_to: str = ""
    """Host that the portal has moved to: every request is answered with 302 to it."""
    license_expired: bool = False
    """On-premise: every request is answered with 302 to the page that asks for a coupon."""
    leads_enabled: bool = True
    automation_enabled: bool = True
    """Off as on a tariff without automation: triggers are accepted and do nothing."""
    fires_all_types: bool = True
    """Off as on old on-premise versions, where only leads, deals and orders may be fired for."""
    time_format: Literal["integer", "float"] = "integer"
    """`time.start` and `time.processing`: integers since late 2025, floats before."""
    request_seconds: float | None = 60.0
    """How long the cloud lets a request work before it answers 504; ``None`` for no end."""
    execution_after_cut: Literal["stop", "continue"] = "stop"
    """What happens to the commands of a batch that the cut caught."""
    domain: str = ""
    """Host name of the portal in OAuth answers; empty: the address that was asked."""
    oauth_host: str = ""
    """Which authorization server answers claim to come from, e.g. ``oauth.bitrix.info``; empty: this one."""
    oauth_answer: Literal["full", "sample"] = "full"
    """``sample`` leaves out `expires` and `user_id`, as the documentation's samples do."""

    @property
    def is_cloud(self) -> bool:
        """Whether the portal shows and counts operating time."""
        return self.plan is not Plan.SELF_HOSTED
