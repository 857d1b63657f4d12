"""Runs every scenario in this process, without Airflow's masking, so that only this package keeps the secret out.

Prints ``STATE task state`` for each. The test searches everything else that it prints or stores.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import quote

warnings.simplefilter("ignore")
DAGS = Path(__file__).parent / "dags"
SECRET, OTHER = sys.argv[1:]

from airflow_provider_bitrix24.client.clock import Clock  # noqa: E402
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook  # noqa: E402
from airflow_provider_bitrix24.simulator.clock import Clock as PortalClock  # noqa: E402
from airflow_provider_bitrix24.simulator.portal import Portal  # noqa: E402, TC001
from airflow_provider_bitrix24.simulator.portal.model import Application, User  # noqa: E402
from airflow_provider_bitrix24.simulator.testing import SimulatorServer  # noqa: E402
from tests.support import api_server  # noqa: E402


def without_masking() -> None:
    """Let Airflow mask nothing."""
    try:
        from airflow.sdk._shared.secrets_masker import SecretsMasker
    except ImportError:
        try:
            from airflow.sdk.execution_time.secrets_masker import SecretsMasker  # 3.0
        except ImportError:
            from airflow.utils.log.secrets_masker import SecretsMasker
    SecretsMasker.add_mask = lambda *_, **__: None


def virtual_time() -> PortalClock:
    """Let the client and its portal wait in virtual time."""
    clock = PortalClock(virtual=True)
    Bitrix24Hook._clock = Clock(now=clock.now, monotonic=clock.now, sleep=clock.advance)
    return clock


def connect(url: str, port: int) -> None:
    """Set the connections that the scenarios name."""
    secret = quote(SECRET, safe="")
    webhook = f"{url}/rest/1/{secret}/"
    connections = {
        "bitrix24_default": {"password": webhook},
        "reader": {"host": url, "login": "2", "password": OTHER},
        "wrong_secret": {"password": f"{url}/rest/1/{quote(OTHER, safe='')}x/"},
        "down": {"password": f"http://127.0.0.1:9/rest/1/{secret}/"},
        "no_tls": {"password": f"https://127.0.0.1:{port}/rest/1/{secret}/"},
        "in_host": {"host": f"{webhook}crm.automation.trigger/?target=DEAL_{{{{ID}}}}&code=c5u4m"},
        "in_extra": {"password": webhook, "extra": f"no JSON {SECRET}"},
        "incomplete": {"host": "", "password": SECRET},
        "application": {
            "host": url,
            "login": "local.leaks",
            "password": SECRET,
            "extra": {"auth_method": "oauth", "token_key": "leaks"},
        },
    }
    for conn_id, parts in connections.items():
        os.environ[f"AIRFLOW_CONN_{conn_id.upper()}"] = json.dumps({"conn_type": "bitrix24"} | parts)


def authorize(portal: Portal) -> None:
    """Store the application's tokens as the command does: they are in the Variables that tasks refresh."""
    from airflow_provider_bitrix24.client.oauth.pair import Pair
    from airflow_provider_bitrix24.client.oauth.token_store import Kept
    from airflow_provider_bitrix24.token_store import VariableTokenStore

    now = portal.clock.now()
    grant = portal.tokens.issue("local.leaks", 1, frozenset({"crm"}), now)
    answer = {"access_token": grant.access_token, "refresh_token": grant.refresh_token, "expires_in": 3600}
    VariableTokenStore("leaks", secret=SECRET).update(lambda _: Kept(pair=Pair.from_grant(answer, now)))


def the_dag() -> Any:
    """Load the scenarios as Airflow does."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        from airflow.models.dagbag import DagBag  # noqa: TID251 - 2.11
    bag = DagBag(dag_folder=str(DAGS))
    if bag.import_errors:
        raise SystemExit(str(bag.import_errors))
    return bag.dags["leaks"]


def main() -> None:
    """Run all scenarios."""
    without_masking()
    api_server.keep_one()
    with SimulatorServer(seed="demo", clock=virtual_time()) as server:
        portal = server.portal
        portal.accounts.add_webhook(1, SECRET)
        portal.accounts.add_user(User(2, is_admin=True))
        portal.accounts.add_webhook(2, OTHER)
        for number in range(1001, 1061):
            portal.add_deal(id=number)
        portal.accounts.add_application(Application("local.leaks", SECRET, triggers={"invoice_paid": "Invoice paid"}))
        portal.add_trigger("EXECUTING", code="invoice_paid", application="local.leaks")
        connect(server.url, server.port)
        authorize(portal)
        os.environ["PORTAL_FAULTS"] = f"{server.url}/_simulator/faults"
        for ti in the_dag().test().get_task_instances():
            print("STATE", ti.task_id, ti.state, flush=True)
        tokens = [*portal.tokens._by_access, *portal.tokens._by_refresh, *portal.tokens.used]
        Path(os.environ["TOKENS"]).write_text("\n".join(tokens))


if __name__ == "__main__":
    main()
