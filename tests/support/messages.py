"""The messages of the package, as they stand in its code, and those that a page explains."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "airflow_provider_bitrix24"
ERRORS = {
    "AirflowFailException",
    "AirflowSensorTimeout",
    "AirflowSkipException",
    "Bitrix24Error",
    "CheckpointError",
    "ConfigurationError",
    "ConnectFailed",
    "LostEventError",
    "OutcomeUnknown",
    "ProtocolError",
    "SharedStoreError",
    "TransportError",
    "VerificationError",
}
"""Errors that end a task or keep a DAG file from being parsed; the portal's own are in the table of codes."""
OF_COMMANDS = ("application_commands.py", "store_report.py", "client/oauth/authorization.py")
"""Modules whose errors a person gets from a command, while looking at it."""
FILLED_IN = "\0"
FEW = 6
"""A message with fewer characters of its own says no more than that a value is wrong."""


def explained(page: str) -> list[str]:
    """The messages in headings and in the first column of tables."""
    places = re.findall(r"^(?:### |\| )(.*?)(?: \| .*)?$", page, flags=re.MULTILINE)
    return [message for place in places for message in re.findall(r"`([^`]+)`", place)]


@cache
def trees() -> dict[str, ast.Module]:
    """Every module of the package but the simulator's."""
    paths = [path for path in PACKAGE.rglob("*.py") if "simulator" not in path.parts]
    return {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def constants(tree: ast.Module) -> dict[str, str]:
    """The texts that a module names, or imports by name."""
    return _imported(tree) | _named(tree)


def _named(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _imported(tree: ast.Module) -> dict[str, str]:
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE.name}."):
            path = "/".join((node.module or "").split(".")[1:])
            home = _named(trees()[f"{path}.py"]) if f"{path}.py" in trees() else {}
            found.update({each.asname or each.name: home[each.name] for each in node.names if each.name in home})
    return found


def text_of(node: ast.expr, named: dict[str, str]) -> str | None:
    """A text as it stands in the code, with ``FILLED_IN`` for what is filled in; ``None`` if it is made elsewhere."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return named.get(node.id)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, named) or FILLED_IN for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value, named) if node.conversion == -1 else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (text_of(node.left, named) or FILLED_IN) + (text_of(node.right, named) or FILLED_IN)
    return None


@cache
def texts_in_code() -> tuple[str, ...]:
    """Every text of the package."""
    found = []
    for tree in trees().values():
        named = constants(tree)
        nodes = (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Constant))
        found += [text for node in nodes if (text := text_of(node, named))]
    return tuple(found)


def errors_in_code() -> list[tuple[str, str]]:
    """(where, message) of every error that ends a task."""
    found = []
    for name, tree in trees().items():
        named = constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ERRORS and node.args:
                text = text_of(node.args[0], named)
                if text is not None and name not in OF_COMMANDS:
                    found.append((f"{name}:{node.lineno}", text))
    return found


def own_length(message: str) -> int:
    """How many letters of a message stand in the code or on the page."""
    return len(re.sub(r"[^A-Za-z]|\bis\b", "", message))


def fits(message: str, text: str) -> bool:
    """Whether a text can be a message of the page, in which ``...`` stands for what is filled in."""
    at = 0
    for part in message.split("..."):
        found = text.find(part.strip(), at)
        if found < 0:
            return False
        at = found + len(part.strip())
    return True
