"""The small changes that mutation testing makes to one node of a syntax tree.

Left alone are annotations, decorators, docstrings and sentences, since a test of those would only repeat them.
"""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATIONS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Div,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that can take the place of one."""
    yield from _of_expression(node) if isinstance(node, ast.expr) else _of_statement(node)


def _of_expression(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                ops = [*node.ops[:index], _COMPARISONS[type(operator)](), *node.ops[index + 1 :]]
                yield _changed(node, ops=ops)
        case ast.BoolOp():
            yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.BinOp() if type(node.op) in _CALCULATIONS:
            yield _changed(node, op=_CALCULATIONS[type(node.op)]())
        case ast.Call(func=ast.Name(id=name)) if name in _OPPOSITES:
            yield _changed(node, func=_changed(node.func, id=_OPPOSITES[name]))
        case ast.Constant():
            yield from (_changed(node, value=value) for value in _other_values(node.value))


def _of_statement(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.AugAssign() if type(node.op) in _CALCULATIONS:
            yield _changed(node, op=_CALCULATIONS[type(node.op)]())
            yield ast.copy_location(ast.Assign([node.target], node.value), node)
        case ast.Expr(value=ast.Call()) | ast.Delete():
            yield ast.copy_location(ast.Pass(), node)
        case ast.Continue():
            yield ast.copy_location(ast.Break(), node)
        case ast.Break():
            yield ast.copy_location(ast.Continue(), node)
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield _changed(node, value=ast.copy_location(ast.Constant(None), value))
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield _changed(node, value=ast.copy_location(ast.Constant(None), value))


def _other_values(value: object) -> Iterator[object]:
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1
        case str() if not any(map(str.isspace, value)):  # a code, a key or a name
            yield f"XX{value}XX"


def _changed(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
