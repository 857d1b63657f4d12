"""The control API under ``/_simulator/``: what a test or a person may ask of the simulator itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from . import seed
from .accounts import MAIN_SECRET, SYSTEM_SECRET

if TYPE_CHECKING:
    from .portal import Portal


class ControlApi:
    """Handlers of the control API; they answer JSON, and 400 with a sentence when they are misused."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """Return the routes of the API."""
        return [
            web.get("/_simulator/", self.state),
            web.post("/_simulator/reset", self.reset),
            web.post("/_simulator/seed", self.seed),
            web.get("/_simulator/clock", self.clock),
            web.post("/_simulator/clock", self.clock),
            web.get("/_simulator/faults", self.faults),
            web.post("/_simulator/faults", self.faults),
            web.delete("/_simulator/faults", self.clear_faults),
            web.get("/_simulator/limits", self.limits),
            web.post("/_simulator/limits", self.limits),
            web.get("/_simulator/latency", self.latency),
            web.post("/_simulator/latency", self.latency),
            web.get("/_simulator/settings", self.settings),
            web.post("/_simulator/settings", self.settings),
            web.get("/_simulator/requests", self.requests),
            web.get("/_simulator/fires", self.fires),
            web.get("/_simulator/items/{target}", self.item),
        ]

    async def state(self, request: web.Request) -> web.Response:
        """Show addresses and counts."""
        portal = self._portal
        base = f"{request.scheme}://{request.host}"
        return web.json_response(
            {
                "webhook_url": f"{base}/rest/1/{MAIN_SECRET}/",
                "system_webhook_url": f"{base}/rest/1/{SYSTEM_SECRET}/",
                "plan": portal.settings.plan,
                "now": portal.clock.now(),
                "items": sum(len(store) for store in portal.items.values()),
                "requests": portal.journal.total,
                "statuses": {str(status): count for status, count in sorted(portal.journal.statuses.items())},
                "moves": portal.events.total_moves,
            }
        )

    async def reset(self, request: web.Request) -> web.Response:
        """Forget everything; with a seed as body, fill the portal again."""
        data = await _body(request)
        self._portal.clear()
        self._portal.faults.clear()
        self._apply(data)
        return web.json_response({"ok": True})

    async def seed(self, request: web.Request) -> web.Response:
        """Add the content of a seed."""
        self._apply(await _body(request))
        return web.json_response({"ok": True})

    async def clock(self, request: web.Request) -> web.Response:
        """Show the portal's time; ``{"advance": seconds}`` lets time pass."""
        if request.method == "POST":
            data = await _body(request)
            with _Misuse():
                self._portal.clock.advance(float(data["advance"]))
        clock = self._portal.clock
        return web.json_response({"now": clock.now(), "iso": clock.iso(clock.now()), "virtual": clock.virtual})

    async def faults(self, request: web.Request) -> web.Response:
        """Lay down faults: ``{"script": [...], "repeat": false}`` or ``{"random": {...}}``."""
        plan = self._portal.faults
        if request.method == "POST":
            data = await _body(request)
            with _Misuse():
                if "script" in data:
                    plan.script(data["script"], repeat=bool(data.get("repeat", False)))
                if "random" in data:
                    chance = data["random"]
                    plan.randomly(float(chance["probability"]), chance["kinds"], seed=int(chance.get("seed", 0)))
        return web.json_response({"pending": plan.pending, "injected": [each.kind for each in plan.injected]})

    async def clear_faults(self, request: web.Request) -> web.Response:
        """Let all requests through from now on."""
        del request
        self._portal.faults.clear()
        return web.json_response({"ok": True})

    async def limits(self, request: web.Request) -> web.Response:
        """Show and change the request limit and the operating limit."""
        portal = self._portal
        if request.method == "POST":
            data = await _body(request)
            with _Misuse():
                if "plan" in data:
                    portal.set_plan(data.pop("plan"))
                operating = data.pop("operating", {})
                _assign(portal.limits, data, ("capacity", "per_second", "drain", "refused_count", "enabled"))
                _assign(portal.operating, operating, ("seconds", "ban_seconds", "enabled"))
        limits, operating_limit = portal.limits, portal.operating
        return web.json_response(
            {
                "plan": portal.settings.plan,
                "capacity": limits.capacity,
                "per_second": limits.per_second,
                "drain": limits.drain,
                "refused_count": limits.refused_count,
                "enabled": limits.enabled,
                "refused": limits.refused,
                "operating": {
                    "seconds": operating_limit.seconds,
                    "ban_seconds": operating_limit.ban_seconds,
                    "enabled": operating_limit.enabled,
                    "refused": operating_limit.refused,
                },
            }
        )

    async def latency(self, request: web.Request) -> web.Response:
        """Show and change the working times: ``{"request_ms": 20, "command_ms": 5}``."""
        latency = self._portal.latency
        if request.method == "POST":
            data = await _body(request)
            with _Misuse():
                latency.set(**{name: float(value) for name, value in data.items()})
        return web.json_response(
            {"request_ms": latency.request_seconds * 1000, "command_ms": latency.command_seconds * 1000}
        )

    async def settings(self, request: web.Request) -> web.Response:
        """Show and change the portal's switches."""
        settings = self._portal.settings
        names = [name for name in settings.__slots__ if name != "plan"]
        if request.method == "POST":
            data = await _body(request)
            with _Misuse():
                _assign(settings, data, names)
        return web.json_response({name: getattr(settings, name) for name in names})

    async def requests(self, request: web.Request) -> web.Response:
        """List the last requests, secrets hidden; ``?last=100``."""
        with _Misuse():
            count = int(request.query.get("last", "100"))
        seen = self._portal.journal.last(max(1, count))
        return web.json_response({"total": self._portal.journal.total, "requests": [each.as_dict() for each in seen]})

    async def fires(self, request: web.Request) -> web.Response:
        """Show per entity how often a fire was executed and how often it moved."""
        del request
        portal = self._portal
        with portal.lock:
            targets = sorted(set(portal.fires) | set(portal.moves))
            return web.json_response(
                {each: {"fires": portal.fires[each], "moves": portal.moves[each]} for each in targets}
            )

    async def item(self, request: web.Request) -> web.Response:
        """Show where one entity stands."""
        target = request.match_info["target"]
        with _Misuse():
            item = self._portal.find(target)
        if item is None:
            return web.json_response({"error": f"there is no {target}"}, status=404)
        return web.json_response(
            {
                "target": item.reference,
                "title": item.title,
                "stage": item.stage_id,
                "category_id": item.category_id,
                "moved_time": item.moved_time,
                "moved_by": item.moved_by,
                "moves": self._portal.moves[item.reference],
                "fires": self._portal.fires[item.reference],
            }
        )

    def _apply(self, data: dict[str, Any]) -> None:
        if data:
            with _Misuse():
                seed.apply(self._portal, data)


class _Misuse:
    """Turns a caller's mistake into an answer that says what it was."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, KeyError):
            raise web.HTTPBadRequest(text=f'{{"error": "missing key {error}"}}', content_type="application/json")
        if isinstance(error, (TypeError, ValueError)):
            raise web.HTTPBadRequest(text=_error_json(error), content_type="application/json")


def _error_json(error: Exception) -> str:

    return json.dumps({"error": str(error)})


async def _body(request: web.Request) -> dict[str, Any]:
    if not request.can_read_body:
        return {}
    try:
        data = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text='{"error": "the body is no JSON"}', content_type="application/json") from None
    if not isinstance(data, dict):
        raise web.HTTPBadRequest(text='{"error": "the body is no object"}', content_type="application/json")
    return data


def _assign(target: object, data: dict[str, Any], names: tuple[str, ...] | list[str]) -> None:
    for name, value in data.items():
        if name not in names:
            raise ValueError(f"unknown key {name!r}; there are {', '.join(names)}")
        setattr(target, name, value)
