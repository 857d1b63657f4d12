"""Commands for a person who writes a task or is on call: ``python -m airflow_provider_bitrix24 COMMAND CONN_ID ...``.

``check CONN_ID`` tries a connection; ``stages CONN_ID TARGET...`` shows where entities stand and the stages of their
pipelines, whose ids are what ``expected_stage`` takes; ``find CONN_ID TYPE --filter JSON`` lists the entities that
match a filter; ``preview CONN_ID --code CODE TARGET...`` shows what a task would fire. None of these changes anything.
``store`` shows the store in which processes and hosts share the portal's limits.
``authorize``, ``token``, ``refresh`` and ``triggers`` are for OAuth applications (:mod:`.application_commands`).
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from typing import TYPE_CHECKING

from airflow_provider_bitrix24 import application_commands
from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.oauth.application import ApplicationPortal
from airflow_provider_bitrix24.client.report import MISSING, MISSING_SEVERAL
from airflow_provider_bitrix24.commands import ARGUMENTS, COMMANDS
from airflow_provider_bitrix24.compat import AirflowNotFoundException, use_metadata_database
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_provider_bitrix24.client import Stage, StageInfo

_SHOWN_TARGETS = 5
"""Targets that are named beside their stage."""
SEMANTICS = {"S": "success", "F": "failure"}
"""The portal's letter for a final stage -> a word for people."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, or 1 after an error, which is printed to standard error."""
    return run(_parser().parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Run the command that was parsed, and return the exit status."""
    # A line for each connection looked up is of no use here.
    logging.getLogger("airflow.hooks.base").setLevel(logging.WARNING)
    use_metadata_database()
    _take_any_character()
    try:
        status = _run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read the output has seen enough, such as head; Python would write the rest again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return _fail("Interrupted.")
    except Bitrix24Error as error:
        return _fail(str(error).replace('add entity_type="DEAL"', "add --entity-type DEAL"))
    except AirflowNotFoundException:
        return _fail(
            f"There is no connection {options.conn_id!r}. Add one: airflow connections add {options.conn_id!r} "
            "--conn-type bitrix24 --conn-password 'https://example.bitrix24.com/rest/1/SECRET/'"
        )
    return status


def _run(options: argparse.Namespace) -> int:
    if options.subcommand == "store":
        return _store(options)
    with Bitrix24Hook(options.conn_id) as hook:
        return _RUN[options.subcommand](hook, options)


def _take_any_character() -> None:
    """Let names of stages be printed, and any text be pasted, whatever characters the terminal has."""
    for stream, errors in ((sys.stdout, "backslashreplace"), (sys.stdin, "replace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_bitrix24",
        description="Inspect a Bitrix24 connection and the entities of its portal.",
    )
    commands = parser.add_subparsers(dest="subcommand", required=True)
    for name, explained in COMMANDS.items():
        command = commands.add_parser(name, help=explained)
        for argument, settings in ARGUMENTS[name].items():
            command.add_argument(argument, **settings)
    return parser


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def _check(hook: Bitrix24Hook, options: argparse.Namespace) -> int:
    from airflow_provider_bitrix24.store_report import store_in_use

    client = hook.get_conn()
    code, application = client.default_code, isinstance(client.portal, ApplicationPortal)
    ok, message = hook.test_connection()
    if not ok:
        return _fail(message)
    print(message)
    print(f"Processes share the portal's limits in {store_in_use()}.")
    if code:
        print(f"Trigger code for tasks that name none: {code}")
    elif application:
        print(
            f"Codes of the application's triggers: python -m airflow_provider_bitrix24 triggers {options.conn_id} list"
        )
    else:
        print("No default trigger code: name it in each task as code=..., the part after code= of the")
        print("URL that Bitrix24 shows in the settings of the trigger 'Track incoming webhook'.")
    return 0


def _store(options: argparse.Namespace) -> int:
    from airflow_provider_bitrix24.store_report import create_statement, store_in_use, store_lines

    store = store_in_use()
    for line in [create_statement(store)] if options.sql else store_lines(store):
        print(line)
    return 0


def _find(hook: Bitrix24Hook, options: argparse.Namespace) -> int:
    for target in hook.find_entities(options.type, options.filter, limit=options.limit, on_excess=options.on_excess):
        print(target)
    return 0


def _preview(hook: Bitrix24Hook, options: argparse.Namespace) -> int:
    from airflow_provider_bitrix24._tasks.preview_table import firing_lines

    report = hook.trigger_automation(
        options.target,
        options.code,
        entity_type=options.entity_type,
        expected_stage=options.expected_stage,
        or_later=options.or_later,
        preview=True,
    )
    for line in firing_lines(report):
        print(line)
    return 1 if report.failed else 0


def _stages(hook: Bitrix24Hook, options: argparse.Namespace) -> int:
    targets = [EntityRef.parse(each) for each in options.target]
    found = hook.get_stages(targets)
    pipelines: dict[tuple[int, int | None], dict[str, list[str]]] = {}
    for info in found.values():
        pipeline = pipelines.setdefault((EntityRef.parse(info.target).type_id, info.category_id), {})
        pipeline.setdefault(info.stage or "", []).append(info.target)
        print(_described(info))
    for (type_id, category_id), standing in pipelines.items():
        where = "" if category_id is None else f", pipeline {category_id}"
        print(f"\n{EntityRef(type_id, 1).type_name}{where}:")
        for line in _table(hook.pipeline_stages(type_id, category_id), standing):
            print(line)
    missing = [str(ref) for ref in targets if str(ref) not in found]
    if missing:
        return _fail(f"Not found: {', '.join(missing)}. {MISSING if len(missing) == 1 else MISSING_SEVERAL}")
    return 0


def _described(info: StageInfo) -> str:
    pipeline = "" if info.category_id is None else f" of pipeline {info.category_id}"
    since = "" if info.moved_time is None else f" since {info.moved_time:%Y-%m-%d %H:%M %z}"
    return f"{info.target} stands at {info.stage}{pipeline}{since}"


def _table(stages: Sequence[Stage], standing: dict[str, list[str]]) -> Iterator[str]:
    """Lines of a table: what ``expected_stage`` takes, the name, whether it ends the pipeline, who is there."""
    rows = [("STAGE ID", "NAME", "MEANING", "HERE")]
    rows += [
        (stage.id, stage.name, SEMANTICS.get(stage.semantics or "", "in progress"), _here(standing, stage.id))
        for stage in stages
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)]
        yield f"  {'  '.join((*cells, row[3]))}".rstrip()


def _here(standing: dict[str, list[str]], stage: str) -> str:
    targets = standing.get(stage, [])
    more = len(targets) - _SHOWN_TARGETS
    return " ".join(targets[:_SHOWN_TARGETS]) + (f" and {more} more" if more > 0 else "")


_RUN: dict[str, Callable[[Bitrix24Hook, argparse.Namespace], int]] = {
    "check": _check,
    "stages": _stages,
    "find": _find,
    "preview": _preview,
    "authorize": application_commands.authorize,
    "token": application_commands.token,
    "refresh": application_commands.refresh,
    "triggers": application_commands.triggers,
}


if __name__ == "__main__":
    sys.exit(main())
