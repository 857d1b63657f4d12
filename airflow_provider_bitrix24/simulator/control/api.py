"""The control API under ``/_simulator/``, by which tests and people observe and change the portal.

Handlers take and return JSON objects; :mod:`.json_handlers` reads bodies and answers mistakes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Literal, get_type_hints

from aiohttp import web

from airflow_provider_bitrix24.simulator.control.json_handlers import json_body, json_handler
from airflow_provider_bitrix24.simulator.portal import seed
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET, SYSTEM_SECRET
from airflow_provider_bitrix24.simulator.portal.limits import OperatingProfile
from airflow_provider_bitrix24.simulator.portal.settings import Plan, PortalSettings
from airflow_provider_bitrix24.simulator.validation import assign, check, number

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal

_DIGITS: Final = 18
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
            web.get("/_simulator/", json_handler(self.state)),
            web.post("/_simulator/reset", json_handler(self.reset)),
            web.post("/_simulator/seed", json_handler(self.seed)),
            web.post("/_simulator/tokens", json_handler(self.tokens)),
            web.get("/_simulator/requests", json_handler(self.requests)),
            web.get("/_simulator/fires", json_handler(self.fires)),
            web.get("/_simulator/items/{target}", json_handler(self.item)),
            web.delete("/_simulator/faults", json_handler(self.clear_faults)),
            *(web.get(f"/_simulator/{name}", json_handler(handler)) for name, handler in both.items()),
            *(web.post(f"/_simulator/{name}", json_handler(handler)) for name, handler in both.items()),
        ]

    async def state(self, request: web.Request) -> Any:
        """Show addresses and counts."""
        portal = self._portal
        base = f"{request.scheme}://{request.host}"
        return {
            "webhook_url": f"{base}/rest/1/{MAIN_SECRET}/",
            "system_webhook_url": f"{base}/rest/1/{SYSTEM_SECRET}/",
            "plan": portal.settings.plan,
            "now": portal.clock.now(),
            "items": sum(len(store) for store in portal.items.values()),
            "requests": portal.request_log.total,
            "statuses": {str(status): count for status, count in sorted(portal.request_log.statuses.items())},
            "moves": portal.events.total_moves,
        }

    async def reset(self, request: web.Request) -> Any:
        """Forget content, history and faults; with a seed as body, fill the portal again.

        Plan, limits, latency, switches and the clock stay as they are.
        """
        data = await json_body(request)
        self._portal.clear()
        self._portal.faults.clear()
        seed.apply(self._portal, data)
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
                portal.set_plan(Plan(plan))
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
            assign(settings, await json_body(request), _SETTINGS)
        return {name: getattr(settings, name) for name in _SETTINGS}

    async def requests(self, request: web.Request) -> Any:
        """List the last requests, secrets hidden: ``?last=100``, ``?after=NUMBER``."""
        count, after = _whole(request, "last", 100), _whole(request, "after", 0)
        request_log = self._portal.request_log
        recorded = [each.as_dict() for each in request_log.last(max(1, count)) if each.number > after]
        return {"total": request_log.total, "requests": recorded}

    async def fires(self, request: web.Request) -> Any:
        """Show for each entity how many fires were executed and how often it moved."""
        del request
        portal = self._portal
        with portal.lock:
            targets = sorted(set(portal.fires) | set(portal.moves))
            return {each: {"fires": portal.fires[each], "moves": portal.moves[each]} for each in targets}

    async def item(self, request: web.Request) -> Any:
        """Show the stage of one entity, its moves and its fires."""
        target = request.match_info["target"]
        item = self._portal.find(target)
        if item is None:
            raise web.HTTPNotFound(text=json.dumps({"error": f"there is no {target}"}), content_type="application/json")
        return {
            "target": item.reference,
            "title": item.title,
            "stage": item.stage_id,
            "category_id": item.category_id,
            "moved_time": item.moved_time,
            "moved_by": item.moved_by,
            "moves": self._portal.moves[item.reference],
            "fires": self._portal.fires[item.reference],
        }


def _whole(request: web.Request, name: str, default: int) -> int:
    """A whole number from 0 on in the query.

    :raises ValueError: when it is something else.
    """
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise ValueError(f"{name!r} cannot be {text!r}; it is a whole number from 0 on")
    return int(text)
