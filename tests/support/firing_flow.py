"""Firing as a flow over a script: what a portal answers, and the flow of one call."""

from __future__ import annotations

from airflow_provider_bitrix24.client.base import BaseClient
from airflow_provider_bitrix24.client.portal import Portal
from airflow_provider_bitrix24.client.settings import ClientSettings

DENIED = {"error": "ACCESS_DENIED", "error_description": "No."}
WRONG = (401, {"error": "INVALID_CREDENTIALS"})
AT = "2026-01-01T00:00:00+03:00"
STAGES = [
    {"STATUS_ID": "NEW", "NAME": "New", "SORT": 10},
    {"STATUS_ID": "PREPARATION", "NAME": "Prepare documents", "SORT": 20},
    {"STATUS_ID": "WON", "NAME": "Deal won", "SORT": 30},
]

LEADS = [{"STATUS_ID": "CONVERTED", "NAME": "Good lead", "SORT": 10}]


def item(number, stage="NEW", moved=AT):
    return {"id": number, "stageId": stage, "categoryId": 0, "movedTime": moved}


def batch(results, errors=None):
    return {"result": {"result": results, "result_error": errors or []}}


def found(*items, stages=None):
    """The answer to a batch of one list of entities, and perhaps a list of stages."""
    return batch({"c0": {"items": list(items)}} | ({} if stages is None else {"c1": stages}))


def fired(count, *read):
    """The answer to a batch that fires so many targets, and perhaps reads them back."""
    results = {f"c{number}": True for number in range(count)}
    if read:
        results[f"c{count}"] = {"items": list(read)}
    return batch(results)


def at(portal_second, answer):
    """An answer that tells when the portal began and finished."""
    return answer | {"time": {"start": 2e9 + portal_second, "finish": 2e9 + portal_second}}


def client_of(**options):
    portal = Portal(base_url="https://example.bitrix24.com", user_id="1", secret="s")
    made = BaseClient(portal, settings=ClientSettings(max_concurrency=2), **options)
    made._channel.random = lambda: 1.0
    return made


def trigger(
    target,
    code="c",
    expected_stage=None,
    *,
    verify=True,
    fail_on=(),
    checkpoint_store=None,
    monitor=None,
    now=0.0,
    **options,
):
    return client_of(**options)._trigger_automation(
        target,
        code,
        expected_stage,
        verify=verify,
        fail_on=fail_on,
        now=now,
        checkpoint_store=checkpoint_store,
        monitor=monitor,
    )
