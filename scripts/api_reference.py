"""Adapts what Sphinx makes of docstrings to readers who know the public names only; an extension of the site's build.

Sphinx lists the type of every parameter. This leaves out the parameters that a docstring describes elsewhere, those
that only Airflow passes, and private names of types.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from docutils.nodes import field_list
from sphinx.util.typing import stringify_annotation

from airflow_provider_bitrix24._tasks.arguments import OnUnmoved
from airflow_provider_bitrix24._tasks.waiting import Require
from airflow_provider_bitrix24.client.entities.find import OnExcess
from airflow_provider_bitrix24.client.protocol.wire import Params
from airflow_provider_bitrix24.client.settings import Plan
from airflow_provider_bitrix24.client.targets import Rows

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.application import Sphinx

_TYPES = {
    "Rows": Rows,
    "OnUnmoved": OnUnmoved,
    "OnExcess": OnExcess,
    "Require": Require,
    "Plan": Plan,
    "Params": Params,
}
"""Private name of a type -> what it stands for."""
_FROM_AIRFLOW = {"context", "event", "kwargs"}
_DESCRIBED_ELSEWHERE = re.compile(r"\A(See|Like) |The other parameters are those of ")


def setup(app: Sphinx) -> None:
    """Come before Sphinx, which adds the types to the description of parameters."""
    app.connect("object-description-transform", _adapt_types, priority=100)


def _adapt_types(app: Sphinx, domain: str, object_type: str, content: Element) -> None:
    if domain != "py" or object_type == "module":
        return
    signature = content.parent[0]
    name = ".".join(filter(None, (signature.get("module"), signature.get("fullname"))))
    types = app.env.current_document.autodoc_annotations.get(name, {})
    described = _described_parameters(content)
    only_those = _DESCRIBED_ELSEWHERE.search(content.astext()) is not None
    for parameter, text in list(types.items()):
        if parameter in _FROM_AIRFLOW or text == "None" or (only_those and parameter not in described):
            del types[parameter]
        else:
            types[parameter] = re.sub(r"\b\w+\b", lambda found: _written_out(found[0]), text)


def _described_parameters(content: Element) -> set[str]:
    """The parameters that the docstring describes."""
    names = (field[0].astext().split() for fields in content if isinstance(fields, field_list) for field in fields)
    return {words[-1] for words in names if words[0] == "param"}


def _written_out(name: str) -> str:
    return stringify_annotation(_TYPES[name], "smart") if name in _TYPES else name
