"""The Python files that pages show whole: blocks whose first line is a comment with the file's name."""

from __future__ import annotations

import re

_FILE = re.compile(r"^```python\n# (?P<name>\S+\.py)\n(?P<code>.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def documented_files(page: str) -> dict[str, str]:
    """Name -> content of each file that a page shows."""
    return {file["name"]: file["code"] for file in _FILE.finditer(page)}
