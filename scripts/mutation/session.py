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

from scripts.mutation.trial import KILLED, SURVIVED, Cost, Trials, Verdict
from scripts.terminal import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from scripts.mutation.mutants import Mutant


@dataclass
class Learned:
    """What the unchanged code showed: the tests that passed, what they cost, and the lines that they ran."""

    costs: dict[str, Cost] = field(default_factory=dict)
    """By test."""
    lines: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """File -> line -> tests."""
    failed: list[str] = field(default_factory=list)

    def tests_of(self, path: str, lines: Iterable[int] | None = None) -> list[str]:
        """The tests that run one of these lines, or any line of the file; the shortest first."""
        known = self.lines.get(path, {})
        chosen = known if lines is None else map(str, lines)
        found = {test for line in chosen for test in known.get(line, []) if test in self.costs}
        return sorted(found, key=lambda test: (self.costs[test].cpu, test))

    def write(self, path: Path) -> None:
        """Keep it for another process."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Learned:
        """What :meth:`write` kept."""
        kept = json.loads(path.read_text())
        return cls(**{**kept, "costs": {test: Cost(**cost) for test, cost in kept["costs"].items()}})


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
                chosen = {items[each]: learned.costs[each] for each in tests}
                self.trials.start(mutant, lambda m=mutant, c=chosen: _try(m, c))
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
            begun = time.process_time(), time.perf_counter()
            following = items[index + 1] if index + 1 < len(items) else None
            if _fails(item, following):
                learned.failed.append(item.nodeid)
            else:
                learned.costs[item.nodeid] = Cost(time.process_time() - begun[0], time.perf_counter() - begun[1])
        watch.stop()
        data = watch.get_data()
        for path in self.paths:
            found = data.contexts_by_lineno(str(ROOT / path))
            learned.lines[path] = {str(line): [each for each in tests if each] for line, tests in found.items()}
        return learned


def _try(mutant: Mutant, costs: Mapping[pytest.Item, Cost]) -> int:
    mutant.put_into_functions()
    items = [*costs]
    for item, following in zip(items, [*items[1:], None], strict=True):
        costs[item].limit()
        if _fails(item, following):
            return KILLED
    return SURVIVED


def _fails(item: pytest.Item, following: pytest.Item | None) -> bool:
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=following))


class TestsInOrder:
    """A plugin that runs just these tests, in this order, each as long as it may take."""

    def __init__(self, costs: Mapping[str, Cost]) -> None:
        self.costs = costs
        self.order = {test: index for index, test in enumerate(costs)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the others, and sort."""
        chosen = [each for each in items if each.nodeid in self.order]
        items[:] = sorted(chosen, key=lambda each: self.order[each.nodeid])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Limit what it takes."""
        self.costs[item.nodeid].limit()


def run_afresh(mutant: Mutant | None, costs: Mapping[str, Cost], options: Sequence[str]) -> int:
    """Import everything anew, with the change in place, and run the tests until one fails."""
    if mutant is not None:
        mutant.put_into_import()
    files = sorted({test.partition("::")[0] for test in costs})
    code = pytest.main([*options, "-x", *files], plugins=[TestsInOrder(costs)])
    return SURVIVED if code == pytest.ExitCode.OK else KILLED


def silence(log: Path) -> None:
    """Let this process and its forks print into a file."""
    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
