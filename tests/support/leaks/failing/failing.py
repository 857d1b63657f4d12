"""A DAG whose tasks fail in turn, each in a way of its own. ``tests/system/test_secret_locals.py`` runs it."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pendulum

from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client import Kept

try:
    from airflow.sdk import DAG
except ImportError:
    from airflow import DAG

CONTROL = os.environ.get("PORTAL_CONTROL", "")
SLOW = {"kind": "delay", "seconds": 30.0}
OF_TOKENS = {"method": "oauth.token"}
LOST = {"kind": "cut", "when": "after"}

WEBHOOK: dict[str, dict[str, Any]] = {
    "missing": {"target": "DEAL_999"},
    "wrong_secret": {"bitrix24_conn_id": "wrong_secret"},
    "refused": {"bitrix24_conn_id": "refused"},
    "no_tls": {"bitrix24_conn_id": "no_tls"},
    "no_user": {"bitrix24_conn_id": "no_user"},
    "port_0": {"bitrix24_conn_id": "port_0"},
    "plain_http": {"bitrix24_conn_id": "plain_http"},
    "bad_extra": {"bitrix24_conn_id": "bad_extra"},
    "bad_proxy": {"bitrix24_conn_id": "bad_proxy"},
    "redirect": {},
    "html": {},
    "lost": {},
    "timed_out": {"execution_timeout": timedelta(seconds=4)},
    "terminated": {"params": {"terminate": True}},
}
"""Task -> arguments of its operator."""

APPLICATION: dict[str, dict[str, Any]] = {
    "app_unknown_code": {"code": "unknown"},
    "app_401": {},
    "app_wrong_client": {},
    "app_refresh_html": {},
    "app_request_timed_out": {"execution_timeout": timedelta(seconds=4)},
    "app_refresh_timed_out": {"execution_timeout": timedelta(seconds=4)},
    "app_refresh_terminated": {"params": {"terminate": True}},
    "app_wrong_secret": {"bitrix24_conn_id": "app_wrong_secret"},
    "app_no_store": {"bitrix24_conn_id": "app_no_store"},
    "app_deferred": {"deferrable": True, "expected_stage": "WON", "wait_timeout": 60, "poke_interval": 1},
    "app_store_fails": {"bitrix24_conn_id": "app_store_fails"},
    "app_lost": {},
}
"""The same of an application; the last but one ends its chain of tokens."""

FAULTS: dict[str, list[Any]] = {
    "redirect": ["redirect"] * 20,
    "html": ["html:502"] * 20,
    "lost": [None, *[LOST] * 20],
    "timed_out": [SLOW],
    "terminated": [SLOW | {"seconds": 8.0}, {"kind": "error", "status": 401, "code": "INVALID_CREDENTIALS"}],
    "app_401": [{"kind": "error", "status": 401, "code": "invalid_token"}] * 4,
    "app_wrong_client": ["expired_token", {"kind": "error", "status": 200, "code": "wrong_client"} | OF_TOKENS],
    "app_refresh_html": ["expired_token", *[{"kind": "html", "status": 502} | OF_TOKENS] * 3],
    "app_request_timed_out": [SLOW],
    "app_refresh_timed_out": ["expired_token", SLOW | {"seconds": 8.0} | OF_TOKENS],
    "app_refresh_terminated": ["expired_token", SLOW | {"seconds": 8.0} | OF_TOKENS, *["redirect"] * 20],
    "app_store_fails": ["expired_token"],
    "app_wrong_secret": ["expired_token"],
    "app_lost": ["expired_token", LOST | OF_TOKENS],
}
"""Task -> the faults of its requests, in order."""


class FailingStore:
    """A store of somebody's own that has what Airflow keeps, and fails where a new pair is to be written."""

    def __init__(self, *, key: str) -> None:
        from airflow_provider_bitrix24.token_store import VariableTokenStore

        self._inner = VariableTokenStore(key, secret=os.environ["APPLICATION_SECRET"])

    def load(self) -> Kept:
        """Read from Airflow."""
        return self._inner.load()

    def update(self, change: Any) -> Kept:
        """Write a claim, and fail with a pair in a variable."""
        before = self.load()
        after = change(before)
        if after.pair != before.pair:
            record = json.dumps(after.pair.as_record())
            raise OSError(f"The vault is sealed; {len(record)} characters are not written.")
        return self._inner.update(change)


def control(path: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> Any:
    """Ask the portal's control API."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    with urlopen(Request(f"{CONTROL}{path}", data=data, headers=headers, method=method)) as answer:
        return json.load(answer)


def arm(context: Any) -> None:
    """Set the faults of the task that begins; it may be terminated once its request is under way."""
    control("/faults", method="DELETE")
    control("/faults", {"script": FAULTS.get(context["ti"].task_id, [])})
    if context["params"].get("terminate"):
        threading.Thread(target=_terminate, daemon=True).start()


def _terminate() -> None:
    """Signal this process as Airflow does, once the portal delays its request."""
    while "delay" not in control("/faults")["injected"]:
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)


with DAG("failing", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False) as dag:
    before = None
    common = {"target": "DEAL_57", "trigger_rule": "all_done", "pre_execute": arm}
    tasks = [
        TriggerAutomationOperator(task_id=name, **{"code": "c5u4m", **common, **own}) for name, own in WEBHOOK.items()
    ]
    tasks.append(
        StageSensor(
            task_id="sensor_deferred", bitrix24_conn_id="wrong_secret", expected_stage="WON", deferrable=True, **common
        )
    )
    of_application = {"code": "invoice_paid", "bitrix24_conn_id": "application"}
    tasks += [
        ExecuteTriggerOperator(task_id=name, **{**of_application, **common, **own}) for name, own in APPLICATION.items()
    ]
    for first, second in itertools.pairwise(tasks):
        first >> second
