"""Commands that tell a person what to put into a task: ``python -m airflow_provider_bitrix24 check | stages``.

``check CONN_ID`` tries a connection; ``stages CONN_ID TARGET...`` shows where entities stand and the stages
of their pipelines, whose ids are what ``expected_stage`` takes.
"""

from __future__ import annotations

import argparse
import logging
import sys
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import Bitrix24Error
from airflow_provider_bitrix24.client.targets import EntityRef
from airflow_provider_bitrix24.compat import AirflowNotFoundException, use_metadata_database
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_bitrix24.client import Stage, StageInfo

SEMANTICS = {"S": "success", "F": "failure"}
"""The portal's letter for a final stage -> a word for people."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0, or 1 after an error, which is printed to standard error."""
    options = _parser().parse_args(arguments)
    # A line for each connection looked up is of no use here.
    logging.getLogger("airflow.hooks.base").setLevel(logging.WARNING)
    use_metadata_database()
    try:
        with Bitrix24Hook(options.conn_id) as hook:
            return _stages(hook, options.target) if options.command == "stages" else _check(hook)
    except Bitrix24Error as error:
        return _fail(str(error))
    except AirflowNotFoundException:
        return _fail(
            f"There is no connection {options.conn_id!r}. Add one: airflow connections add {options.conn_id!r} "
            "--conn-type bitrix24 --conn-password 'https://example.bitrix24.com/rest/1/SECRET/'"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m airflow_provider_bitrix24",
        description="What a person needs to know about a Bitrix24 connection.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="try a connection, as the test button does")
    stages = commands.add_parser("stages", help="show where entities stand and the stage ids that expected_stage takes")
    for command in (check, stages):
        command.add_argument("conn_id", metavar="CONN_ID", help="id of the Airflow connection")
    stages.add_argument("target", metavar="TARGET", nargs="+", help="an entity, such as DEAL_57")
    return parser


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1


def _check(hook: Bitrix24Hook) -> int:
    code = hook.get_conn().default_code
    ok, message = hook.test_connection()
    if not ok:
        return _fail(message)
    print(message)
    if code:
        print(f"Trigger code for tasks that name none: {code}")
    else:
        print("No default trigger code: name it in each task as code=..., the part after code= of the")
        print("URL that Bitrix24 shows in the settings of the trigger 'Track incoming webhook'.")
    return 0


def _stages(hook: Bitrix24Hook, targets: Sequence[str]) -> int:
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
    missing = [str(ref) for ref in map(EntityRef.parse, targets) if str(ref) not in found]
    if missing:
        return _fail(f"Not found: {', '.join(missing)}. They do not exist, or the webhook's user may not read them.")
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
    return " ".join(targets[:5]) + (f" and {len(targets) - 5} more" if len(targets) > 5 else "")  # noqa: PLR2004


if __name__ == "__main__":
    sys.exit(main())
