"""A portal as the facts see it: raw answers, two pipelines of its own, and everything removed in the end."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import requests

from airflow_provider_bitrix24.client import parse_webhook_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEAL = 2
_TIMEOUT = 70.0
"""Seconds; a portal ends a request after 60."""


class PortalRefusal(RuntimeError):
    """The portal refused something without which no fact can be asked for; the message has no secret."""


@dataclass(frozen=True)
class Answer:
    """What a portal answered: the HTTP status, the content type, and the JSON (``None`` where it is not JSON)."""

    status: int
    content_type: str
    body: Any

    @property
    def result(self) -> Any:
        """The result, or ``None``."""
        return self.body.get("result") if isinstance(self.body, dict) else None

    @property
    def error(self) -> str | None:
        """The error's code, or ``None``."""
        return str(self.body["error"]) if isinstance(self.body, dict) and "error" in self.body else None


@dataclass
class LivePortal:
    """A portal behind a webhook. As a context manager it makes two pipelines for deals, and removes them.

    :param webhook: its URL, which is never shown.
    :param pause: seconds between two requests, so that the portal's other users notice nothing.
    """

    webhook: str
    pause: float = 0.6
    sleep: Callable[[float], None] = time.sleep
    pipelines: list[int] = field(default_factory=list)
    _deals: list[int] = field(default_factory=list)
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        portal = parse_webhook_url(self.webhook).portal
        self._base = portal.method_url("")
        self._session.trust_env = not self._base.startswith("http://")

    def __enter__(self) -> Self:
        try:
            for _ in range(2):
                self.pipelines.append(self._add_pipeline())
        except BaseException:
            self.__exit__()
            raise
        return self

    def _add_pipeline(self) -> int:
        name = f"airflow-provider-bitrix24 {secrets.token_hex(4)}"
        made = self.call("crm.category.add", {"entityTypeId": DEAL, "fields": {"name": name, "sort": 9000}})
        if not isinstance(made.result, dict):
            raise PortalRefusal(
                f"A pipeline cannot be made: {made.error or made.status}. The webhook needs the permission CRM, and "
                "its owner must be an administrator."
            )
        return int(made.result["category"]["id"])

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            for deal in self._deals:
                self.call("crm.item.delete", {"entityTypeId": DEAL, "id": deal})
        for pipeline in self.pipelines:
            answer = None
            with contextlib.suppress(OSError):
                answer = self.call("crm.category.delete", {"entityTypeId": DEAL, "id": pipeline})
            if answer is None or answer.status != requests.codes.ok:
                print(f"Pipeline {pipeline} is left; please delete it by hand.")
        self._session.close()

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Answer:
        """Call a method with a JSON body.

        :raises OSError: there is no answer.
        """
        self.sleep(self.pause)
        response = self._session.post(
            self._base + method, json=dict(params or {}), timeout=_TIMEOUT, allow_redirects=False
        )
        with contextlib.suppress(ValueError):
            return Answer(response.status_code, _kind(response), response.json())
        return Answer(response.status_code, _kind(response), None)

    def batch(self, commands: Mapping[str, tuple[str, Mapping[str, Any]]], *, halt: int = 0) -> Answer:
        """Call methods in one request; parameters are flat."""
        packed = {key: f"{method}?{urlencode(dict(params))}" for key, (method, params) in commands.items()}
        return self.call("batch", {"halt": halt, "cmd": packed})

    def add_deal(self, title: str, pipeline: int = 0) -> int:
        """Make a deal in one of the two pipelines, and return its id."""
        category = self.pipelines[pipeline]
        made = self.call("crm.item.add", {"entityTypeId": DEAL, "fields": {"title": title, "categoryId": category}})
        if not isinstance(made.result, dict):
            raise PortalRefusal(f"A deal cannot be made: {made.error or made.status}.")
        self._deals.append(int(made.result["item"]["id"]))
        return self._deals[-1]

    def delete_deal(self, deal: int) -> None:
        """Delete a deal that was made here."""
        self.call("crm.item.delete", {"entityTypeId": DEAL, "id": deal})
        self._deals.remove(deal)


def _kind(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
