"""The table of REST methods, and what a method receives and returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import User
    from airflow_provider_bitrix24.simulator.portal.settings import PortalSettings

GLOBAL_SCOPE: Final = ""
"""The scope of methods that need none."""
PAGE: Final = 50
"""Rows on one page of a list."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The user who calls, by a webhook or by an application's token."""

    user: User
    credential: str
    """Operating time is counted per credential: the webhook's number or the application's id."""
    scopes: frozenset[str]
    client_id: str = ""
    is_system: bool = False


@dataclass(slots=True)
class Call:
    """One call of a method."""

    portal: Portal
    identity: Identity
    params: dict[str, Any]
    start: int = 0
    """The reserved parameter `start`; -1 leaves out the count."""

    @property
    def counting(self) -> bool:
        """Whether a list counts all that it finds, as far as its method leaves that to the caller."""
        return self.start >= 0

    @property
    def offset(self) -> int:
        """How many rows of a list come before the page asked for."""
        return max(0, self.start - self.start % PAGE)

    def upper(self) -> dict[str, Any]:
        """The parameters with their names in upper case, as the old methods read them."""
        return {name.upper(): value for name, value in self.params.items()}


@dataclass(slots=True)
class MethodResult:
    """The result of a method, with the counts of a list beside it."""

    result: Any
    total: int | None = None
    next: int | None = None

    @classmethod
    def of_page(cls, result: Any, call: Call, shown: int, total: int) -> MethodResult:
        """A page of a list, with the number of all rows and, unless it is the last page, where the next one begins.

        :param shown: rows on this page.
        """
        following = call.offset + shown
        return cls(result, total=total, next=following if following < total else None)

    def as_envelope(self) -> dict[str, Any]:
        """The response's JSON object, still without its `time`.

        A result that itself has a non-empty `error` and `error_description` takes the place of the envelope;
        the portal then keeps the status 200 and adds no `time`.
        """
        result = self.result
        if isinstance(result, dict) and result.get("error") and result.get("error_description"):
            return result
        body = {"result": result}
        if self.next is not None:
            body["next"] = self.next
        if self.total is not None:
            body["total"] = self.total
        return body


@dataclass(frozen=True, slots=True)
class Method:
    """A REST method: its name, the scope it needs and what it does.

    `run` returns the result or a :class:`MethodResult`. A method that takes the portal's time is a generator
    that yields seconds.
    """

    name: str
    scope: str
    run: Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class BatchMethod:
    """The method that runs other methods. It has no function of its own: :mod:`..batch` runs it."""

    name: str
    scope: str


METHODS: Final[dict[str, Method | BatchMethod]] = {}


def method(name: str, scope: str = "crm") -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
    """Enter the decorated function into the table of REST methods."""

    def enter(run: Callable[[Call], Any]) -> Callable[[Call], Any]:
        METHODS[name.lower()] = Method(name, scope, run)
        return run

    return enter


def find(name: str, settings: PortalSettings | None = None) -> Method | BatchMethod | None:
    """The method of that name in any case, ``None`` if there is none.

    :param settings: of the portal, whose edition may not have all methods.
    """
    found = METHODS.get(name) or METHODS.get(name.lower())
    if found is not None and settings is not None and not settings.item_methods and found.name.startswith("crm.item."):
        return None
    return found
