"""Switches of a portal: the edition that it imitates, and permanent faults."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Plan(StrEnum):
    """The tariff plan, which sets a portal's limits."""

    STANDARD = "standard"
    """Cloud: 50 requests at once, then 2 per second."""
    ENTERPRISE = "enterprise"
    """Cloud: 250 requests at once, then 5 per second."""
    SELF_HOSTED = "self-hosted"
    """On-premise: no request limit, no operating time in responses, no cut after 60 s."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a portal and its authorization server are served, where these are two; no trailing slash."""

    portal: str
    oauth: str


@dataclass(slots=True)
class PortalSettings:
    """Switches that can be changed while the portal runs."""

    plan: Plan = Plan.STANDARD
    statuses: Literal["source", "docs"] = "source"
    """Which HTTP statuses errors have where the portal's source and its documentation disagree."""
    https_required: bool = False
    """Refuse plain http, as real portals do; off by default, so that a loopback address works without TLS."""
    subscription: Literal["not needed", "active", "missing"] = "not needed"
    """The "Market subscription" model: with ``missing`` only a System webhook works, for the trigger alone."""
    is_closed: bool = False
    renamed_to: str = ""
    """The host that the portal has moved to: every request is answered with 302 to it."""
    license_expired: bool = False
    """On-premise: every request is answered with 302 to the page for activating a coupon."""
    leads_enabled: bool = True
    automation_enabled: bool = True
    """Off as on a plan without automation: fires are accepted and do nothing."""
    fires_all_types: bool = True
    """Off as in old on-premise versions, which only accept fires for leads, deals and orders."""
    smart_processes_restricted: bool = False
    """The tariff allows items of smart processes to be read only."""
    item_methods: bool = True
    """Off as in old on-premise versions, which do not know ``crm.item.*``."""
    stage_history: Literal["all", "present pipeline"] = "all"
    """``present pipeline``: rows of pipelines that an entity has left are not shown, as was reported of a portal."""
    time_format: Literal["integer", "float"] = "integer"
    """`time.start` and `time.processing`: integers since late 2025, floats before."""
    request_seconds: float | None = 60.0
    """How long a request in the cloud can work before it is answered with 504; ``None`` for no limit."""
    execution_after_cut: Literal["stop", "continue"] = "stop"
    """What happens to the rest of a batch when its request is cut off."""
    domain: str = ""
    """Host name of the portal in OAuth responses; empty: the requested address."""
    oauth_host: str = ""
    """The authorization server that OAuth responses name, e.g. ``oauth.bitrix.info``; empty: this one."""
    oauth_answer: Literal["full", "sample"] = "full"
    """``sample`` leaves out `expires` and `user_id`, like the samples of the documentation."""
    oauth_profile: Literal["strict", "lenient"] = "strict"
    """``strict``: a refresh ends the old access token at once, and a refresh token is valid for 30 days.
    ``lenient``: the old access token stays valid until it expires, and a refresh token for 180 days, as documented."""
    application_triggers_in_batch: bool = True
    """Off: ``crm.automation.trigger.execute`` is refused inside a batch, as somebody has noted of live portals."""

    @property
    def is_cloud(self) -> bool:
        """Whether the portal shows and counts operating time."""
        return self.plan is not Plan.SELF_HOSTED
