"""The control API under ``/_simulator/``, for tests and people. Public face: :func:`routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.control import openapi
from airflow_provider_bitrix24.simulator.control.api import ControlApi
from airflow_provider_bitrix24.simulator.control.inspection import Inspection
from airflow_provider_bitrix24.simulator.control.manual_moves import ManualMoves

if TYPE_CHECKING:
    from aiohttp import web

    from airflow_provider_bitrix24.simulator.portal import Portal

__all__ = ["routes"]


def routes(portal: Portal) -> list[web.RouteDef]:
    """The routes of the control API of `portal`, its description included."""
    handlers = (Inspection(portal), ControlApi(portal), ManualMoves(portal))
    return [route for each in handlers for route in each.routes()] + openapi.routes()
