"""The authorization server of the portal's applications. Public face: :func:`routes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.oauth.pages import OAuthPages

if TYPE_CHECKING:
    from aiohttp import web

    from airflow_provider_bitrix24.simulator.portal import Portal

__all__ = ["routes"]


def routes(portal: Portal) -> list[web.RouteDef]:
    """The routes of the authorization server of `portal`."""
    return OAuthPages(portal).routes()
