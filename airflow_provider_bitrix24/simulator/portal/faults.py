"""Faults: failures of the portal, its front server or the network that the next requests will meet.

They are planned and chosen here, from a script or at random; :mod:`..rest` and :mod:`..server` carry them out.
"""

from __future__ import annotations

import random
import re
import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal, get_type_hints

from airflow_provider_bitrix24.simulator.portal.latency import check_seconds
from airflow_provider_bitrix24.simulator.validation import check, check_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


TOKEN_REQUEST: Final = "oauth.token"  # noqa: S105 - the name of a request
"""The `method` of faults that requests for tokens meet; they meet no others."""


class FaultKind(StrEnum):
    """The kinds of failures."""

    REFUSE = "refuse"
    """503 QUERY_LIMIT_EXCEEDED; never executed."""
    DELAY = "delay"
    """The response comes `seconds` later; with ``when="after"`` the request is executed before the wait."""
    CUT = "cut"
    """The connection is closed without a response."""
    RESET = "reset"
    """The connection is reset (TCP RST) without a response."""
    CUT_BODY = "cut_body"
    """The headers announce the whole body; half of it comes, then the connection is closed."""
    TRUNCATED = "truncated"
    """A complete HTTP response whose JSON ends in the middle."""
    EMPTY = "empty"
    """A response with an empty body; `status` defaults to 200."""
    HTML = "html"
    """A page instead of JSON; `status` defaults to 502."""
    ERROR = "error"
    """A REST error for the whole request; `status` defaults to 500, `code` to INTERNAL_SERVER_ERROR."""
    REDIRECT = "redirect"
    """302 to `location`; never executed."""
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - a REST error's name
    """401 expired_token; never executed."""
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - a REST error's name
    """401 invalid_token; never executed."""
    COMMAND_ERROR = "command_error"
    """Commands of a batch (those of `keys`, or all) fail with `code`; other requests are not affected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault for one request.

    :param kind: the kind of failure.
    :param when: ``"before"``: the request is never executed; ``"after"``: it is executed first.
    :param status: HTTP status from 200 to 599, for ``empty``, ``html`` and ``error``.
    :param code: REST error code, for ``error`` and ``command_error``.
    :param description: the description of `code`.
    :param seconds: for ``delay``, how long. For ``cut`` and ``reset`` with ``when="after"``: how many seconds after the
        request's arrival the connection ends, while the portal continues to execute.
    :param commands: execute only this many commands of a batch, then stop as if the process had died; only with
        ``when="after"``.
    :param keys: the commands of a batch that fail with a ``command_error``; empty: all of them.
    :param location: where a ``redirect`` leads.
    :param method: the REST method of the request that meets the fault, e.g. ``batch``; empty: any. Requests for tokens
        meet only faults whose method is ``oauth.token``.
    """

    kind: FaultKind
    when: Literal["before", "after"] = "before"
    status: int | None = None
    code: str = "INTERNAL_SERVER_ERROR"
    description: str = "Internal server error"
    seconds: float = 0.0
    commands: int | None = None
    keys: tuple[str, ...] = ()
    location: str = "https://renamed.bitrix24.example/"
    method: str = ""

    def hits_command(self, key: str) -> bool:
        """Whether the fault makes a command of a batch fail."""
        return self.kind is FaultKind.COMMAND_ERROR and (not self.keys or key in self.keys)

    @classmethod
    def parse(cls, spec: str | dict[str, Any] | Fault) -> Fault:
        """The fault that a short or JSON form describes.

        ``"reset"``, ``"reset:after"``, ``"html:503:after"``, ``{"kind": "delay", "seconds": 2}``.

        :raises ValueError: when it does not describe a fault; says what is wrong.
        """
        if isinstance(spec, Fault):
            return spec
        if not isinstance(spec, (str, dict)):
            raise ValueError(f"a fault is a text like 'reset:after' or an object, not {spec!r}")  # noqa: TRY004 - in JSON
        if isinstance(spec, dict):
            if "kind" not in spec:
                raise ValueError(f"a fault needs a 'kind': {', '.join(FaultKind)}")
            values = {**spec, "kind": _kind(spec["kind"])}
            check(values, _HINTS)
            check_seconds(values.get("seconds", 0), "a fault")
            check_header("location", values.get("location", ""))
            _check_status(values.get("status"))
            values["keys"] = tuple(values.get("keys", ()))
            return cls(**values)
        kind, *rest = spec.split(":")
        when: Literal["before", "after"] = "before"
        status = None
        for part in rest:
            if part == "after":
                when = "after"
            elif re.fullmatch("[0-9]{1,9}", part):
                _check_status(status := int(part))
            elif part != "before":
                raise ValueError(f"{part!r} in fault {spec!r} is neither a status nor 'before' nor 'after'")
        return cls(kind=_kind(kind), when=when, status=status)


