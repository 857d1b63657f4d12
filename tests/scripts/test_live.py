"""The kit for a real portal, against a simulator in its place."""

from __future__ import annotations

import json

import pytest

from airflow_provider_bitrix24.simulator.portal.model import User
from airflow_provider_bitrix24.simulator.threaded import SimulatorServer
from scripts.live import __main__ as live
from scripts.live.facts import FACTS
from scripts.live.portal import LivePortal


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(live, "BUILD", tmp_path)

    def run_against(webhook):
        monkeypatch.setenv(live.VARIABLE, webhook)
        return live.main(pause=0), json.loads(file.read_text()) if (file := tmp_path / "live.json").exists() else None

    return run_against


@pytest.mark.parametrize(
    ("plan", "profile"), [("enterprise", "2026-05"), ("enterprise", "2026-09"), ("self-hosted", "2026-05")]
)
def test_a_portal_like_the_simulator_shows_no_difference_and_is_left_as_it_was(run, capsys, plan, profile):
    with SimulatorServer(seed="demo", plan=plan, profile=profile) as server:
        server.latency.set(command_ms=8)
        pipelines, deals = sorted(server.portal.pipelines), [each.id for each in server.portal.items[2].after(0)]

        code, written = run(server.webhook_url)

        assert sorted(server.portal.pipelines) == pipelines
        assert [each.id for each in server.portal.items[2].after(0)] == deals
    assert (code, list(written)) == (0, list(FACTS)), written
    assert written["batch_is_billed"]["portal"]["batch"] == (profile == "2026-09")
    shown = capsys.readouterr()
    for text in (shown.out, shown.err, json.dumps(written)):
        assert "s1mulat0r" not in text
        assert "127.0.0.1" not in text


def test_a_difference_is_shown_and_fails(run, capsys, monkeypatch):
    monkeypatch.setattr(LivePortal, "add_deal", _refusing(LivePortal.add_deal))
    with SimulatorServer(plan="self-hosted") as server:
        code, written = run(server.webhook_url)
    assert code == 1
    assert [name for name, each in written.items() if not each["same"]] == ["trigger_that_nothing_matches"]
    assert "DIFFERS trigger_that_nothing_matches" in capsys.readouterr().err


def _refusing(original):
    calls = []

    def add_deal(self, *args, **options):
        calls.append(1)
        if len(calls) == 1:
            raise live.PortalRefusal("A deal cannot be made: X.")
        return original(self, *args, **options)

    return add_deal


def test_a_webhook_that_may_not_make_pipelines_is_told_what_it_needs(run, capsys):
    with SimulatorServer() as server:
        server.portal.accounts.add_user(User(2, is_admin=False))
        webhook = server.portal.accounts.add_webhook(2, "s1mulat0rsecond0")
        code, written = run(f"{server.url}/rest/2/{webhook.secret}/")
    assert (code, written) == (2, None)
    assert "permission CRM" in capsys.readouterr().err


def test_without_a_webhook_nothing_is_asked(run, capsys):
    assert run("") == (2, None)
    assert "BITRIX24_WEBHOOK is not set" in capsys.readouterr().err
