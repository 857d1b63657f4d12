"""Which modules an import brings into a process that has imported nothing else.

Imports the base once, in an interpreter of its own, and forks it for each import.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROGRAM = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
base, imports = json.loads(sys.argv[1])
exec(base)
for name, (first, then) in imports.items():
    sys.stdout.flush()
    if os.fork() == 0:
        exec(first)
        before = set(sys.modules)
        exec(then)
        print("ADDED", json.dumps([name, sorted(set(sys.modules) - before)]), flush=True)
        os._exit(0)
    _, status = os.wait()
    if status:
        sys.exit(f"{then} has failed")
"""


def modules_added(base: str, imports: Mapping[str, tuple[str, str]]) -> dict[str, set[str]]:
    """Return the modules that each import adds.

    :param base: statement that all processes begin with.
    :param imports: name -> a statement to begin with, and the one whose modules are counted.
    """
    command = [sys.executable, "-c", _PROGRAM, json.dumps([base, dict(imports)])]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line.removeprefix("ADDED ") for line in done.stdout.splitlines() if line.startswith("ADDED ")]
    return {name: set(added) for name, added in map(json.loads, lines)}
