"""A headless Chromium and pages in it; everything here is skipped by name where one of them is missing."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"none of {', '.join(NAMES)} is installed")
    with playwright.sync_playwright() as engine:
        started = engine.chromium.launch(executable_path=program, args=list(FLAGS), headless=True)
        yield started
        started.close()


@pytest.fixture
def demo() -> Iterator[SimulatorServer]:
    """A portal with the demo."""
    with SimulatorServer(seed="demo") as server:
        yield server
        assert server.crashes == []


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a function that opens an address in a context of its own; no page may have failed at the end.

    ``known_errors`` are failures of pages that are not ours.
    """
    contexts, failures = [], []

    def opened(address: str, *, known_errors: Collection[str] = (), **options: object) -> Page:
        defaults = {"viewport": {"width": 1440, "height": 900}, "ignore_https_errors": True}
        context = browser.new_context(**defaults | options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: str(error) in known_errors or failures.append(str(error)))
        page.goto(address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert failures == []
