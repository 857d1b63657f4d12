"""The machine in words: processor, cores, memory, system, interpreter. No host name, no paths."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import psutil


def describe(python: str) -> dict[str, str]:
    """Describe the machine, and an interpreter on it."""
    version = subprocess.run([python, "-V"], check=True, capture_output=True, text=True).stdout.strip()
    return {
        "processor": _processor(),
        "cores": str(len(cores()) or os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": version,
    }


def cores() -> list[int]:
    """The cores that this process may use; none where the system does not tell."""
    process = psutil.Process()
    return sorted(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else []


def core(index: int) -> int | None:
    """A core of this machine, or ``None`` where there is no choice."""
    found = cores()
    return found[index] if len(found) > 1 else None


def pin(process: int, cpu: int | None) -> None:
    """Keep a process on one core, where the system can do that."""
    if cpu is not None:
        psutil.Process(process).cpu_affinity([cpu])


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
