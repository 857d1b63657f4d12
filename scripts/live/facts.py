"""The facts: each asks a portal and returns what it saw as a small JSON value, without ids, names and secrets."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from scripts.live.portal import DEAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripts.live.portal import Answer, LivePortal

FACTS: dict[str, Callable[[LivePortal], Any]] = {}
"""Name -> the function that asks; in the order in which they are asked."""
_NO_CODE = "nosuch"
_WHOLE_BATCH = 50
"""Commands; a newer portal does not count a batch of less than 0.2 s."""


def fact(ask: Callable[[LivePortal], Any]) -> Callable[[LivePortal], Any]:
    """Register a fact under its function's name."""
    FACTS[ask.__name__] = ask
    return ask


@fact
def time_of_an_answer(portal: LivePortal) -> dict[str, str]:
    """Name and type of each figure that an answer carries (older portals send fractions, newer whole numbers)."""
    time = (portal.call("server.time").body or {}).get("time", {})
    return {name: _type(value) for name, value in sorted(time.items())}


@fact
def trigger_that_nothing_matches(portal: LivePortal) -> Any:
    """Whether the portal answers ``true`` to a code that no automation trigger has."""
    return _seen(portal.call("crm.automation.trigger", {"target": f"DEAL_{portal.add_deal('a')}", "code": _NO_CODE}))


@fact
def trigger_for_a_missing_deal(portal: LivePortal) -> Any:
    """What the portal answers for a deal that was deleted."""
    deal = portal.add_deal("a")
    portal.delete_deal(deal)
    return _seen(portal.call("crm.automation.trigger", {"target": f"DEAL_{deal}", "code": _NO_CODE}))


@fact
def trigger_without_target(portal: LivePortal) -> Any:
    """The refusal that a connection test relies on."""
    return _seen(portal.call("crm.automation.trigger", {"code": _NO_CODE}))


@fact
def a_missing_deal_is_read(portal: LivePortal) -> Any:
    """How ``crm.item.get`` and ``crm.item.list`` show that a deal does not exist."""
    deal = portal.add_deal("a")
    portal.delete_deal(deal)
    listed = portal.call("crm.item.list", {"entityTypeId": DEAL, "filter": {"@id": [deal]}, "start": -1})
    shown = listed.result or {}
    return {
        "get": _seen(portal.call("crm.item.get", {"entityTypeId": DEAL, "id": deal})),
        "list": len(shown.get("items", [])),
        "total": "total" in (listed.body or {}),
        "next": "next" in (listed.body or {}),
    }


@fact
def batch_reference_without_a_value(portal: LivePortal) -> Any:
    """What a reference that leads nowhere, in a text, becomes."""
    first, second = portal.add_deal("a"), portal.add_deal("b")
    answer = portal.batch(
        {
            "first": ("crm.item.get", {"entityTypeId": DEAL, "id": first}),
            "second": (
                "crm.item.update",
                {"entityTypeId": DEAL, "id": second, "fields[title]": "$result[first][item][nothing]"},
            ),
        }
    )
    read = portal.call("crm.item.get", {"entityTypeId": DEAL, "id": second})
    title = (read.result or {}).get("item", {}).get("title")
    return {"status": answer.status, "errors": _codes(answer), "title": _shape(title)}


@fact
def batch_reference_in_a_filter(portal: LivePortal) -> Any:
    """How many of three deals a page after an id that is no id finds."""
    marks = [portal.add_deal(f"mark {secrets.token_hex(4)}", pipeline=1) for _ in range(3)]
    params = {"entityTypeId": DEAL, "filter[categoryId]": portal.pipelines[1], "select[0]": "id", "start": -1}
    answer = portal.batch(
        {
            "first": ("crm.item.list", {**params, "filter[>id]": max(marks), "order[id]": "ASC"}),
            "second": ("crm.item.list", {**params, "filter[>id]": "$result[first][items][0][id]", "order[id]": "ASC"}),
        }
    )
    found = ((answer.result or {}).get("result") or {}).get("second") or {}
    return {"errors": _codes(answer), "found": len(found.get("items", [])) if isinstance(found, dict) else None}


