"""Airflow's execution time-out, at a moment that a test chooses and not after a second of the machine's."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_bitrix24.simulator.testing import SimulatorServer


@contextmanager
def timeout_while_the_portal_works(server: SimulatorServer) -> Iterator[None]:
    """Send the signal of Airflow's timer to the main thread when a request has begun to take time at the portal.

    Airflow must have armed its timer, so the task needs an ``execution_timeout``, of any length. The request ends with
    the context.
    """
    clock, main, over = server.clock, threading.main_thread().ident, threading.Event()
    clock.auto_advance = False

    def go_off() -> None:
        while not clock.waiting and not over.wait(0.001):
            pass
        if clock.waiting and main is not None:
            signal.pthread_kill(main, signal.SIGALRM)

    thread = threading.Thread(target=go_off)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        clock.auto_advance = True
        clock.advance(3600)
