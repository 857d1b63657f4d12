"""``make live BITRIX24_WEBHOOK=https://...``: what a real portal does, beside what the simulator does.

It works in two pipelines of its own, which it makes and removes, and on deals that it makes there; it sends about 60
requests at less than two a second. The result is printed and written to ``.build/live.json``, without the portal's
name, ids and secrets. The exit code is 1 where portal and simulator differ, and 2 where nothing could be asked.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from airflow_provider_bitrix24.client import ConfigurationError
from airflow_provider_bitrix24.simulator.threaded import SimulatorServer
from scripts.live.facts import FACTS
from scripts.live.portal import LivePortal, PortalRefusal
from scripts.terminal import BUILD, say

VARIABLE = "BITRIX24_WEBHOOK"
_COMMAND_MS = 8
"""What a command costs in the simulator, so that it counts working time as a portal does."""


def main(*, pause: float = 0.6) -> int:
    """Ask both, compare, write and print; returns the exit code.

    :param pause: seconds between two requests to the portal.
    """
    webhook = os.environ.get(VARIABLE, "")
    if not webhook:
        say(f"{VARIABLE} is not set. Set it to the URL of an administrator's inbound webhook with the permission CRM.")
        return 2
    try:
        with LivePortal(webhook, pause=pause) as portal:
            real = ask(portal)
    except (ConfigurationError, PortalRefusal) as error:
        say(str(error))
        return 2
    except OSError as error:
        say(f"The portal does not answer ({type(error).__name__}).")  # the text would hold the webhook's URL
        return 2
    with SimulatorServer(**_like(real)) as server, LivePortal(server.webhook_url, pause=0) as simulated:
        server.latency.set(command_ms=_COMMAND_MS)
        expected = ask(simulated)
    compared = compare(real, expected)
    BUILD.mkdir(exist_ok=True)
    target = BUILD / "live.json"
    target.write_text(json.dumps(compared, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    differing = [name for name, each in compared.items() if not each["same"]]
    for name, each in compared.items():
        say(f"{'same   ' if each['same'] else 'DIFFERS'} {name}: {json.dumps(each['portal'], ensure_ascii=False)}")
        if not each["same"]:
            say(f"        the simulator: {json.dumps(each['simulator'], ensure_ascii=False)}")
    say(f"{len(compared)} facts, {len(differing)} differ. Written to {target.name} in .build.")
    return 1 if differing else 0


def _like(real: dict[str, Any]) -> dict[str, Any]:
    """Choose the simulator's settings for a portal: one in the cloud shows working time, a newer one also a batch's."""
    newer = real["batch_is_billed"].get("batch", False)
    in_cloud = "operating" in real["time_of_an_answer"]
    return {"plan": "enterprise" if in_cloud else "self-hosted", "profile": "2026-09" if newer else "2026-05"}


def ask(portal: LivePortal) -> dict[str, Any]:
    """Ask for every fact; one that cannot be asked is an error's class name.

    :raises OSError: the portal does not answer at all.
    """
    seen: dict[str, Any] = {}
    for name, each in FACTS.items():
        try:
            seen[name] = each(portal)
        except PortalRefusal as error:
            seen[name] = {"refused": str(error)}
    return seen


def compare(real: dict[str, Any], simulated: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Put what both have shown side by side."""
    return {
        name: {"portal": real[name], "simulator": simulated[name], "same": real[name] == simulated[name]}
        for name in FACTS
    }


if __name__ == "__main__":
    sys.exit(main())