@fact
def batch_halts(portal: LivePortal) -> Any:
    """What is left of a batch with ``halt=1`` whose second command fails."""
    answer = portal.batch(
        {"one": ("server.time", {}), "two": ("crm.item.get", {"entityTypeId": DEAL}), "three": ("server.time", {})},
        halt=1,
    )
    parts = answer.result or {}
    return {"status": answer.status, "results": sorted(parts.get("result") or []), "errors": _codes(answer)}


@fact
def batch_is_billed(portal: LivePortal) -> Any:
    """Whether working time is counted for a batch (the mark of the newer limiter), and for the commands in it."""
    params = {"entityTypeId": DEAL, "filter[categoryId]": portal.pipelines[0], "start": -1}
    answer = portal.batch({f"c{number}": ("crm.item.list", params) for number in range(_WHOLE_BATCH)})
    each = ((answer.result or {}).get("result_time") or {}).values()
    return {
        "batch": _works((answer.body or {}).get("time")),
        "commands": any(_works(time) for time in each),
    }


@fact
def history_across_pipelines(portal: LivePortal) -> Any:
    """Of which pipelines the stage history of a deal shows rows after it was moved to another one."""
    deal = portal.add_deal("a")
    changed = portal.call(
        "crm.item.update", {"entityTypeId": DEAL, "id": deal, "fields": {"categoryId": portal.pipelines[1]}}
    )
    answer = portal.call(
        "crm.stagehistory.list",
        {"entityTypeId": DEAL, "filter": {"OWNER_ID": deal}, "order": {"ID": "ASC"}, "start": -1},
    )
    names = {str(number): f"pipeline {position}" for position, number in enumerate(portal.pipelines)}
    rows = (answer.result or {}).get("items", [])
    return {"update": _seen(changed)["status"], "rows": [names.get(str(row.get("CATEGORY_ID"))) for row in rows]}


@fact
def move_is_seen(portal: LivePortal) -> Any:
    """Whether a move by ``crm.item.update`` changes ``movedTime``, by which the client tells a move there and back."""
    deal = portal.add_deal("a")
    before = _item(portal, deal)
    stage = f"C{portal.pipelines[0]}:PREPARATION"
    changed = portal.call("crm.item.update", {"entityTypeId": DEAL, "id": deal, "fields": {"stageId": stage}})
    after = _item(portal, deal)
    return {
        "status": changed.status,
        "arrived": after.get("stageId") == stage,
        "movedTime": {"before": _type(before.get("movedTime")), "after": _type(after.get("movedTime"))},
        "movedBy": "movedBy" in after,
    }


def _works(time: object) -> bool:
    """Whether the figures of an answer show that working time was counted."""
    operating = time.get("operating") if isinstance(time, dict) else None
    return isinstance(operating, (int, float)) and operating > 0


def _item(portal: LivePortal, deal: int) -> dict[str, Any]:
    found = (portal.call("crm.item.get", {"entityTypeId": DEAL, "id": deal}).result or {}).get("item", {})
    return found if isinstance(found, dict) else {}


def _seen(answer: Answer) -> dict[str, Any]:
    """What a single call answered: status and error, and the result where it holds nothing of the portal's."""
    result = answer.result
    shown = result if result is None or isinstance(result, bool) else _type(result)
    return {"status": answer.status, "error": answer.error, "result": shown}


def _codes(answer: Answer) -> dict[str, str]:
    failed = (answer.result or {}).get("result_error") or {}
    return {key: str(each.get("error")) for key, each in failed.items()} if isinstance(failed, dict) else {}


def _shape(value: Any) -> str:
    """Tell an array, a text that was left as it is, and other texts apart."""
    if isinstance(value, str):
        return (
            "the reference as it was written" if value.startswith("$result") else value if value == "Array" else "text"
        )
    return _type(value)


def _type(value: Any) -> str:
    return {bool: "bool", int: "number", float: "fraction", str: "text", list: "list", dict: "map"}.get(
        type(value), "nothing"
    )
