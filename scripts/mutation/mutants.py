"""Lists the mutants of a source file, and puts one of them into the running program or into the next import of it."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from scripts.mutation.operators import replacements
from scripts.terminal import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = {"annotation", "returns", "decorator_list", "type_comment", "type_params"}
_SHOWN = 100


@dataclass(frozen=True, eq=False)
class Mutant:
    """One change of one place.

    :param path: the file, from the project's folder.
    :param lines: the first and the last line of the statement that changes, without the statements inside it.
    :param local: whether it lies in a function, so that a program that has imported the file can be changed.
    """

    path: str
    lines: tuple[int, int]
    local: bool
    line: int
    before: str
    after: str
    _tree: ast.Module
    _parent: ast.AST
    _field: str
    _index: int | None
    _replacement: ast.AST

    def __str__(self) -> str:
        source = (ROOT / self.path).read_text().splitlines()[self.line - 1].strip()
        return f"{self.path}:{self.line}: {self.before} -> {self.after} in: {source}"

    def code(self) -> CodeType:
        """The compiled file with the change. The tree stays changed: call it once, in a process of its own."""
        if self._index is None:
            setattr(self._parent, self._field, self._replacement)
        else:
            getattr(self._parent, self._field)[self._index] = self._replacement
        return compile(ast.fix_missing_locations(self._tree), str(ROOT / self.path), "exec")

    def put_into_functions(self) -> None:
        """Change the functions of the imported module."""
        codes = {(each.co_qualname, each.co_firstlineno): each for each in _codes(self.code())}
        for function in _functions(sys.modules[_module_name(self.path)]):
            found = function.__code__
            if Path(found.co_filename) == ROOT / self.path:
                function.__code__ = codes[found.co_qualname, found.co_firstlineno]

    def put_into_import(self) -> None:
        """Change what the next import of the module finds."""
        sys.meta_path.insert(0, _Finder(_module_name(self.path), self))


def mutants_of(path: str) -> list[Mutant]:
    """All mutants of a file of the project."""
    tree = ast.parse((ROOT / path).read_text())
    return list(_walk(path, tree, tree, (1, 1), local=False))


def _walk(path: str, tree: ast.Module, parent: ast.AST, lines: tuple[int, int], *, local: bool) -> Iterator[Mutant]:
    for field, index, node in _children(parent):
        here = _lines(node) if isinstance(node, ast.stmt) else lines
        inside = local or (isinstance(parent, ast.FunctionDef | ast.Lambda) and field == "body")
        if _is_left_alone(node):
            continue
        for replacement in replacements(node):
            if inside or isinstance(node, ast.expr):
                shown = _shown(node), _shown(replacement)
                line = getattr(node, "lineno", here[0])
                yield Mutant(path, here, inside, line, *shown, tree, parent, field, index, replacement)
        yield from _walk(path, tree, node, here, local=inside)


def _children(parent: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    for field, value in ast.iter_fields(parent):
        if field in _SKIPPED:
            continue
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, index, each) for index, each in enumerate(value) if isinstance(each, ast.AST))


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar")) | ast.Subscript(value=ast.Name(id="Literal"))):
            return True
        case ast.JoinedStr():
            return True
    return False


def _lines(statement: ast.stmt) -> tuple[int, int]:
    body = getattr(statement, "body", None) or getattr(statement, "cases", None)
    last = statement.end_lineno or statement.lineno
    if body:
        first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
        last = max(statement.lineno, first.lineno - 1)
    return statement.lineno, last


def _shown(node: ast.AST) -> str:
    first, *more = ast.unparse(ast.fix_missing_locations(node)).splitlines()
    return first[:_SHOWN] + (" ..." if more or first[_SHOWN:] else "")


def _module_name(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _functions(owner: ModuleType | type) -> Iterator[FunctionType]:
    for value in list(vars(owner).values()):
        if isinstance(value, type) and value.__module__ == getattr(owner, "__name__", None):
            yield from _functions(value)
        for found in (value, *(getattr(value, name, None) for name in ("fget", "__func__", "__wrapped__"))):
            if isinstance(found, FunctionType):
                yield found


class _Finder(SourceFileLoader):
    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(ROOT / mutant.path))
        self._mutant = mutant

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        return spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        return self._mutant.code()
