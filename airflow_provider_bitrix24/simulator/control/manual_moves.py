"""``PATCH /_simulator/items/DEAL_57``: a person moves an item by hand, on the board or from a script.

As when a card is dragged in the portal, robots of the new stage start and handlers can refuse. Manual moves are not
REST requests: no limit applies to them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_bitrix24.simulator.control.json_handlers import MisuseError, json_body, json_handler
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal import edits
from airflow_provider_bitrix24.simulator.validation import number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import Item, User


class ManualMoves:
    """Serves manual moves."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self) -> list[web.RouteDef]:
        """The route."""
        return [web.patch("/_simulator/items/{target}", json_handler(self.move))]

    async def move(self, request: web.Request) -> Any:
        """Move an item to a stage: ``{"stage": "C5:WON"}``, as user 1 or as the user that ``user_id`` names."""
        portal = self._portal
        data = await json_body(request)
        item = portal.find(target := request.match_info["target"])
        if item is None:
            raise web.HTTPNotFound(text=json.dumps({"error": f"there is no {target}"}), content_type="application/json")
        stage = data.get("stage")
        if not isinstance(stage, str):
            raise MisuseError("'stage' must be a stage id such as PREPARATION or C5:WON")
        user = portal.accounts.users.get(int(number(data, "user_id", 1)))
        if user is None:
            raise MisuseError(f"there is no user {data['user_id']}")
        try:
            await self._drive(self._start(item, user, stage))
        except RestError as refusal:
            raise MisuseError(refusal.description) from refusal
        return {"target": item.reference, "stage": item.stage_id, "category_id": item.category_id}

    def _start(self, item: Item, user: User, stage: str) -> Iterator[float] | None:
        portal = self._portal
        with portal.lock:
            pipeline = portal.pipeline_of(stage, item.type_id)
            return edits.update(portal, user, item, {"stageId": stage, "categoryId": pipeline.id})

    async def _drive(self, robots: Iterator[float] | None) -> None:
        portal = self._portal
        while robots is not None:
            with portal.lock:
                seconds = next(robots, None)
            if seconds is None:
                return
            await portal.clock.sleep_until(portal.clock.now() + seconds)
