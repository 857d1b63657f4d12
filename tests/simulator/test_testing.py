from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request

from airflow_provider_bitrix24.simulator.testing import bitrix24_portal, connection_json
from tests.support.portal_client import PATIENCE_SECONDS

__all__ = ["bitrix24_portal"]

TEST = """
import json, os, urllib.request
from airflow_provider_bitrix24.simulator.testing import bitrix24_portal

def test_a_deal_moves(bitrix24_portal):
    bitrix24_portal.portal.add_deal(id=57)
    bitrix24_portal.portal.add_trigger("PREPARATION", code="c5u4m")
    webhook = json.loads(os.environ["AIRFLOW_CONN_BITRIX24_DEFAULT"])["password"]
    urllib.request.urlopen(webhook + "crm.automation.trigger/?target=DEAL_57&code=c5u4m", timeout=10).close()
    assert bitrix24_portal.portal.stage_of("DEAL_57") == "PREPARATION"

def test_each_test_has_a_portal_of_its_own(bitrix24_portal):
    assert bitrix24_portal.portal.find("DEAL_57") is None
"""


def run_pytest(folder, *arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_fixture_works_in_a_users_test(tmp_path):
    (tmp_path / "test_mine.py").write_text(TEST, encoding="utf-8")
    done = run_pytest(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_pytest_does_not_load_the_fixture_by_itself(tmp_path):
    (tmp_path / "test_mine.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
    assert "bitrix24_portal" not in run_pytest(tmp_path, "--fixtures").stdout


def test_the_fixture_gives_a_portal_and_the_connection(bitrix24_portal):
    connection = os.environ["AIRFLOW_CONN_BITRIX24_DEFAULT"]
    assert connection == connection_json(bitrix24_portal.webhook_url)
    assert json.loads(connection) == {"conn_type": "bitrix24", "password": bitrix24_portal.webhook_url}
    bitrix24_portal.portal.add_deal(id=57)
    bitrix24_portal.portal.add_trigger("PREPARATION", code="c5u4m")
    url = bitrix24_portal.trigger_url("c5u4m").replace("{{ID}}", "57")
    with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
        assert json.load(answer)["result"] is True
    assert bitrix24_portal.portal.stage_of("DEAL_57") == "PREPARATION"
