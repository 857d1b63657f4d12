"""Brings the generated parts of the documentation up to date: examples, tables of codes and figures, lists of causes.

A comment in a page names the part that follows it:

- ``<!-- example: NAME -->``: the code between ``[START NAME]`` and ``[END NAME]`` in a file of ``example_dags/``
- ``<!-- example: NAME as dags/FILE.py -->``: the same as a file of the reader's, under a DAG id of its own
- ``<!-- codes -->``: the table of ``client.protocol.error_codes.CODES``
- ``<!-- causes -->``: the causes in ``client.report.CAUSES``
- ``<!-- benchmarks -->``, up to ``<!-- end of benchmarks -->``: the table of the last benchmark

``make docs`` writes them, and a test compares the pages with what it would write.
"""

from __future__ import annotations

import re
import sys
import textwrap

from scripts.terminal import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "ru").glob("*.md"))]
FIGURES = ROOT / "benchmarks" / "results" / "table.md"
_EXAMPLE = re.compile(
    r"(<!-- example: (?P<name>\w+)(?: as (?P<path>\S+))? -->\n)(?:```python\n.*?\n```\n)?", flags=re.DOTALL
)
_BENCHMARKS = re.compile(r"(<!-- benchmarks -->\n).*?(<!-- end of benchmarks -->\n)", flags=re.DOTALL)
_CAUSES = re.compile(r"(<!-- causes -->\n)(?:\d+\. .*\n)*")
_CODES = re.compile(r"(<!-- codes -->\n)(?:\|.*\n)*")


def refreshed(page: str) -> str:
    """Return the page with its generated parts as they should be."""
    page = _EXAMPLE.sub(lambda found: f"{found[1]}```python\n{shown(found['name'], found['path'])}\n```\n", page)
    page = _BENCHMARKS.sub(lambda found: f"{found[1]}{FIGURES.read_text().strip()}\n{found[2]}", page)
    page = _CAUSES.sub(lambda found: f"{found[1]}{cause_list()}\n", page)
    return _CODES.sub(lambda found: f"{found[1]}{code_table()}\n", page)


def examples() -> dict[str, str]:
    """Name -> code of every marked part of the example DAGs."""
    found = {}
    for path in sorted((ROOT / "example_dags").glob("*.py")):
        parts = re.findall(
            r"^ *# \[START (\w+)\]\n(.*?)\n *# \[END \1\]", path.read_text(), flags=re.MULTILINE | re.DOTALL
        )
        found |= {name: textwrap.dedent(code).strip("\n") for name, code in parts}
    return found


def shown(name: str, path: str | None) -> str:
    """Return the code of an example, or the file that a reader makes of it.

    Airflow may load the package's examples as well, so the reader's DAG must not have the id of one.
    """
    code = examples()[name]
    return code if path is None else f"# {path}\n" + code.replace('dag_id="bitrix24_example_', 'dag_id="')


def cause_list() -> str:
    """Return the likely causes of ``unmoved`` as a numbered list in Markdown."""
    from airflow_provider_bitrix24.client.report import CAUSES

    causes = [each.clause for each in CAUSES]
    return "\n".join(f"{number}. {cause[0].upper()}{cause[1:]}." for number, cause in enumerate(causes, start=1))


def code_table() -> str:
    """Return the table of error codes in Markdown."""
    from airflow_provider_bitrix24.client.protocol.error_codes import CODES

    rows = ["| code | error | the portal acted | retry helps | what to do |", "|---|---|---|---|---|"]
    for code, meaning in CODES.items():
        retry = "no" if meaning.error.permanent else "yes"
        rows.append(f"| `{code}` | `{meaning.error.__name__}` | {meaning.executed} | {retry} | {meaning.hint} |")
    return "\n".join(rows)


def main() -> int:
    """Write the pages that are out of date."""
    for path in PAGES:
        old = path.read_text()
        new = refreshed(old)
        if new != old:
            path.write_text(new)
            print(f"{path.relative_to(ROOT)} is up to date again")
    return 0


if __name__ == "__main__":
    sys.exit(main())
