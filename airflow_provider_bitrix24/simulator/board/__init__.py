"""A page that shows the portal's pipelines and their changes live. Public face: :func:`routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.board.page import Board

if TYPE_CHECKING:
    from aiohttp import web

    from airflow_provider_bitrix24.simulator.portal import Portal

__all__ = ["routes"]


def routes(portal: Portal) -> list[web.RouteDef]:
    """The routes of the board of `portal`."""
    return Board(portal).routes()
