"""Tries of a firing on a simulated portal, on hosts that die and whose clocks differ."""

from __future__ import annotations

from airflow_provider_bitrix24.client import Bitrix24Client, ClientSettings, parse_webhook_url
from airflow_provider_bitrix24.client.clock import Clock
from airflow_provider_bitrix24.client.stores.process import ProcessStore
from tests.support.firing import MemoryStore

SETTLE = 60.0
TARGETS = [f"DEAL_{number}" for number in range(1, 181)]


class Killed(BaseException):
    """The worker dies here."""


class MortalStore(MemoryStore):
    """Dies where it should, before or after it has kept a part."""

    def __init__(self) -> None:
        super().__init__()
        self.saves = 0
        self.dies_before: int | None = None
        self.dies_after: int | None = None

    def save(self, part, value, *, ahead):
        self.saves += 1
        if self.saves == self.dies_before:
            raise Killed
        super().save(part, value, ahead=ahead)
        if self.saves == self.dies_after:
            raise Killed

    def survive(self):
        """Let the next try live."""
        self.dies_before = self.dies_after = None


def client_of(server, *, die_after_send: int | None = None, ahead: float = 0.0):
    """A client whose host's clock is ``ahead`` of the portal's."""
    time = server.clock
    clock = Clock(
        monotonic=lambda: time.now() + ahead, now=lambda: time.now() + ahead, sleep=time.advance, random=lambda: 0.5
    )
    client = Bitrix24Client(
        parse_webhook_url(server.webhook_url).portal,
        settings=ClientSettings(max_concurrency=2),
        store=ProcessStore(time.now),
        clock=clock,
    )
    if die_after_send is not None:
        real, count = client._driver._exchange, 0

        def send(requests):
            nonlocal count
            answers = real(requests)
            count += 1
            if count == die_after_send:
                raise Killed
            return answers

        client._driver._exchange = send
    return client


def fire(server, store, targets=TARGETS, code="c5u4m", *, die_after_send=None, ahead=0.0, **options):
    with client_of(server, die_after_send=die_after_send, ahead=ahead) as client:
        return client.trigger_automation(targets, code, checkpoint_store=store, **options)


def assert_moved_once(server, targets=TARGETS):
    assert {server.portal.moves[target] for target in targets} == {1}
    assert {server.portal.stage_of(target) for target in targets} == {"PREPARATION"}


def fires_at(server):
    """When requests that fire came to the portal."""
    return [each.moment for each in server.requests if "crm.automation.trigger" in str(each.params.get("cmd"))]
