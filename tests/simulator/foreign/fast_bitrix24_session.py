"""What fast-bitrix24 makes of the portal, sync and async; prints it as one JSON object. Runs in its own environment."""

import asyncio
import json
import sys

import aiohttp
from fast_bitrix24 import Bitrix, BitrixAsync


def refused(call):
    """Return class and text of the error that `call` raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # whatever it is, the test judges it
        return [type(error).__name__, str(error)]
    return None


def fires(numbers):
    return [{"target": f"DEAL_{number}", "code": "c5u4m"} for number in numbers]


def by_sync(portal):
    client = Bitrix(portal["webhook_url"], verbose=False)
    return {
        "single": client.call("crm.automation.trigger", {"target": "DEAL_1", "code": "c5u4m"}),
        "raw": client.call("crm.automation.trigger", {"target": "DEAL_2", "code": "c5u4m"}, raw=True),
        "batch": client.call("crm.automation.trigger", fires(range(11, 61))),
        "items": [item["id"] for item in client.get_all("crm.item.list", {"entityTypeId": 2})],
        "leads": [lead["ID"] for lead in client.get_all("crm.lead.list", {"select": ["ID", "TITLE"]})],
        "by_id": sorted(client.get_by_ID("crm.deal.get", [1, 2, 3])),
        "list_and_get": len(client.list_and_get("crm.lead")),
        "stage_history": len(client.get_all("crm.stagehistory.list", {"entityTypeId": 2})),
        "categories": [each["id"] for each in client.get_all("crm.category.list", {"entityTypeId": 2})],
        "missing": refused(lambda: client.call("crm.lead.get", {"ID": 9999})),
        "no_target": refused(lambda: client.call("crm.automation.trigger", {"target": "FOO_1"})),
        "one_of_two": refused(lambda: client.call("crm.automation.trigger", [*fires([61]), {"target": "FOO_1"}])),
    }


async def by_async(portal):
    client = BitrixAsync(portal["webhook_url"], verbose=False)
    return {
        "single": await client.call("crm.automation.trigger", {"target": "DEAL_3", "code": "c5u4m"}),
        "batch": await client.call("crm.automation.trigger", fires(range(62, 112))),
        "deals": [deal["ID"] for deal in await client.get_all("crm.deal.list")],
        "together": sum(
            len(page) for page in await asyncio.gather(*(client.get_all("crm.lead.list") for _ in range(3)))
        ),
    }


async def by_oauth(portal):
    """Start with a token that has expired; the library asks for another one when the portal answers 401."""
    asked = []

    async def next_token():
        asked.append(True)
        if len(asked) == 1:
            return portal["access_token"]
        query = {
            "grant_type": "refresh_token",
            "client_id": portal["client_id"],
            "client_secret": portal["client_secret"],
            "refresh_token": portal["refresh_token"],
        }
        async with aiohttp.ClientSession() as session, session.get(portal["token_url"], params=query) as answer:
            return (await answer.json())["access_token"]

    client = BitrixAsync(portal["rest_url"], token_func=next_token, verbose=False)
    fired = await client.call("crm.automation.trigger", {"target": "DEAL_4", "code": "c5u4m"})
    return {"fired": fired, "tokens_asked_for": len(asked)}


def main():
    portal = json.loads(sys.argv[1])
    seen = {"sync": by_sync(portal), "async": asyncio.run(by_async(portal)), "oauth": asyncio.run(by_oauth(portal))}
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
