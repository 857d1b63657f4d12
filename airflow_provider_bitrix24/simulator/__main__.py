"""The command ``bitrix24-simulator``: a portal in the foreground, until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.portal import Portal, seed
from airflow_provider_bitrix24.simulator.portal.accounts import MAIN_SECRET, SYSTEM_SECRET
from airflow_provider_bitrix24.simulator.portal.limits import PROFILES
from airflow_provider_bitrix24.simulator.portal.settings import Plan
from airflow_provider_bitrix24.simulator.server import DEFAULT_PORT, LOOPBACK, ListenError, PortalServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

_USAGE_ERROR = 2


class _CannotStartError(Exception):
    """The command cannot start; the message says why."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0 after a stop, 2 when it could not start."""
    options = _parser().parse_args(argv)
    portal = Portal(plan=options.plan, profile=options.profile, clock=Clock(virtual=options.virtual_clock))
    portal.latency.set(request_ms=options.request_ms, command_ms=options.command_ms)
    try:
        _fill(portal, options.seed)
        return asyncio.run(_serve(portal, options))
    except _CannotStartError as error:
        print(f"bitrix24-simulator: {error}", file=sys.stderr)
        return _USAGE_ERROR
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bitrix24-simulator", description="A Bitrix24 portal in one process, for demos and tests."
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes any free port (default: %(default)s)")
    parser.add_argument("--host", default=LOOPBACK, help="address to bind (default: %(default)s, this machine only)")
    parser.add_argument(
        "--oauth-port", type=int, help="port of an authorization server of its own (default: the portal is its own)"
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="a further name by which browsers and clients may ask it; repeatable",
    )
    parser.add_argument("--tls", action="store_true", help="speak https with a certificate of its own authority")
    parser.add_argument(
        "--tls-name", action="append", default=[], metavar="HOST", help="a further name in the certificate; repeatable"
    )
    parser.add_argument(
        "--ca-file", type=Path, help="with --tls: write the authority's certificate here, for clients to trust"
    )
    parser.add_argument("--seed", type=Path, help="JSON file with pipelines, triggers and items (default: a demo)")
    parser.add_argument("--plan", choices=[plan.value for plan in Plan], default=Plan.STANDARD.value)
    parser.add_argument(
        "--profile",
        choices=list(PROFILES),
        default="2026-05",
        help="version of the operating limit; 2026-09 counts batches and bans (default: %(default)s)",
    )
    parser.add_argument("--request-ms", type=float, default=0.0, help="working time of a request")
    parser.add_argument("--command-ms", type=float, default=0.0, help="working time of each command in it")
    parser.add_argument(
        "--virtual-clock", action="store_true", help="time passes only through /_simulator/clock and requests"
    )
    parser.add_argument("--json", action="store_true", help="print the addresses as one line of JSON")
    return parser


def _fill(portal: Portal, path: Path | None) -> None:
    try:
        if path:
            seed.load(portal, path)
        else:
            seed.apply(portal, seed.DEMO)
    except seed.SeedError as error:
        raise _CannotStartError(str(error)) from error
    except OSError as error:
        raise _CannotStartError(f"cannot read {path}: {error.strerror}") from error


async def _serve(portal: Portal, options: argparse.Namespace) -> int:
    context = _tls(options) if options.tls else None
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl+C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, stop.set)
    server = PortalServer(portal, names=(options.host, *options.tls_name, *options.allow_host))
    try:
        port = await server.start(options.host, options.port, context, oauth_port=options.oauth_port)
    except ListenError as error:
        raise _CannotStartError(error.strerror) from error
    _announce(options, port, portal)
    await stop.wait()
    await server.stop()
    return 0


def _tls(options: argparse.Namespace) -> ssl.SSLContext:
    from airflow_provider_bitrix24.simulator.tls import server_context

    try:
        context, certificate = server_context(options.host, *options.tls_name)
        if options.ca_file:
            options.ca_file.write_text(certificate)
    except ValueError as error:
        raise _CannotStartError(str(error)) from error
    except OSError as error:
        raise _CannotStartError(f"cannot write {options.ca_file}: {error.strerror}") from error
    return context


def _announce(options: argparse.Namespace, port: int, portal: Portal) -> None:
    base = f"{'https' if options.tls else 'http'}://{options.host}:{port}"
    addresses = {
        "webhook_url": f"{base}/rest/1/{MAIN_SECRET}/",
        "system_webhook_url": f"{base}/rest/1/{SYSTEM_SECRET}/",
        "board_url": f"{base}/_simulator/board",
        "control_url": f"{base}/_simulator/",
        "oauth_url": portal.addresses.oauth if portal.addresses else base,
    }
    if options.host != LOOPBACK:
        print(
            f"Warning: anybody who reaches {options.host}:{port} can read and change it all.",
            file=sys.stderr,
            flush=True,
        )
    if options.json:
        print(json.dumps({**addresses, "port": port}), flush=True)
        return
    trigger = f"{addresses['system_webhook_url']}crm.automation.trigger/?target=DEAL_{{{{ID}}}}&code=c5u4m"
    print(f"Bitrix24 simulator, plan {options.plan}. Stop it with Ctrl+C.")
    print(f"  webhook URL  {addresses['webhook_url']}")
    print(f"  trigger URL  {trigger}")
    print(f"  board        {addresses['board_url']}")
    for application in portal.accounts.applications.values():
        print(f"  application  {application.client_id} (secret {application.client_secret})")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
