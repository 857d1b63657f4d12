"""The control API under ``/_simulator/``, by which tests and people observe and change the portal.

Handlers take and return JSON objects; :mod:`.json_handlers` reads bodies and answers mistakes.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Literal, get_type_hints

from aiohttp import web

from airflow_provider_bitrix24.simulator.control.json_handlers import json_body, json_handler
from airflow_provider_bitrix24.simulator.portal import seed
from airflow_provider_bitrix24.simulator.portal.limits import OperatingProfile
from airflow_provider_bitrix24.simulator.portal.settings import PortalSettings
from airflow_provider_bitrix24.simulator.validation import assign, check, number

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal

_LIMITS: Final = {
    "capacity": float,
    "per_second": float,
    "drain": Literal["continuous", "steps"],
    "refused_count": bool,
    "enabled": bool,
}
_OPERATING: Final = {
    "profile": OperatingProfile,
    "seconds": float,
    "ban_seconds": float,
    "batch_weight": float,
    "commands_billed_to": Literal["credential", "portal", "nobody"],
    "basket_seconds": float,
    "enabled": bool,
}
_SETTINGS: Final = {name: hint for name, hint in get_type_hints(PortalSettings).items() if name != "plan"}
_HOSTS: Final = {"renamed_to", "domain", "oauth_host"}
_HOST: Final = re.compile(r"[A-Za-z0-9._:\[\]-]{0,260}")


class ControlApi:
    """Handlers of the control API. Misuse is answered with 400 and ``{"error": "a sentence"}``."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """The routes of the API."""
        both = {
            "clock": self.clock,
            "faults": self.faults,
            "limits": self.limits,
            "latency": self.latency,
            "settings": self.settings,
        }
        return [
            web.post("/_simulator/reset", json_handler(self.reset)),
            web.post("/_simulator/seed", json_handler(self.seed)),
            web.post("/_simulator/tokens", json_handler(self.tokens)),
            web.delete("/_simulator/faults", json_handler(self.clear_faults)),
            *(web.get(f"/_simulator/{name}", json_handler(handler)) for name, handler in both.items()),
            *(web.post(f"/_simulator/{name}", json_handler(handler)) for name, handler in both.items()),
        ]

    async def reset(self, request: web.Request) -> Any:
        """Forget content, history and faults, and fill the portal with a seed, if one is sent.

        With ``{"demo": true}`` the demo comes back; a seed is then added to it. Plan, limits, latency, switches and
        the clock stay as they are.
        """
        data = await json_body(request)
        demo = data.pop("demo", False)
        if not isinstance(demo, bool):
            raise ValueError(f"'demo' cannot be {demo!r}; it is true or false")  # noqa: TRY004 - a mistake in JSON
        portal = self._portal
        portal.clear()
        portal.faults.clear()
        if demo:
            seed.apply(portal, seed.DEMO)
        seed.apply(portal, data)
        return {"ok": True}

    async def seed(self, request: web.Request) -> Any:
        """Add the content of a seed."""
        seed.apply(self._portal, await json_body(request))
        return {"ok": True}

    async def tokens(self, request: web.Request) -> Any:
        """Issue a pair of OAuth tokens, as an installation does: ``{"client_id": ..., "user_id": 1}``."""
        data = await json_body(request)
        check(data, {"client_id": str, "user_id": int})
        portal = self._portal
        if not data.get("client_id"):
            raise ValueError("'client_id' is missing")
        application = portal.accounts.applications.get(data["client_id"])
        if application is None:
            known = ", ".join(portal.accounts.applications) or "none; seed some"
            raise ValueError(f"no such application; installed: {known}")
        user_id = data.get("user_id", 1)
        if user_id not in portal.accounts.users:
            raise ValueError(f"there is no user {user_id}")
        grant = portal.tokens.issue(
            application.client_id, user_id, application.scopes, portal.clock.now(), portal.settings.oauth_profile
        )
        return asdict(grant) | {"scopes": sorted(grant.scopes)}

    async def clock(self, request: web.Request) -> Any:
        """Show the portal's time; ``{"advance": seconds}`` lets time pass."""
        clock = self._portal.clock
        if request.method == "POST":
            clock.advance(number(await json_body(request), "advance"))
        return {"now": clock.now(), "iso": clock.iso(clock.now()), "virtual": clock.virtual}

    async def faults(self, request: web.Request) -> Any:
        """Plan faults: ``{"script": [...], "repeat": false}`` or ``{"random": {...}}``."""
        plan = self._portal.faults
        if request.method == "POST":
            data = await json_body(request)
            check(data, {"script": list, "repeat": bool, "random": dict})
            if "script" in data:
                plan.script(data["script"], repeat=bool(data.get("repeat", False)))
            if "random" in data:
                chance = data["random"]
                check(chance, {"probability": float, "kinds": list, "seed": int})
                plan.randomly(number(chance, "probability"), chance.get("kinds", ()), seed=chance.get("seed", 0))
        return {"pending": plan.pending, "injected": [each.kind for each in plan.injected]}

    async def clear_faults(self, request: web.Request) -> Any:
        """Discard all planned faults."""
        del request
        self._portal.faults.clear()
        return {"ok": True}

    async def limits(self, request: web.Request) -> Any:
        """Show and change plan, request limit and operating limit."""
        portal = self._portal
        if request.method == "POST":
            data = await json_body(request)
            operating, plan = data.pop("operating", {}), data.pop("plan", portal.settings.plan)
            check(operating, _OPERATING)
            if plan != portal.settings.plan:
                portal.set_plan(plan)
            assign(portal.limits, data, _LIMITS)
            if "profile" in operating:
                portal.operating.set_profile(operating.pop("profile"))
            assign(portal.operating, operating, _OPERATING)
        return {
            "plan": portal.settings.plan,
            **{name: getattr(portal.limits, name) for name in (*_LIMITS, "refused")},
            "operating": {name: getattr(portal.operating, name) for name in (*_OPERATING, "refused", "bans")},
        }

    async def latency(self, request: web.Request) -> Any:
        """Show and change the working times: ``{"request_ms": 20, "command_ms": 5}``."""
        latency = self._portal.latency
        if request.method == "POST":
            data = await json_body(request)
            check(data, {"request_ms": float, "command_ms": float})
            latency.set(**data)
        return {"request_ms": latency.request_seconds * 1000, "command_ms": latency.command_seconds * 1000}

    async def settings(self, request: web.Request) -> Any:
        """Show and change the portal's switches."""
        settings = self._portal.settings
        if request.method == "POST":
            data = await json_body(request)
            check(data, _SETTINGS)
            for name in _HOSTS & data.keys():
                if not _HOST.fullmatch(data[name]):
                    raise ValueError(f"{name!r} cannot be {data[name]!r}; it is a host name, and a port if need be")
            assign(settings, data, _SETTINGS)
        return {name: getattr(settings, name) for name in _SETTINGS}
