"""Faults made by hand, to see that the checker finds them: a few words of one module changed, in memory.

A process loads the package with one of them (:func:`load_with`) and lives histories until one fails that holds
without the fault. ``python -m tests.histories --mutants`` does it for all.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

PACKAGE = Path(__file__).parents[2] / "airflow_provider_bitrix24"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault. ``old`` occurs once in the module at ``path``, and becomes ``new``."""

    name: str
    path: str
    old: str
    new: str

    @property
    def module(self) -> str:
        """The module's dotted name."""
        return ".".join([PACKAGE.name, *self.path.removesuffix(".py").split("/")])

    def source(self) -> str:
        """Return the module's source with the fault.

        :raises LookupError: the text does not occur in it, or more than once.
        """
        text = (PACKAGE / self.path).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise LookupError(f"{self.name}: {self.old!r} occurs {text.count(self.old)} times in {self.path}.")
        return text.replace(self.old, self.new)


MUTANTS = (
    Mutant(
        "a move proves that the commands before it ran",
        "client/firing/in_doubt.py",
        "        return moved, rest\n",
        "        last = self.targets.index(moved[-1]) + 1 if moved else 0\n"
        "        return [each for each in self.targets[:last] if each.ref in found], self.targets[last:]\n",
    ),
    Mutant(
        "a lost request is over at once",
        "client/firing/in_doubt.py",
        "        if self.over or self.sent_at is None:\n",
        "        if self.over or self.sent_at is not None:\n",
    ),
    Mutant(
        "the portal's clock is ahead in the next try",
        "client/firing/in_doubt.py",
        "self.earliest_by_portal - by_portal - CLOCK_MARGIN",
        "self.earliest_by_portal - by_portal + 300.0",
    ),
    Mutant(
        "a move there and back counts as none",
        "client/stages.py",
        "return self.differs(before) or not (before.moved_time == UNKNOWN_MOMENT or self._moved_when(before))",
        "return self.differs(before)",
    ),
    Mutant(
        "requests are not written down before they leave",
        "client/firing/checkpoint.py",
        "for targets, sent in (*in_doubt, *leaving)",
        "for targets, sent in in_doubt",
    ),
    Mutant(
        "the next try does not know what has moved",
        "client/firing/checkpoint.py",
        '_LEFT_ALONE = (LETTERS["moved"], LETTERS["already"], LETTERS["unverified"])',
        '_LEFT_ALONE = (LETTERS["already"], LETTERS["unverified"])',
    ),
    Mutant(
        "the next try takes what was lost for unsent",
        "client/firing/checkpoint.py",
        "            elif letter in (LOST, *_READ_ONLY):\n",
        "            elif letter in _READ_ONLY:\n",
    ),
    Mutant(
        "a success is not kept",
        "operators/_firing_task.py",
        '        if verdict.end == "succeed":\n            checkpoint_store.conclude',
        '        if verdict.end == "skip":\n            checkpoint_store.conclude',
    ),
    Mutant(
        "a task without a checkpoint is tried again whatever it has fired",
        "_tasks/verdict.py",
        'return Verdict("retry", message) if checkpoint else',
        'return Verdict("retry", message) if not checkpoint else',
    ),
    Mutant(
        "what did not move is fine",
        "_tasks/verdict.py",
        'problems_of(report, late_too=on_unmoved == "fail")',
        'problems_of(report, late_too=on_unmoved == "warn")',
    ),
)


def load_with(name: str) -> None:
    """Let this process load the package with a fault; nothing of the package is loaded yet."""
    sys.meta_path.insert(0, _Finder(next(each for each in MUTANTS if each.name == name)))


class _Finder(MetaPathFinder):
    """Finds the mutant's module, and no other."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002 - Python's
        if fullname != self._mutant.module:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is not None:
            spec.loader = _Loader(fullname, str(spec.origin), self._mutant)
        return spec


class _Loader(SourceFileLoader):
    """Loads the module's changed source."""

    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - Python's
        return compile(self._mutant.source(), self.path, "exec")
