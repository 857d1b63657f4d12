"""Somebody who authorizes an application: a terminal, a browser beside it, and the application's handler."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Page

    from scripts.local_airflow import LocalAirflow

PATIENCE = 240.0
_ATTEMPTS = 8
"""On a slow machine a code may be older than 30 s when it arrives; the command then starts again."""


class Person:
    """Runs commands, and opens in a browser the addresses that they print."""

    def __init__(self, airflow: LocalAirflow, open_page: Callable[..., Page]) -> None:
        self._airflow, self._open_page = airflow, open_page

    def run(self, *arguments: str) -> str:
        """Run a command, and return what it shows."""
        shown, told = self._start(*arguments).communicate(timeout=PATIENCE)
        return shown + told

    def authorize(self, conn_id: str, read: Callable[[Page], str], *, mistakes: Sequence[str] = ()) -> str:
        """Run the command, open the address that it prints, and paste what the browser brings.

        :param read: gets the page on which the browser ends, and returns what to paste.
        :param mistakes: what to paste before that.
        :returns: what the command shows.
        """
        shown, made, attempts = [], list(mistakes), _ATTEMPTS
        with self._start("authorize", conn_id) as command:
            assert command.stdin is not None
            for line in command.stdout or ():
                shown.append(line)
                if not line.startswith("  http"):
                    continue
                attempts -= 1
                pasted = made.pop(0) if made else read(self._open_page(line.strip())) if attempts > 0 else ""
                command.stdin.write(f"{pasted}\n")
                command.stdin.flush()
            shown += command.stderr or ()
        assert command.returncode == 0, "".join(shown)
        return "".join(shown)

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "airflow_provider_bitrix24", *arguments]
        # A terminal shows each line at once, also where Python would gather them for a pipe.
        env = {name: value for name, value in self._airflow.env.items() if name != "PYTHONUNBUFFERED"}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(command, env=env, cwd=self._airflow.home, text=True, **pipes)


def shown_code(page: Page) -> str:
    """The code on the page of an application that has no handler."""
    return page.locator("code").inner_text()


def reached_address(page: Page) -> str:
    """The address in the browser, where there is a handler."""
    return page.url


@contextmanager
def unanswering_handler() -> Iterator[str]:
    """Serve the address of a handler at which there is nothing, which is enough; gives the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Nothing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/handler/"
        server.shutdown()
        thread.join()


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
