"""How quickly the simulator's board shows a large portal and follows what moves. Needs Chromium and Playwright::

python -m benchmarks.board
"""

from __future__ import annotations

import shutil
import threading
import time
from itertools import pairwise

from playwright.sync_api import sync_playwright

from airflow_provider_bitrix24.simulator.testing import SimulatorServer
from scripts.json_http import ask

DEALS, MOVES = 100_000, 5000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WATCH_FRAMES = """() => {
    window.frames_at = [];
    const note = (now) => { window.frames_at.push(now); requestAnimationFrame(note); };
    requestAnimationFrame(note);
}"""
SEED = {
    "generate": [{"type": "DEAL", "count": DEALS}],
    "triggers": [{"stage": "PREPARATION", "code": "c"}],
}


def fire(webhook_url: str) -> None:
    """Fire one deal after the other, 50 a request, 20 requests a second."""
    pause = threading.Event()
    for first in range(1, MOVES + 1, 50):
        cmd = {f"c{deal}": f"crm.automation.trigger?target=DEAL_{deal}&code=c" for deal in range(first, first + 50)}
        ask(f"{webhook_url}batch", {"cmd": cmd})
        pause.wait(0.05)


def main() -> None:
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        with SimulatorServer(seed=SEED, plan="self-hosted") as server:
            begun = time.perf_counter()
            page.goto(server.board_url)
            page.locator(".card").first.wait_for()
            print(f"{DEALS:,} deals are shown after {time.perf_counter() - begun:.2f} s")
            page.evaluate(WATCH_FRAMES)
            script = threading.Thread(target=fire, args=(server.webhook_url,))
            script.start()
            while script.is_alive():
                page.wait_for_timeout(100)
            moments = page.evaluate("window.frames_at")
            rate = len(moments) / (moments[-1] - moments[0]) * 1000
            longest = max(later - earlier for earlier, later in pairwise(moments))
            print(f"{rate:.0f} frames a second while {MOVES:,} deals move; the longest pause is {longest:.0f} ms")
            begun = time.perf_counter()
        print(f"with an open board the simulator stops within {time.perf_counter() - begun:.2f} s")
        browser.close()


if __name__ == "__main__":
    main()
