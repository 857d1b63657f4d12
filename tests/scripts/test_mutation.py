"""Mutation testing changes what decides, and the change takes effect."""

from __future__ import annotations

import ast
import importlib
import sys

import pytest

from scripts.mutation import mutants
from scripts.mutation.mutants import mutants_of
from scripts.mutation.operators import replacements
from scripts.mutation.session import Learned
from scripts.mutation.trial import Cost

SOURCE = '''"""A module."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    LONGEST = 1

LIMIT = 10


@dataclass(frozen=True)
class Figure:
    """A class."""

    used: int = 5

    @property
    def room(self) -> int:
        """A property."""
        return LIMIT - self.used

    def fits(self, wanted: "int" = 2) -> bool:
        if wanted < self.room:
            return True
        return wanted == self.room
'''


@pytest.fixture
def sample(tmp_path, monkeypatch):
    """A file of a project of its own; returns its path there."""
    (tmp_path / "mutated_sample.py").write_text(SOURCE)
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield "mutated_sample.py"
    sys.modules.pop("mutated_sample", None)
    sys.meta_path[:] = [each for each in sys.meta_path if type(each).__module__ != mutants.__name__]


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a < b <= c", ["a <= b <= c", "a < b < c"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("a - b", ["a + b"]),
        ("max(a, b)", ["min(a, b)"]),
        ("f(a)", []),
        ("1.5", ["2.5"]),
        ("True", ["False"]),
        ("None", []),
        ("'code'", ["'XXcodeXX'"]),
        ("'a sentence'", []),
    ],
)
def test_an_expression_is_replaced_by_its_neighbours(source, changed):
    node = ast.parse(source, mode="eval").body
    assert [ast.unparse(each) for each in replacements(node)] == changed


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a += 1", ["a -= 1", "a = 1"]),
        ("a.append(b)", ["pass"]),
        ("del a", ["pass"]),
        ("continue", ["break"]),
        ("return a", ["return None"]),
        ("return None", []),
        ("a = b", ["a = None"]),
        ("pass", []),
    ],
)
def test_a_statement_is_replaced_or_left_out(source, changed):
    node = ast.parse(source).body[0]
    assert [ast.unparse(ast.fix_missing_locations(each)) for each in replacements(node)] == changed


def test_annotations_decorators_docstrings_and_what_only_types_need_are_left_alone(sample):
    assert sorted((each.line, each.before) for each in mutants_of(sample)) == [
        (9, "10"),
        (16, "5"),
        (21, "LIMIT - self.used"),
        (21, "return LIMIT - self.used"),
        (23, "2"),
        (24, "wanted < self.room"),
        (25, "True"),
        (26, "return wanted == self.room"),
        (26, "wanted == self.room"),
    ]


def test_a_change_in_a_function_reaches_a_module_that_is_imported(sample):
    figure = importlib.import_module("mutated_sample").Figure()
    found = {(each.line, each.before): each for each in mutants_of(sample) if each.local}
    assert (figure.room, figure.fits(5), figure.fits(6)) == (5, True, False)
    found[21, "LIMIT - self.used"].put_into_functions()
    assert figure.room == 15


def test_a_change_of_a_constant_reaches_the_next_import(sample):
    [mutant] = [each for each in mutants_of(sample) if each.before == "10"]
    assert not mutant.local
    mutant.put_into_import()
    assert importlib.import_module("mutated_sample").LIMIT == 11


def test_a_mutant_shows_its_line(sample):
    assert str(mutants_of(sample)[0]) == "mutated_sample.py:9: 10 -> 11 in: LIMIT = 10"


def test_the_tests_of_a_statement_are_those_that_run_one_of_its_lines_the_shortest_first():
    learned = Learned(
        {"a": Cost(2.0, 9.0), "b": Cost(1.0, 9.0)}, lines={"x.py": {"3": ["a", "gone"], "4": ["b"], "9": []}}
    )
    assert learned.tests_of("x.py", range(3, 5)) == ["b", "a"]
    assert learned.tests_of("x.py", [9]) == []
    assert learned.tests_of("x.py") == ["b", "a"]


def test_what_was_learned_is_kept_for_another_process(tmp_path):
    learned = Learned({"a": Cost(2.0, 9.0)}, {"x.py": {"3": ["a"]}}, ["b"])
    learned.write(tmp_path / "learned.json")
    assert Learned.read(tmp_path / "learned.json") == learned
