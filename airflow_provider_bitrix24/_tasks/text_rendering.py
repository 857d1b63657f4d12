"""Renders a template as text, also where the DAG renders templates as native Python objects.

Natively, Jinja reads each text that it renders as a Python literal: the code ``12345`` becomes a number, and so does
``1_000``. Only what is not a text, such as a list of stages in ``params``, is taken as it is here.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

_COLLECTIONS = ("[", "(", "{")


def render_as_text(template: jinja2.Template, context: Mapping[str, Any]) -> Any:
    """Render a template to a text, or to the object that is its only part, such as a list of ``params``.

    :param template: of a plain or of a native environment.
    """
    from jinja2.nativetypes import NativeEnvironment

    nodes = _nodes(template, context)
    if not isinstance(template.environment, NativeEnvironment):
        return "".join(nodes)
    return nodes[0] if len(nodes) == 1 else "".join(map(str, nodes))


def read_collection(text: str) -> Any:
    """Read a text such as ``['NEW', 'WON']`` as the list or dict that native rendering makes of it; any other stays."""
    if not text.lstrip().startswith(_COLLECTIONS):
        return text
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
    return value if isinstance(value, list | tuple | dict) else text


def as_text(value: Any) -> Any:
    """A rendered value as a text, and a list as a list of texts; ``None`` and mappings stay what they are."""
    from jinja2 import Undefined

    if value is None or isinstance(value, str | Mapping):
        return value
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | Undefined):
        return [as_text(each) for each in value]
    return str(value)


def _nodes(template: jinja2.Template, context: Mapping[str, Any]) -> list[Any]:
    """The parts of a rendered template, found as Airflow does: Jinja's own way resolves all of Airflow's context."""
    values: Any = copy.copy(context)
    environment = template.environment
    values.update((name, value) for name, value in template.globals.items() if name not in values)
    try:
        return list(
            template.root_render_func(environment.context_class(environment, values, template.name, template.blocks))
        )
    except Exception:  # noqa: BLE001 - Jinja raises it again, with a traceback that shows the template
        environment.handle_exception()
