"""Change the code that decides, one small change at a time, and see whether a test fails: ``make mutation``.

    python -m scripts.mutation                  # all six modules, an hour or so
    python -m scripts.mutation retry batch      # some of them

Exits with 1 where a module's score, the part of its mutants that were killed or timed out, is not above 90 %.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp  # noqa: F401 - what is imported here need not be imported in each fork
import httpx  # noqa: F401 - likewise
import hypothesis.strategies  # noqa: F401 - likewise
import pytest
import pytest_asyncio  # noqa: F401 - likewise
import requests  # noqa: F401 - likewise

import airflow_provider_bitrix24.simulator.testing  # noqa: F401 - likewise
from scripts.mutation.mutants import Mutant, mutants_of
from scripts.mutation.session import Learned, MutationSession, run_afresh, silence
from scripts.mutation.trial import Cost, Trials, Verdict
from scripts.terminal import BUILD, StepFailed, say

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Module:
    """What is changed, in the client's folder, and the tests that have to notice, in the folder of its tests.

    Those are the tests of its subject. Others may notice as well, but then say less clearly what is wrong.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def paths(self) -> list[str]:
        """The files, from the project's folder."""
        return [f"airflow_provider_bitrix24/client/{name}.py" for name in self.files]

    @property
    def test_paths(self) -> list[str]:
        """The tests, from the project's folder."""
        return [f"tests/client/{name}.py" for name in self.tests]


