"""What a type checker says of the clients' arguments; ``make lint`` lets mypy check it.

An ``ignore`` that hides nothing is an error, so each of them shows that mistakes are found.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

from airflow_provider_bitrix24.client import (
    AsyncBitrix24Client,
    Bitrix24Client,
    ClientSettings,
    EntityRef,
    StageInfo,
    TriggerReport,
    UpdateReport,
    parse_webhook_url,
)

URL = "https://example.bitrix24.com/rest/1/SECRET/"
portal = parse_webhook_url(URL).portal

client = Bitrix24Client(portal, settings=ClientSettings(plan="enterprise"), reader=portal, default_code="c5u4m")
assert_type(Bitrix24Client(portal, log=logging.getLogger("mine")), Bitrix24Client)
assert_type(Bitrix24Client.from_webhook_url(URL, verify_tls="/ca.pem", max_concurrency=1), Bitrix24Client)
Bitrix24Client(portal, setting=ClientSettings())  # type: ignore[call-arg]
Bitrix24Client(portal, ClientSettings())  # type: ignore[call-arg]
Bitrix24Client(URL)  # type: ignore[arg-type]
Bitrix24Client.from_webhook_url(URL, plan="gold")  # type: ignore[arg-type]
Bitrix24Client.from_webhook_url(URL, max_concurrent=1)  # type: ignore[call-arg]
Bitrix24Client.from_webhook_url(URL, read_timeout="70")  # type: ignore[arg-type]

assert_type(client.settings, ClientSettings)
assert_type(client.list("crm.item.list"), Iterator[Any])
assert_type(client.get_stages(["DEAL_57", EntityRef(2, 58)]), dict[str, StageInfo])
assert_type(client.trigger_automation("DEAL_57", expected_stage=frozenset({"WON"})), TriggerReport)
assert_type(client.trigger_automation([(57,), (58,)], entity_type="DEAL"), TriggerReport)
assert_type(client.get_stages(57, entity_type="DEAL"), dict[str, StageInfo])
client.trigger_automation(5.7)  # type: ignore[arg-type]
client.trigger_automation(57, entity_type=2)  # type: ignore[arg-type]
client.trigger_automation("DEAL_57", "c5u4m", "WON")  # type: ignore[call-arg]

aclient = AsyncBitrix24Client(portal, settings=ClientSettings(plan="enterprise"), reader=portal, default_code="c5u4m")
assert_type(AsyncBitrix24Client.from_webhook_url(URL, plan="self-hosted", proxy=None), AsyncBitrix24Client)
AsyncBitrix24Client(portal, setting=ClientSettings())  # type: ignore[call-arg]
AsyncBitrix24Client(portal, ClientSettings())  # type: ignore[call-arg]
AsyncBitrix24Client.from_webhook_url(URL, max_concurrent=1)  # type: ignore[call-arg]
assert_type(aclient.list("crm.item.list"), AsyncIterator[Any])


assert_type(client.find_entities("DEAL", {"stageId": "NEW"}), list[str])
client.find_entities("DEAL", {}, on_excess="skip")  # type: ignore[arg-type]
client.find_entities("DEAL", 57)  # type: ignore[arg-type]
assert_type(client.update_entities([{"id": 57, "opportunity": 5}], entity_type="DEAL").targets, list[str])
client.update_entities([], "DEAL")  # type: ignore[call-arg]
assert_type(client.trigger_automation("DEAL_57", preview="yes").would_fire, int)


async def call_the_portal() -> None:
    assert_type(await aclient.find_entities("DEAL", "all", limit=5), list[str])
    assert_type(await aclient.update_entities([]), UpdateReport)
    assert_type(await aclient.get_stages("DEAL_57"), dict[str, StageInfo])
    assert_type(await aclient.trigger_automation(EntityRef(2, 57), verify=False), TriggerReport)
    await aclient.trigger_automation("DEAL_57", expected_stage=5)  # type: ignore[arg-type]
