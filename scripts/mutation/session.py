"""One run of pytest that first learns which tests run which lines, and then tries the mutants of functions in forks.

A mutant meets only the tests that run its statement, the shortest first. Forked from a run that has already imported
and collected everything, it takes milliseconds until the first test.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import coverage
import pytest
from _pytest.runner import runtestprotocol

from scripts.mutation.trial import KILLED, SURVIVED, Allowance, Trials, Verdict
from scripts.terminal import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from scripts.mutation.mutants import Mutant


@dataclass
class Learned:
    """What the unchanged code showed: the tests that passed, their seconds, and the lines that they ran."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Test -> seconds."""
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """File -> line -> tests."""
    failed: list[str] = field(default_factory=list)

    def tests_of(self, path: str, lines: Iterable[int] | None = None) -> list[str]:
        """The tests that run one of these lines, or any line of the file; the shortest first."""
        known = self.lines.get(path, {})
        chosen = known if lines is None else map(str, lines)
        found = {test for line in chosen for test in known.get(line, []) if test in self.seconds}
        return sorted(found, key=lambda test: (self.seconds[test], test))

    def allowance(self, tests: Sequence[str]) -> Allowance:
        """How long these may take."""
        return Allowance.for_tests(sum(self.seconds[each] for each in tests))

    def write(self, path: Path) -> None:
        """Keep it for another process."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Learned:
        """What :meth:`write` kept."""
        return cls(**json.loads(path.read_text()))


class MutationSession:
    """A plugin that takes pytest's place when the tests have been collected.

    :param mutants: those that lie in functions.
    :param learned: where to keep what the unchanged code showed.
    """

    def __init__(
        self, paths: Sequence[str], mutants: Sequence[Mutant], learned: Path, trials: Trials, untested: Any
    ) -> None:
        self.paths = paths
        self.mutants = mutants
        self.learned = learned
        self.trials = trials
        self.untested: Callable[[Verdict], None] = untested

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Learn, then try each mutant."""
        learned = self._learn(session.items)
        learned.write(self.learned)
        items = {item.nodeid: item for item in session.items}
        for mutant in self.mutants:
            tests = learned.tests_of(mutant.path, range(mutant.lines[0], mutant.lines[1] + 1))
            if tests:
                chosen = [items[each] for each in tests]
                self.trials.start(mutant, lambda m=mutant, c=chosen: _try(m, c), learned.allowance(tests))
            else:
                self.untested(Verdict(mutant, "untested"))
        self.trials.finish()
        return True

    def _learn(self, items: Sequence[pytest.Item]) -> Learned:
        learned = Learned()
        watch = coverage.Coverage(config_file=False, data_file=None, include=[str(ROOT / path) for path in self.paths])
        watch.start()
        for index, item in enumerate(items):
            watch.switch_context(item.nodeid)
            begun = time.perf_counter()
            following = items[index + 1] if index + 1 < len(items) else None
            if _fails(item, following):
                learned.failed.append(item.nodeid)
            else:
                learned.seconds[item.nodeid] = time.perf_counter() - begun
        watch.stop()
        data = watch.get_data()
        for path in self.paths:
            found = data.contexts_by_lineno(str(ROOT / path))
            learned.lines[path] = {str(line): [each for each in tests if each] for line, tests in found.items()}
        return learned


def _try(mutant: Mutant, items: Sequence[pytest.Item]) -> int:
    mutant.put_into_functions()
    following = [*items[1:], None]
    return KILLED if any(map(_fails, items, following)) else SURVIVED


def _fails(item: pytest.Item, following: pytest.Item | None) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


class TestsInOrder:
    """A plugin that runs just these tests, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.order = {test: index for index, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the others, and sort."""
        chosen = [each for each in items if each.nodeid in self.order]
        items[:] = sorted(chosen, key=lambda each: self.order[each.nodeid])


def run_afresh(mutant: Mutant | None, tests: Sequence[str], options: Sequence[str]) -> int:
    """Import everything anew, with the change in place, and run the tests until one fails."""
    if mutant is not None:
        mutant.put_into_import()
    files = sorted({test.partition("::")[0] for test in tests})
    code = pytest.main([*options, "-x", *files], plugins=[TestsInOrder(tests)])
    return SURVIVED if code == pytest.ExitCode.OK else KILLED


def silence(log: Path) -> None:
    """Let this process and its forks print into a file."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