MODULES = {
    "classify": Module(("protocol/error_codes",), ("protocol/test_error_codes", "test_errors")),
    "retry": Module(("limits/retry",), ("limits/test_retry",)),
    "verification": Module(
        ("report", "stages", "firing/verifier"),
        (
            "test_report",
            "test_report_causes",
            "test_stages",
            "firing/test_verifier",
            "firing/test_run",
            "firing/test_run_expected",
        ),
    ),
    "pacing": Module(
        ("limits/bucket", "limits/cost", "limits/operating", "limits/work", "limits/working_time"),
        (
            "limits/test_bucket",
            "limits/test_bucket_leaks",
            "limits/test_cost",
            "limits/test_operating",
            "limits/test_work",
            "limits/test_working_time",
        ),
    ),
    "batch": Module(("protocol/batch",), ("protocol/test_batch", "flows/test_batches")),
    "firing": Module(
        (
            "firing/job",
            "firing/ledger",
            "firing/restored",
            "firing/queue",
            "firing/state",
            "firing/in_doubt",
            "firing/outcomes",
        ),
        (
            "firing/test_job",
            "firing/test_ledger",
            "firing/test_ledger_ends",
            "firing/test_ledger_jobs",
            "firing/test_outcomes",
            "firing/test_queue",
            "firing/test_in_doubt",
            "firing/test_in_doubt_age",
            "firing/test_requests",
            "firing/test_responses",
            "firing/test_rounds",
            "firing/test_checkpoint",
            "firing/test_checkpoint_in_doubt",
            "firing/test_checkpoint_lists",
            "firing/test_run",
            "firing/test_run_expected",
            "firing/test_run_interrupted",
            "firing/test_run_resumed",
        ),
    ),
}
ENOUGH = 0.9
"""Each module's score has to be above this."""
_OPTIONS = (
    *("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:random_order"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what is imported above
)
_FOLDER = BUILD / "mutation"


def main() -> int:
    """Run; returns 1 if a score is too low."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", choices=[*MODULES, []], help="by default all")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="by default one for each core")
    arguments = parser.parse_args()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    names = arguments.modules or list(MODULES)
    try:
        verdicts = {name: _try_all(name, arguments.processes) for name in names}
    except StepFailed as error:
        say(str(error))
        return 2
    return _report(verdicts)


def _try_all(name: str, processes: int) -> list[Verdict]:
    module = MODULES[name]
    mutants = [mutant for path in module.paths for mutant in mutants_of(path)]
    say(f"{name}: {len(mutants)} mutants.")
    progress = _Progress(len(mutants))
    learned = _try_functions(module, [each for each in mutants if each.local], processes, progress)
    _try_the_rest([each for each in mutants if not each.local], learned, processes, progress)
    return progress.verdicts


class _Progress:
    def __init__(self, count: int) -> None:
        self.verdicts: list[Verdict] = []
        self._count = count
        self._begun = time.monotonic()

    def __call__(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)
        if verdict.end != "killed":
            say(f"{verdict.end}: {verdict.mutant}")
        if len(self.verdicts) % 100 == 0:
            say(f"{len(self.verdicts)} of {self._count} after {time.monotonic() - self._begun:.0f} s")


def _try_functions(
    module: Module, mutants: Sequence[Mutant], processes: int, progress: Callable[[Verdict], None]
) -> Learned:
    """Try what lies in functions, in a fork in which everything is imported, so that it stays unimported here."""
    kept, log = _FOLDER / f"learned-{os.getpid()}.json", _FOLDER / "tests.log"
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        silence(log)
        numbers = {mutant: number for number, mutant in enumerate(mutants)}

        def tell(verdict: Verdict) -> None:
            os.write(writing, f"{numbers[verdict.mutant]} {verdict.end}\n".encode())

        plugin = MutationSession(module.paths, mutants, kept, Trials(processes, tell), tell)
        os._exit(pytest.main([*_OPTIONS, *module.test_paths], plugins=[plugin]))
    os.close(writing)
    with os.fdopen(reading) as lines:
        for line in lines:
            number, end = line.rstrip().split(" ", 1)
            progress(Verdict(mutants[int(number)], end))
    os.waitpid(pid, 0)
    if not kept.exists():
        raise StepFailed(f"The tests could not be collected: {log}")
    learned = Learned.read(kept)
    kept.unlink()
    for test in learned.failed:
        say(f"left out, since it fails without any change: {test}")
    return learned


def _try_the_rest(
    mutants: Sequence[Mutant], learned: Learned, processes: int, progress: Callable[[Verdict], None]
) -> None:
    """Try what a module does when it is imported: every trial imports the client anew."""
    trials = Trials(processes, progress)
    for path in dict.fromkeys(mutant.path for mutant in mutants):
        trials.finish()  # so that the next to end is the control
        costs = {test: learned.costs[test] for test in learned.tests_of(path)}
        unchanged: list[str] = []
        control = Trials(1, lambda verdict, ends=unchanged: ends.append(verdict.end))
        control.start(None, lambda costs=costs: _run_afresh(None, costs))
        control.finish()
        if unchanged != ["survived"]:
            raise StepFailed(f"The tests of {path} fail without any change when they run by themselves.")
        for mutant in mutants:
            if mutant.path == path:
                trials.start(mutant, lambda mutant=mutant, costs=costs: _run_afresh(mutant, costs))
    trials.finish()


def _run_afresh(mutant: Mutant | None, costs: Mapping[str, Cost]) -> int:
    silence(_FOLDER / "afresh.log" if mutant is None else Path(os.devnull))
    return run_afresh(mutant, costs, _OPTIONS)


def _report(verdicts: Mapping[str, Sequence[Verdict]]) -> int:
    """Print the table of ``CONTRIBUTING.md``, with a row for each module."""
    print("| module | changes | noticed | endless | unnoticed | score |")
    print("|---|--:|--:|--:|--:|--:|")
    low = []
    for module, found in verdicts.items():
        ends = Counter(each.end for each in found)
        noticed, endless = ends["killed"], ends["timed out"]
        unnoticed = ends["survived"] + ends["untested"]
        score = (noticed + endless) / ends.total()
        print(f"| {module} | {ends.total()} | {noticed} | {endless} | {unnoticed} | {100 * score:.1f} % |")
        if score <= ENOUGH:
            low.append(module)
    if low:
        say(f"Not above {100 * ENOUGH:.0f} %: {', '.join(low)}.")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
