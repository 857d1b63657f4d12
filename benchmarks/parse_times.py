"""How long Airflow takes to read each example DAG, beside a DAG with the official HTTP operator.

DAG files are read again and again, each time by a new process that has imported ``airflow.sdk``; so that is what is
timed: processor time of running the file, in a new process, several times, in turns. Needs an environment that has
Airflow, this package and ``apache-airflow-providers-http``::

    python -m benchmarks.parse_times [--rounds 9] [--output benchmarks/results/parse-times.md]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "example_dags"
HTTP = """
import pendulum
from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import dag

@dag(dag_id="with_http", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def with_http():
    HttpOperator(task_id="get", endpoint="rest/1/scope")

with_http()
"""
TIMED = """
import logging, sys, time, warnings
warnings.simplefilter("ignore")
logging.disable()
import airflow.sdk
from airflow.sdk import DAG, dag, task
before = set(sys.modules)
code = compile(open(sys.argv[1]).read(), sys.argv[1], "exec")
begun = time.process_time()
exec(code, {"__name__": "dag_file", "__doc__": "Example."})
spent = time.process_time() - begun
added = set(sys.modules) - before
print("TOLD", spent * 1000, len(added), *sorted({"requests", "httpx", "aiohttp"} & added))
"""


def read(path: Path) -> tuple[float, int, str]:
    """Milliseconds of processor time, modules imported, and which HTTP libraries are among them."""
    done = subprocess.run([sys.executable, "-c", TIMED, path], capture_output=True, text=True, check=True)
    told = next(line for line in done.stdout.splitlines() if line.startswith("TOLD")).split()
    return float(told[1]), int(told[2]), ", ".join(told[3:]) or "none"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "parse-times.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        http = Path(folder, "dag with the official HttpOperator")
        http.write_text(HTTP, encoding="utf-8")
        files = [http, *sorted(EXAMPLES.glob("*.py"))]
        for path in files:
            read(path)  # compiles what is imported
        rounds = [{path: read(path) for path in files} for _ in range(options.rounds)]
    lines = ["| DAG file | processor time | modules imported | HTTP libraries among them |", "|---|---|---|---|"]
    for path in files:
        times = [each[path][0] for each in rounds]
        _, modules, libraries = rounds[0][path]
        shown = f"{statistics.median(times):.1f} ms ({min(times):.1f} to {max(times):.1f})"
        lines.append(f"| {path.name} | {shown} | {modules} | {libraries} |")
    how = (
        f"On top of `airflow.sdk`, {options.rounds} new processes each: median, smallest and largest. Airflow "
        f"{version('apache-airflow')}, apache-airflow-providers-http {version('apache-airflow-providers-http')}, "
        f"Python {sys.version.split()[0]}."
    )
    lines += ["", how, ""]
    options.output.write_text("\n".join(lines), encoding="utf-8")
    print(options.output.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
