from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal.model import Application
from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from tests.support.portal_client import PortalClient, add_sales_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.portal.tokens import Grant


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still unless a test advances it or a request takes time."""
    return Clock(virtual=True)


@pytest.fixture
def client(clock: Clock) -> Iterator[PortalClient]:
    """A client of a portal with one deal and two triggers; see :func:`add_sales_content`."""
    with SimulatorServer(clock=clock) as server:
        add_sales_content(server.portal)
        yield PortalClient(server)
        assert server.crashes == []


@pytest.fixture
def application(client: PortalClient) -> Application:
    """An application that is installed on the portal of `client`."""
    return client.portal.accounts.add_application(
        Application("local.app1", "verysecret", redirect_uri="https://app.example/back?keep=1")
    )


@pytest.fixture
def grant(client: PortalClient, application: Application) -> Grant:
    """A pair of tokens of `application`."""
    portal = client.portal
    return portal.tokens.issue(application.client_id, 1, application.scopes, portal.clock.now())