_HINTS: Final = {
    **get_type_hints(Fault),
    "keys": list,
}


def _check_status(status: int | None) -> None:
    # Below 200 the true answer is still to come, and HTTP has no numbers from 600 on.
    if status is not None and status not in range(200, 600):
        raise ValueError(f"'status' cannot be {status!r}; it is a number from 200 to 599")


def _kind(name: str) -> FaultKind:
    try:
        return FaultKind(name)
    except ValueError:
        raise ValueError(f"no fault is called {name!r}; there are {', '.join(FaultKind)}") from None


class FaultPlan:
    """The faults that the next requests meet; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._script: deque[Fault | None] = deque()
        self._repeat: tuple[Fault | None, ...] = ()
        self._random: tuple[random.Random, float, tuple[Fault, ...]] | None = None
        self.injected: list[Fault] = []

    def script(self, steps: Iterable[Fault | str | dict[str, Any] | None], *, repeat: bool = False) -> None:
        """Plan the faults of the next requests, one step for each; ``None`` means no fault.

        :param repeat: start again at the end: ``script([None, None, None, "reset:after"], repeat=True)`` hits every
            fourth request.
        """
        parsed = [None if step is None else Fault.parse(step) for step in steps]
        with self._lock:
            self._script = deque(parsed)
            self._repeat = tuple(parsed) if repeat else ()

    def randomly(self, probability: float, kinds: Sequence[Fault | str | dict[str, Any]], *, seed: int) -> None:
        """Give each request one of `kinds` with a `probability` from 0 to 1; repeatable by `seed`."""
        parsed = tuple(Fault.parse(each) for each in kinds)
        if not parsed or not 0 <= probability <= 1:
            raise ValueError("random faults need at least one kind and a probability from 0 to 1")
        with self._lock:
            self._random = (random.Random(seed), probability, parsed)  # noqa: S311 - repeatable, not secret

    def clear(self) -> None:
        """Discard all planned faults, and the record of injected ones."""
        with self._lock:
            self._script.clear()
            self._repeat = ()
            self._random = None
            self.injected.clear()

    @property
    def pending(self) -> int:
        """The number of steps of the script that have not been taken."""
        return len(self._script)

    def next_for(self, method: str) -> Fault | None:
        """Take the fault that a request of `method` meets, ``None`` if it meets none."""
        if not self._script and self._random is None:
            return None
        with self._lock:
            fault = self._from_script(method) if self._script else self._from_chance(method)
            if fault is not None:
                self.injected.append(fault)
            return fault

    def _from_script(self, method: str) -> Fault | None:
        step = self._script[0]
        if not _concerns(step, method):
            return None
        self._script.popleft()
        if not self._script and self._repeat:
            self._script.extend(self._repeat)
        return step

    def _from_chance(self, method: str) -> Fault | None:
        if self._random is None:
            return None
        generator, probability, kinds = self._random
        if generator.random() >= probability:
            return None
        fault = generator.choice(kinds)
        return fault if _concerns(fault, method) else None


def _concerns(step: Fault | None, method: str) -> bool:
    """Whether a request of `method` takes a step."""
    named = step.method if step is not None else ""
    return named == method or (not named and method != TOKEN_REQUEST)
