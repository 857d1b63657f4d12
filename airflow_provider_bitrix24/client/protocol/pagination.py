"""Reads a long list page by page. Pure: parameters in, the next page's parameters out.

There are two ways. With ``start`` and ``next`` the portal counts all rows for every page. With ``start=-1`` it counts
none, and each page begins after the last id of the page before. The second way is used where rows have an id and the
caller has not asked for another order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import ProtocolError
from airflow_provider_bitrix24.client.values import whole

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.protocol.wire import Params, Reply

PAGE = 50
"""Rows on one page of the portal."""
_BY_ID = {"crm.item.list": "id", "crm.stagehistory.list": "ID", "crm.deal.list": "ID", "crm.lead.list": "ID"}
"""Method whose rows can be read in the order of their ids -> the name of the id."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and the parameters of the next page; ``None`` after the last page."""

    items: list[Any]
    following: dict[str, Any] | None


def first_page(method: str, params: Params) -> dict[str, Any]:
    """Parameters of the first page."""
    id_name = _cursor(method, params)
    if id_name is None:
        return dict(params)
    return {**params, "order": {id_name: "ASC"}, "start": -1}


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
    id_name = _cursor(method, original)
    if id_name is None:
        return _page_by_number(method, items, asked, reply.next)
    return _page_by_id(method, items, asked, id_name)


def _page_by_number(method: str, items: list[Any], asked: Params, start: int | None) -> Page | ProtocolError:
    if start is None:
        return Page(items, None)
    if start <= (whole(asked.get("start")) or 0):
        return _same_page(method)
    return Page(items, {**asked, "start": start})


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
    filters = asked.get("filter") or {}
    if last <= filters.get(f">{id_name}", -1):
        return _same_page(method)
    return Page(items, {**asked, "filter": {**filters, f">{id_name}": last}})


def _same_page(method: str) -> ProtocolError:
    return ProtocolError(
        f"{method}: the portal gives the same page again and again.",
        status=200,
        executed="yes",
        hint="The method seems to know no paging; use call() instead of list().",
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


def _cursor(method: str, params: Params) -> str | None:
    id_name = _BY_ID.get(method.lower())
    if id_name is None or params.get("order") or "start" in params:
        return None
    filters = params.get("filter") or {}
    if not isinstance(filters, Mapping) or f">{id_name}" in filters:
        return None
    select = params.get("select")
    return id_name if not select or id_name in select or "*" in select else None
