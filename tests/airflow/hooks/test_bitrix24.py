"""The hook against a portal on a real socket. The client's own tests show what the client does."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, NotFoundError
from airflow_provider_bitrix24.compat import AirflowNotFoundException
from airflow_provider_bitrix24.hooks import bitrix24
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from tests.support.secrets_masker import secrets_masker_module


def both(sync, asynchronous):
    """Run the same thing through both halves of the hook; returns both results."""

    async def run():
        async with Bitrix24Hook() as hook:
            return await asynchronous(hook)

    with Bitrix24Hook() as hook:
        return sync(hook), asyncio.run(run())


def test_creating_a_hook_does_not_read_the_connection(monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_BITRIX24_DEFAULT", raising=False)

    assert Bitrix24Hook("nowhere", verify_conn_id="elsewhere").bitrix24_conn_id == "nowhere"


def test_airflow_creates_the_hook_of_a_connection(portal):
    hook = Bitrix24Hook.get_hook("bitrix24_default")

    assert type(hook) is Bitrix24Hook
    assert hook.bitrix24_conn_id == "bitrix24_default"


def test_threads_that_begin_together_share_one_client(portal):
    both_make_one = threading.Barrier(2)

    class SlowHook(Bitrix24Hook):
        def _new_client(self, arguments):
            both_make_one.wait()
            return super()._new_client(arguments)

    with SlowHook() as hook, ThreadPoolExecutor(2) as threads:
        one, other = threads.map(lambda _: hook.get_conn(), range(2))
    assert one is other


def test_call(portal):
    def get(hook):
        return hook.call("crm.item.get", {"entityTypeId": 2, "id": 57})["item"]["id"]

    async def aget(hook):
        return (await hook.acall("crm.item.get", {"entityTypeId": 2, "id": 57}))["item"]["id"]

    assert both(get, aget) == (57, 57)


def test_batch(portal):
    commands = {
        "there": ("crm.item.get", {"entityTypeId": 2, "id": 57}),
        "gone": ("crm.item.get", {"entityTypeId": 2, "id": 999}),
    }

    one, other = both(lambda hook: hook.batch(commands), lambda hook: hook.abatch(commands))

    assert one.results["there"]["item"]["id"] == other.results["there"]["item"]["id"] == 57
    assert list(one.errors) == list(other.errors) == ["gone"]
    assert isinstance(one.errors["gone"], NotFoundError)


def test_list(portal):
    params = {"entityTypeId": 2, "select": ["id"]}

    async def alist(hook):
        return [deal["id"] async for deal in hook.alist("crm.item.list", params)]

    one, other = both(lambda hook: [deal["id"] for deal in hook.list("crm.item.list", params)], alist)

    assert one == other == list(range(57, 65))


def test_trigger_automation(portal):
    one, other = both(
        lambda hook: hook.trigger_automation("DEAL_57", "c5u4m"),
        lambda hook: hook.atrigger_automation("DEAL_58", "c5u4m"),
    )

    assert (one.moved, other.moved) == (1, 1)
    assert portal.portal.stage_of("DEAL_57") == portal.portal.stage_of("DEAL_58") == "PREPARATION"


def test_get_stages(portal):
    targets = ["DEAL_57", "DEAL_63", "DEAL_999"]

    one, other = both(lambda hook: hook.get_stages(targets), lambda hook: hook.aget_stages(targets))

    assert one == other
    assert {target: (info.stage, info.category_id) for target, info in one.items()} == {
        "DEAL_57": ("NEW", 0),
        "DEAL_63": ("C5:NEW", 5),
    }


def test_find_entities(portal):
    one, other = both(
        lambda hook: hook.find_entities("DEAL", {"@id": [57, 58, 999]}, limit=5),
        lambda hook: hook.afind_entities("DEAL", {"@id": [57, 58, 999]}, limit=1, on_excess="truncate"),
    )

    assert (one, other) == (["DEAL_57", "DEAL_58"], ["DEAL_57"])


def test_update_entities(portal):
    one, other = both(
        lambda hook: hook.update_entities([{"id": 57, "title": "Renamed"}], entity_type="DEAL"),
        lambda hook: hook.aupdate_entities([{"target": "DEAL_58", "fields": {"title": "Renamed"}}]),
    )

    assert (one.targets, other.targets) == (["DEAL_57"], ["DEAL_58"])
    with Bitrix24Hook() as hook:
        assert hook.find_entities("DEAL", {"title": "Renamed"}) == ["DEAL_57", "DEAL_58"]


def test_execute_trigger_is_refused_to_a_webhook(portal):
    with Bitrix24Hook() as hook, pytest.raises(ConfigurationError, match="only for OAuth applications"):
        hook.execute_trigger("DEAL_57", "paid")

    async def execute():
        async with Bitrix24Hook() as hook:
            await hook.aexecute_trigger("DEAL_57", "paid")

    with pytest.raises(ConfigurationError, match="only for OAuth applications"):
        asyncio.run(execute())


def test_pipeline_stages(portal):
    with Bitrix24Hook() as hook:
        stages = hook.pipeline_stages(2, 5)

    assert (stages[0].id, stages[0].semantics) == ("C5:NEW", None)
    assert [stage.id for stage in stages if stage.semantics == "S"] == ["C5:WON"]


def test_a_closed_hook_opens_again(portal):
    hook = Bitrix24Hook()
    with hook:
        first = hook.get_conn()
    with hook:
        assert hook.get_conn() is not first
        assert hook.call("scope")


def test_calls_that_begin_together_in_an_event_loop_share_one_client(portal):
    async def open_twice():
        async with Bitrix24Hook() as hook:
            return await asyncio.gather(hook.aget_conn(), hook.aget_conn())

    one, other = asyncio.run(open_twice())

    assert one is other, "only one is closed with the hook"


def test_closing_a_hook_that_was_never_opened_does_nothing():
    Bitrix24Hook().close()
    asyncio.run(Bitrix24Hook().aclose())


def test_an_unknown_connection_raises_airflows_error():
    with pytest.raises(AirflowNotFoundException, match="nowhere"):
        Bitrix24Hook("nowhere").get_conn()
    with pytest.raises(AirflowNotFoundException, match="nowhere"):
        asyncio.run(Bitrix24Hook("nowhere").aget_conn())


def test_the_error_names_the_wrong_connection(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", '{"conn_type": "bitrix24", "extra": {"plan": "free"}}')

    for attempt in (Bitrix24Hook("broken").get_conn, lambda: asyncio.run(Bitrix24Hook("broken").aget_conn())):
        with pytest.raises(ConfigurationError, match="Connection 'broken': "):
            attempt()


def test_secrets_are_masked_before_anything_else(portal, monkeypatch):
    masked = []
    monkeypatch.setattr(bitrix24, "mask_secrets", masked.extend)
    secret = portal.webhook_url.split("/")[-2]

    Bitrix24Hook().get_conn().close()

    assert secret in masked


def test_secrets_are_masked_in_an_event_loop(portal, monkeypatch):
    masked = []

    async def amask(secrets):
        masked.extend(secrets)

    monkeypatch.setattr(bitrix24, "amask_secrets", amask)
    secret = portal.webhook_url.split("/")[-2]

    async def open_and_close():
        async with Bitrix24Hook() as hook:
            await hook.aget_conn()

    asyncio.run(open_and_close())

    assert secret in masked


@pytest.mark.parametrize("asynchronous", [False, True])
def test_airflow_masks_the_secret_of_a_pasted_url(portal, asynchronous):
    secret = portal.webhook_url.split("/")[-2]

    async def open_and_close():
        async with Bitrix24Hook() as hook:
            await hook.aget_conn()

    if asynchronous:
        asyncio.run(open_and_close())
    else:
        Bitrix24Hook().get_conn().close()

    assert secrets_masker_module().redact(f"GET /rest/1/{secret}/scope") == "GET /rest/1/***/scope"


# -- applications


def test_an_application_manages_and_fires_its_triggers(portal, application):
    with Bitrix24Hook("bitrix24_app") as hook:
        hook.add_trigger("shipped", "Shipped")
        assert [(each.code, each.name) for each in hook.list_triggers()] == [
            ("invoice_paid", "Invoice paid"),
            ("shipped", "Shipped"),
        ]
        hook.delete_trigger("shipped")
        report = hook.execute_trigger("DEAL_57", "invoice_paid")
        info = hook.token_info()

    assert [each.code for each in hook.list_triggers()] == ["invoice_paid"]
    assert report.moved == 1
    assert (info.user_id, info.user_name, info.is_admin) == (1, "Admin Simulator", True)
    hook.close()

    async def run():
        async with Bitrix24Hook("bitrix24_app") as hook:
            await hook.aadd_trigger("shipped", "Shipped")
            listed = [each.code for each in await hook.alist_triggers()]
            await hook.adelete_trigger("shipped")
            return listed, await hook.aexecute_trigger("DEAL_58", "invoice_paid")

    listed, report = asyncio.run(run())
    assert listed == ["invoice_paid", "shipped"]
    assert report.moved == 1


def test_tokens_are_refreshed_only_when_they_are_old(portal, application, time):
    with Bitrix24Hook("bitrix24_app") as hook:
        assert hook.refresh_tokens(older_than=86400) is False
        time.sleep(86401)
        assert hook.refresh_tokens(older_than=86400) is True
    assert portal.portal.tokens.refreshes == 1


def test_the_second_connection_may_be_an_application(portal, application, monkeypatch):
    portal.portal.settings.subscription = "not needed"
    with Bitrix24Hook(verify_conn_id="bitrix24_app") as hook:
        assert set(hook.get_stages("DEAL_57")) == {"DEAL_57"}
    assert portal.requests[-1].params["auth"] == "***"
