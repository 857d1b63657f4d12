"""``airflow bitrix24 COMMAND`` (Airflow 3.2 and later): aliases of ``python -m airflow_provider_bitrix24 COMMAND``.

Airflow asks for the commands whenever one of its own runs, so the code behind them is imported only when they run.
Older versions of Airflow do not ask; use the module there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.commands import ARGUMENTS, COMMANDS

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow.cli.cli_config import CLICommand


def get_commands() -> list[CLICommand]:
    """Return the commands as Airflow describes its own. The provider's metadata names this function under ``cli``."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    commands = [
        ActionCommand(
            name=name,
            help=f"{explained[0].upper()}{explained[1:]}",
            func=run,
            args=[
                Arg((argument,), **settings)  # type: ignore[no-untyped-call]  # Airflow's has no annotations
                for argument, settings in ARGUMENTS[name].items()
            ],
        )
        for name, explained in COMMANDS.items()
    ]
    return [
        GroupCommand(
            name="bitrix24",
            help="Inspect a Bitrix24 connection and the entities of its portal",
            subcommands=commands,
        )
    ]


def run(arguments: Namespace) -> None:
    """Run the module's command of this name, and exit with its status."""
    from airflow_provider_bitrix24 import __main__ as module

    sys.exit(module.run(arguments))
