"""The two spellings of a field: ``stageId`` in ``crm.item.*``, ``STAGE_ID`` in the old methods.

A user field keeps what follows its last underscore: ``UF_CRM_44_172`` is ``ufCrm44_172``, ``UF_CRM_1`` is ``ufCrm_1``.
"""

from __future__ import annotations

import re
from typing import Final

_USER_FIELD: Final = re.compile(r"(?:uf|parentid)[a-z0-9_]*", re.IGNORECASE | re.ASCII)
_PARENT: Final = re.compile(r"parent_?id_?(\d+)", re.IGNORECASE | re.ASCII)
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)")


def is_user_field(name: str) -> bool:
    """Whether a name is that of a user field or of a parent item: ``ufCrm_1``, ``UF_CRM_1``, ``parentId177``."""
    return _USER_FIELD.fullmatch(name.replace("PARENT_ID", "parentid")) is not None


def upper_name(name: str) -> str:
    """The upper-case spelling of a name in either spelling.

    >>> [upper_name(each) for each in ("stageId", "ufCrm44_172", "ufCrm_5D8F", "parentId177", "UF_CRM_1")]
    ['STAGE_ID', 'UF_CRM_44_172', 'UF_CRM_5D8F', 'PARENT_ID_177', 'UF_CRM_1']
    """
    if name == name.upper():
        return name
    words, underscore, rest = name.partition("_")
    return (_WORDS.sub("_", words) + underscore + rest).upper()


def camel_name(name: str) -> str:
    """The spelling of ``crm.item.*`` of a name in either spelling.

    >>> [camel_name(each) for each in ("STAGE_ID", "UF_CRM_44_172", "UF_CRM_5D8F", "PARENT_ID_177", "ufCrm_1")]
    ['stageId', 'ufCrm44_172', 'ufCrm_5D8F', 'parentId177', 'ufCrm_1']
    """
    if name != name.upper():
        return name
    if (parent := _PARENT.fullmatch(name)) is not None:
        return f"parentId{parent[1]}"
    first, *others = name.split("_")
    tail = ""
    if first == "UF" and others and others[-1][:1].isdigit():
        tail = f"_{others.pop()}"
    return first.lower() + "".join(each.capitalize() for each in others) + tail
