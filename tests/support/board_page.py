"""Opens the simulator's board in a browser, reads it, and makes things happen on the portal behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from airflow_provider_bitrix24.simulator.testing import SimulatorServer

    Open = Callable[..., Page]


def column(page: Page, stage: str) -> str:
    return f"#columns .column[data-stage='{stage}']"


def titles(page: Page, stage: str) -> list[str]:
    return page.locator(f"{column(page, stage)} .card .title").all_text_contents()


def count(page: Page, stage: str) -> str:
    return page.locator(f"{column(page, stage)} .count").inner_text()


def wait_for_count(page: Page, stage: str, expected: str) -> None:
    page.locator(f"{column(page, stage)} .count", has_text=expected).wait_for()
    assert count(page, stage) == expected


def fire(server: SimulatorServer, target: str, code: str = "c5u4m") -> None:
    assert call(server, "crm.automation.trigger", target=target, code=code).json()["result"] is True


def call(server: SimulatorServer, method: str, **params: object) -> requests.Response:
    return requests.post(f"{server.webhook_url}{method}", json=params, timeout=30)


def control(server: SimulatorServer, name: str, data: object) -> None:
    requests.post(f"{server.url}/_simulator/{name}", json=data, timeout=60).raise_for_status()


def opened(open_page: Open, server: SimulatorServer, **options: object) -> Page:
    page = open_page(server.board_url, **options)
    page.locator("#live[data-state=live]").wait_for()
    page.locator("#columns .column").first.wait_for()
    return page
