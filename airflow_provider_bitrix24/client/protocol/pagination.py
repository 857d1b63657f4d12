"""Reads a long list page by page. Pure: parameters in, the next page's parameters out.

There are two ways. With ``start`` and ``next`` the portal counts all rows for every page, and a row that goes meanwhile
makes it skip another. With ``start=-1`` it counts none, and each page begins after the last id of the page before. The
second way is used where rows have an id and the caller has not asked for another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import ConfigurationError, ProtocolError
from airflow_provider_bitrix24.client.plain import unwrapped
from airflow_provider_bitrix24.client.values import whole

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.protocol.wire import Params, Reply

PAGE = 50
"""Rows on one page of the portal."""
_BY_ID = {"crm.item.list": "id", "crm.stagehistory.list": "ID"} | {
    f"crm.{each}.list": "ID" for each in ("deal", "lead", "contact", "company", "quote")
}
"""Method whose rows can be read in the order of their ids -> the name of the id."""
_UNCOUNTED = -1
"""The ``start`` that asks a portal not to count."""
_PAGING = ("filter", "order", "select", "start")
"""Parameters that decide how a list is read."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the parameters of the next page; ``None`` after the last page."""

    items: list[Any]
    following: dict[str, Any] | None


def first_page(method: str, params: Params) -> dict[str, Any]:
    """Parameters of the first page.

    :raises ConfigurationError: a parameter is given twice, in two spellings.
    """
    named = _Names(params)
    id_name = _cursor(method, named)
    if id_name is not None:
        return named.replaced(order={id_name: "ASC"}, start=-1)
    order = _with_id(method, named.get("order"))
    if order is not None:
        params = named.replaced(order=order)
        named = _Names(params)
    if "start" not in named:
        return dict(params)
    # Without a count the portal names no next page, and the list would end after the first.
    return named.without_start() if named.uncounted else named.replaced(start=named.get("start"))


def read_page(method: str, original: Params, asked: Params, reply: Reply) -> Page | ProtocolError:
    """The rows of an answer, and the parameters of the next page.

    :param original: the caller's parameters, which decide between the two ways.
    :param asked: the parameters of this page.
    """
    items = rows(reply.result)
    if items is None:
        return ProtocolError(
            f"{method}: the answer holds no list.",
            status=200,
            executed="yes",
            hint="Use call() instead of list().",
        )
    id_name = _cursor(method, _Names(original))
    if id_name is None:
        return _page_by_number(method, items, asked, reply.next)
    return _page_by_id(method, items, asked, id_name)


def _page_by_number(method: str, items: list[Any], asked: Params, start: int | None) -> Page | ProtocolError:
    if start is None:
        return Page(items, None)
    named = _Names(asked)
    if start <= (whole(named.get("start")) or 0):
        return _same_page(method)
    return Page(items, named.replaced(start=start))


def _page_by_id(method: str, items: list[Any], asked: Params, id_name: str) -> Page | ProtocolError:
    if len(items) < PAGE:
        return Page(items, None)
    last = whole(items[-1].get(id_name)) if isinstance(items[-1], Mapping) else None
    if last is None:
        return ProtocolError(
            f"{method}: the rows have no {id_name}, by which the next page is found.",
            status=200,
            executed="yes",
            hint=f"Add {id_name} to select.",
        )
    named = _Names(asked)
    filters = named.get("filter") or {}
    if last <= filters.get(f">{id_name}", -1):
        return _same_page(method)
    return Page(items, named.replaced(filter={**filters, f">{id_name}": last}))


def _same_page(method: str) -> ProtocolError:
    return ProtocolError(
        f"{method}: the portal gives the same page again and again.",
        status=200,
        executed="yes",
        hint="The method does not seem to return pages; use call() instead of list().",
    )


def rows(result: object) -> list[Any] | None:
    """The list in a result: the result itself, or its only list (``items``, ``categories`` and so on)."""
    if isinstance(result, list):
        return result
    if isinstance(result, Mapping):
        lists = [value for value in result.values() if isinstance(value, list)]
        if len(lists) == 1:
            return lists[0]
    return None


class _Names:
    """Parameters of a list by their lower-case names, since portals take ``FILTER`` as well as ``filter``.

    :raises ConfigurationError: a parameter is given twice, in two spellings: nobody knows which one a portal takes.
    """

    def __init__(self, params: Params) -> None:
        self._params = params
        self._spelled: dict[str, str] = {}
        for name in params:
            lowered = str(unwrapped(name)).lower()
            if lowered not in _PAGING:
                continue
            if lowered in self._spelled:
                raise ConfigurationError(
                    f"{lowered} is given twice, as {self._spelled[lowered]} and as {name}.",
                    hint="Leave one of them out.",
                )
            self._spelled[lowered] = name

    def __contains__(self, name: str) -> bool:
        return name in self._spelled

    def get(self, name: str) -> Any:
        """The value of a parameter, or ``None``."""
        return self._params.get(self._spelled.get(name, name))

    @property
    def uncounted(self) -> bool:
        """Whether the caller's ``start`` asks for no count."""
        return whole(unwrapped(self.get("start"))) == _UNCOUNTED

    def without_start(self) -> dict[str, Any]:
        """All parameters but ``start``."""
        return {name: value for name, value in self._params.items() if name != self._spelled.get("start")}

    def replaced(self, **values: Any) -> dict[str, Any]:
        """All parameters, some with new values. A name keeps the caller's spelling, except ``start``."""
        changed = dict(self._params)
        if "start" in values:
            changed.pop(self._spelled.get("start", ""), None)
        return changed | {
            name if name == "start" else self._spelled.get(name, name): each for name, each in values.items()
        }


def _cursor(method: str, named: _Names) -> str | None:
    """The name of the id by which a list is read in pages, or ``None`` where the caller wants it otherwise."""
    id_name = _BY_ID.get(method.lower())
    if id_name is None or not _by_rising_id(named.get("order"), id_name):
        return None
    if "start" in named and not named.uncounted:
        return None
    filters = named.get("filter") or {}
    if not isinstance(filters, Mapping) or _conflicting(id_name).intersection(_lowered(filters)):
        return None
    select = named.get("select")
    if not select or isinstance(select, str):
        return None if select else id_name
    chosen = _lowered(select.values() if isinstance(select, Mapping) else select)
    return id_name if {id_name.lower(), "*"}.intersection(chosen) else None


def _by_rising_id(order: object, id_name: str) -> bool:
    """Whether an order is that of the ids, or none at all."""
    if not order:
        return True
    if not isinstance(order, Mapping):
        return False
    [(name, direction), *more] = order.items()
    is_id = _lowered([name]) == {id_name.lower()} and _lowered([direction]) == {"asc"}
    return is_id and not more


def _with_id(method: str, order: object) -> dict[str, Any] | None:
    """The caller's order, and among equal values that of the ids; ``None`` where it needs no such addition.

    Rows of equal values come in any order, another one for each page, so some would come twice and others never.
    """
    id_name = _BY_ID.get(method.lower())
    if id_name is None or not isinstance(order, Mapping) or not order or id_name.lower() in _lowered(order):
        return None
    return {**order, id_name: "ASC"}


def _conflicting(id_name: str) -> set[str]:
    """Keys of a filter beside which the id of the last row cannot stand: the same condition, or one that means "or"."""
    return {f">{id_name.lower()}", "logic"}


def _lowered(names: Iterable[Any]) -> set[str]:
    return {str(unwrapped(name)).strip().lower() for name in names}
