"""The environments that clients run in: one virtual environment each, and what is installed in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from scripts.environments import find_python, install
from scripts.terminal import BUILD, ROOT

HERE = Path(__file__).resolve().parent
KEPT = BUILD / "benchmarks"
PREFERRED = ("3.12", "3.13", "3.14", "3.11")
"""One Python for all, so that no client wins by a newer interpreter; b24api needs 3.12 at the least."""

_LIST = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"


@dataclass(frozen=True, slots=True)
class Environments:
    """Interpreters by the name of a requirements file.

    :param single: with ``True`` everything runs in the interpreter that runs this, and nothing is installed.
    """

    base: str
    single: bool = False

    def python(self, name: str) -> str:
        """Path of the interpreter; its environment is made when it is first asked for."""
        if self.single:
            return sys.executable
        wanted = HERE / "requirements" / f"{name}.txt"
        folder = KEPT / name
        python = folder / "bin" / "python"
        stamp = folder / "requirements.txt"
        if not (python.exists() and stamp.exists() and stamp.read_text() == wanted.read_text()):
            shutil.rmtree(folder, ignore_errors=True)
            install(folder, self.base, f"Installing the environment {name}", "-r", str(wanted))
            stamp.write_text(wanted.read_text())
        return str(python)

    def versions(self, name: str) -> dict[str, str]:
        """What is installed, by distribution."""
        found = json.loads(subprocess.run([self.python(name), "-c", _LIST], check=True, capture_output=True).stdout)
        return {key.lower().replace("_", "-"): found[key] for key in sorted(found, key=str.lower)}


def surroundings(**more: str) -> dict[str, str]:
    """Environment variables of a client's process: no proxy, modules of this repository, compiled modules kept."""
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def preferred_python() -> str:
    """The interpreter for all environments: 3.12 where there is one."""
    return next(filter(None, map(find_python, PREFERRED)), sys.executable)
