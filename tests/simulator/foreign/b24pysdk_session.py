"""What the official Python SDK makes of the portal; prints it as one JSON object. Runs in its own environment."""

import datetime as dt
import json
import sys

from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook, Client


def refused(call):
    """Return class and text of the error that `call` raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # whatever it is, the test judges it
        return [type(error).__name__, str(error)]
    return None


def by_webhook(portal):
    client = Client(BitrixWebhook(domain=portal["domain"], webhook_token=portal["webhook_token"]))
    single = client.crm.automation.trigger(target="DEAL_1", code="c5u4m")
    batch = client.call_batch(
        {
            f"deal{number}": client.crm.automation.trigger(target=f"DEAL_{number}", code="c5u4m")
            for number in range(2, 52)
        }
    )
    mixed = client.call_batch(
        [
            client.crm.automation.trigger(target="DEAL_60", code="c5u4m"),
            client.crm.automation.trigger(target="FOO_1", code="c5u4m"),
        ]
    )
    return {
        "single": single.result,
        "time": {"operating": single.response.time.operating, "zone": str(single.response.time.date_start.utcoffset())},
        "batch": batch.result.result,
        "mixed": [mixed.result.result, mixed.result.result_error],
        "items": [item["id"] for item in client.crm.item.list(entity_type_id=2).as_list().result],
        "deals": [deal["ID"] for deal in client.crm.deal.list().as_list().result],
        "deals_fast": [deal["ID"] for deal in client.crm.deal.list().as_list_fast().result],
        "missing": refused(lambda: client.crm.item.get(bitrix_id=9999, entity_type_id=2).result),
        "no_target": refused(lambda: client.crm.automation.trigger(target="FOO_1", code="c5u4m").result),
        "unknown_method": refused(lambda: client._bitrix_token.call_method("crm.no.such.method")),
        "user": client.profile().result["ID"],
    }


def by_oauth(portal):
    """Go on with a token that has expired: the SDK refreshes it at its one built-in address and repeats the call."""
    app = BitrixApp(client_id=portal["client_id"], client_secret=portal["client_secret"])
    token = BitrixToken(
        domain=portal["domain"],
        auth_token=portal["access_token"],
        refresh_token=portal["refresh_token"],
        bitrix_app=app,
    )
    client = Client(token)
    first = client.crm.automation.trigger(target="DEAL_70", code="c5u4m").result
    renewed = token.auth_token != portal["access_token"] and token.refresh_token != portal["refresh_token"]
    wrong = BitrixToken(domain=portal["domain"], auth_token="nonsense", refresh_token="nonsense", bitrix_app=app)
    return {
        "first": first,
        "renewed": renewed,
        "known_to_expire": dt.datetime.now(dt.UTC).replace(tzinfo=token.expires.tzinfo) < token.expires,
        "registered": client.crm.automation.trigger.add(code="from_sdk", name="From the SDK").result,
        "listed": client.crm.automation.trigger.list().result,
        "executed": client.crm.automation.trigger.execute(code="from_sdk", owner_type_id=2, owner_id=71).result,
        "wrong_token": refused(lambda: Client(wrong).profile().result),
        "wrong_refresh": refused(wrong.refresh_and_set_oauth_token),
    }


def main():
    portal = json.loads(sys.argv[1])
    print(json.dumps({"webhook": by_webhook(portal), "oauth": by_oauth(portal)}))


if __name__ == "__main__":
    main()
