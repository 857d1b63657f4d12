"""The environments that contenders run in: one virtual environment each, and what is installed in it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
KEPT = REPOSITORY / ".build" / "benchmarks"
PREFERRED = ("3.12", "3.13", "3.14", "3.11")
"""One Python for all, so that nobody wins by a newer interpreter; b24api needs 3.12 at the least."""

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
        home = KEPT / name
        python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
        stamp = home / "requirements.txt"
        if python.exists() and stamp.exists() and stamp.read_text() == wanted.read_text():
            return str(python)
        print(f"Installing the environment {name} ...", file=sys.stderr, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        _install(self.base, home, python, wanted)
        stamp.write_text(wanted.read_text())
        return str(python)

    def versions(self, name: str) -> dict[str, str]:
        """What is installed, by distribution."""
        found = json.loads(subprocess.run([self.python(name), "-c", _LIST], check=True, capture_output=True).stdout)
        return {key.lower().replace("_", "-"): found[key] for key in sorted(found, key=str.lower)}


def _install(base: str, home: Path, python: Path, wanted: Path) -> None:
    uv = shutil.which("uv")
    if uv:
        subprocess.run([uv, "venv", "-q", "--python", base, home], check=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", python, "-r", wanted], check=True)
    else:
        subprocess.run([base, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", wanted], check=True)


def surroundings(**more: str) -> dict[str, str]:
    """Environment variables of a contender's process: no proxy, modules of this repository, compiled modules kept."""
    dropped = {"PYTHONDONTWRITEBYTECODE"}
    kept = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    return {key: value for key, value in kept.items() if key not in dropped} | {"PYTHONPATH": str(REPOSITORY), **more}


def find_python() -> str:
    """The interpreter for all environments: 3.12 where there is one."""
    for version in PREFERRED:
        if sys.version_info[:2] == tuple(map(int, version.split("."))):
            return sys.executable
        for found in (shutil.which(f"python{version}"), _pyenv(version)):
            # What is on the PATH may be a shim for an interpreter that is not chosen.
            if found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0:
                return found
    return sys.executable


def _pyenv(version: str) -> str | None:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = sorted(root.glob(f"versions/{version}.*/bin/python"))
    return str(found[-1]) if found else None


def machine(python: str) -> dict[str, str]:
    """The machine in words: processor, cores, memory, system, interpreter. No host name, no paths."""
    version = subprocess.run([python, "-V"], check=True, capture_output=True, text=True).stdout.strip()
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": version,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    if not hasattr(os, "sysconf"):
        return "unknown"
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
