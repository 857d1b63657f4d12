"""Writes what was measured: ``results.json`` with everything, ``table.md`` for people, and the plot."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from benchmarks.environments import HERE, Environments
from scripts.terminal import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.table import Row

COLUMNS = ("bare loop", "b24pysdk", "fast-bitrix24", "b24api")
_JOINED = {"fast-bitrix24 slow()": ("fast-bitrix24", "`slow()`: "), "requests": ("bare loop", "`requests` alone: ")}
_ENVIRONMENTS = {
    "ours": ("requests", "urllib3", "httpx", "aiohttp"),
    "b24pysdk": ("b24pysdk", "requests", "urllib3"),
    "fast_bitrix24": ("fast-bitrix24", "aiohttp"),
    "b24api": ("b24api", "httpx", "pydantic"),
}


def about(environments: Environments, machine: dict[str, str], portal: str, names: list[str]) -> dict[str, Any]:
    """Where and with what was measured."""
    versions = {name: environments.versions(name) for name in names}
    shown = {
        name: {dist: found[dist] for dist in _ENVIRONMENTS[name] if dist in found} for name, found in versions.items()
    }
    return {"machine": machine, "portal": portal, "versions": shown, "commit": _commit(), "date": _today()}


def write(folder: Path, rows: list[Row], context: dict[str, Any], order: list[str]) -> None:
    """Write all results; rows of an earlier run that were not measured again are kept, with their own date.

    :param order: first words of the rows' keys, in the table's order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / "results.json"
    kept = json.loads(stored.read_text(encoding="utf-8"))["rows"] if stored.exists() else {}
    measured = {"date": context["date"], "commit": context["commit"]}
    kept.update({row.key: {**asdict(row), **measured} for row in rows})
    kept = {key: kept[key] for key in sorted(kept, key=lambda key: order.index(key.split()[0]))}
    stored.write_text(json.dumps({"context": context, "rows": kept}, indent=1) + "\n", encoding="utf-8")
    (folder / "table.md").write_text(markdown(kept, context), encoding="utf-8")


def plot(folder: Path, environments: Environments) -> None:
    """Draw the plot in the environment that has matplotlib."""
    command = [environments.python("plot"), str(HERE / "plot.py"), str(folder / "results.json"), str(folder)]
    subprocess.run(command, check=True)


def markdown(rows: dict[str, dict], context: dict[str, Any]) -> str:
    """The table as Markdown."""
    lines = [
        "| what | target | ours | met | " + " | ".join(COLUMNS) + " |",
        "|---" * (4 + len(COLUMNS)) + "|",
    ]
    notes = []
    for row in rows.values():
        met = {True: "yes", False: "**no**", None: ""}[row["met"]]
        mark = ""
        if row["note"]:
            notes.append(row["note"])
            mark = f" [{len(notes)}]"
        cells = [row["what"] + mark, row["target"], row["ours"], met, *_peer_cells(row["peers"])]
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    lines += ["", *(f"[{number}] {note}" for number, note in enumerate(notes, 1))]
    return "\n".join([*lines, "", *_context(context, rows)]) + "\n"


def _peer_cells(peers: dict[str, str]) -> list[str]:
    cells: dict[str, list[str]] = {name: [] for name in COLUMNS}
    for name, text in peers.items():
        column, prefix = _JOINED.get(name, (name, ""))
        if column in cells:
            cells[column].append(prefix + text)
    return ["; ".join(cells[name]) for name in COLUMNS]


def _context(context: dict[str, Any], rows: dict[str, dict]) -> list[str]:
    machine = context["machine"]
    versions = "; ".join(
        f"{name.replace('_', '-')}: " + ", ".join(f"{dist} {version}" for dist, version in found.items())
        for name, found in context["versions"].items()
    )
    dates = sorted({row["date"] for row in rows.values()})
    commits = sorted({row["commit"] for row in rows.values()})
    return [
        (
            "Medians, by which a row is met, and in brackets the smallest and the largest; refused, doubled and lost "
            "are the worst of all runs. Portal: "
            f"{context['portal']}. Times are those of a process that is up and has imported its client."
        ),
        "",
        (
            f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}; "
            f"{machine['python']} for all. {versions}. Measured {' and '.join(dates)}, "
            f"ours at commit {', '.join(commits)}."
        ),
    ]


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def _today() -> str:
    return datetime.now(tz=UTC).date().isoformat()
