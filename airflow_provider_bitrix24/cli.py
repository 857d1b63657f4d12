"""``airflow bitrix24 check | stages`` (Airflow 3.2 and later): aliases of ``python -m airflow_provider_bitrix24``.

Airflow asks for the commands whenever one of its own runs, so the code behind them is imported only when they run.
Older versions of Airflow do not ask; use the module there.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow.cli.cli_config import CLICommand


def get_commands() -> list[CLICommand]:
    """Return the commands as Airflow describes its own. The provider's metadata names this function under ``cli``."""
    from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

    conn_id = Arg(("conn_id",), metavar="CONN_ID", help="id of the Airflow connection")  # type: ignore[no-untyped-call]
    target = Arg(("target",), metavar="TARGET", nargs="+", help="an entity, such as DEAL_57")  # type: ignore[no-untyped-call]
    check = ActionCommand(
        name="check",
        help="Try a connection, as the test button does",
        func=run,
        args=(conn_id,),
    )
    stages = ActionCommand(
        name="stages",
        help="Show where entities stand and the stage ids that expected_stage takes",
        func=run,
        args=(conn_id, target),
    )
    return [
        GroupCommand(
            name="bitrix24",
            help="What a person needs to know about a Bitrix24 connection",
            subcommands=(check, stages),
        )
    ]


def run(arguments: Namespace) -> None:
    """Run the module's command of this name, and exit with its status."""
    from airflow_provider_bitrix24.__main__ import main

    sys.exit(main([arguments.subcommand, arguments.conn_id, *getattr(arguments, "target", ())]))
