"""Runs what may block, but waits for it no longer than agreed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")


class BoundedCall(Generic[R]):
    """A function that runs in a thread of its own. Its caller may give up on it.

    Neither the kernel's file locks nor the resolver of host names take a time-out, and a signal would reach only the
    main thread.

    :param function: gets this call, so that it can ask before it takes effect.
    """

    def __init__(self, function: Callable[[BoundedCall[R]], R]) -> None:
        self._function = function
        self._decision = threading.Lock()
        self._claimed = self._given_up = False
        self._done = threading.Event()
        self._result: R
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="bitrix24-store", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the function has not returned yet."""
        return not self._done.is_set()

    @property
    def given_up(self) -> bool:
        """Whether nobody waits for the result any more."""
        return self._given_up

    def claim(self) -> bool:
        """Make the waiting thread wait for the end, however long it takes. Returns false if it has given up."""
        with self._decision:
            self._claimed = not self._given_up
        return self._claimed

    def wait(self, patience: float) -> R:
        """Return what the function returns, or raise what it raises.

        :param patience: seconds, after which this call is given up unless the function has claimed it.
        :raises TimeoutError: given up.
        """
        if not self._done.wait(patience):
            with self._decision:
                self._given_up = not self._claimed
            if self._given_up:
                raise TimeoutError
            self._done.wait()
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._function(self)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error
        finally:
            self._done.set()
