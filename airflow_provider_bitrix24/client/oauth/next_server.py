"""Which authorization server refreshes a new pair: decided when the pair arrives, not when it has expired."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.flows.effects import Log
from airflow_provider_bitrix24.client.oauth.servers import shown_host

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.flows.effects import Flow
    from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
    from airflow_provider_bitrix24.client.oauth.pair import Pair


def with_next_server(application: ApplicationPortal, pair: Pair, asked: str) -> Flow[Pair]:
    """Let a pair name a trusted server: the one that has just answered, where it names none or another one.

    :param asked: the address of the server that has issued the pair.
    """
    if application.trusts(pair):
        return pair
    if pair.server_endpoint:
        yield Log(
            f"The authorization server {shown_host(asked)} names {shown_host(pair.server_endpoint)} for the next "
            f"refresh, which is not one of Bitrix24's; {shown_host(asked)} will be asked. If the other one is yours, "
            "write its address into oauth_server.",
            logging.WARNING,
        )
    return replace(pair, server_endpoint=f"{asked}/rest/")
