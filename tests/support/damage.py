"""Damage to stored JSON: a value replaced, removed, or packed anew from something else."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from airflow_provider_bitrix24.client.packing import pack, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEEP = "[" * 100_000 + "]" * 100_000
SCALARS = st.sampled_from(
    [None, True, False, 0, -1, 1, 2, 1.5, 10**30, -(10**30), 1e308, -1e308, "", "x", "1", "DEAL_1", "\x00", "\ud800"]
)
VALUES = st.recursive(
    SCALARS | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
PACKED = (VALUES.map(json.dumps) | st.sampled_from([DEEP, "", "NaN", "[", "1e999", "9" * 5000])).map(
    lambda text: pack(text.encode("utf-8", "replace").decode())
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value, as what holds it and the key or index there."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(pairs):
        yield value, key
        yield from places(inner)


@st.composite
def damaged(draw: st.DrawFn, sound: Any) -> Any:
    """The value with one to three changes; inside packed texts, too."""
    value = deepcopy(sound)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(value))
        if not found:
            return draw(VALUES)
        holder, key = draw(st.sampled_from(found))
        kept = holder[key]
        kind = draw(st.sampled_from(["replace", "remove", "pack", "inside", "cut"]))
        if kind == "remove":
            del holder[key]
        elif kind == "cut" and isinstance(kept, str):
            holder[key] = kept[: draw(st.integers(0, len(kept)))]
        elif kind == "inside" and (inner := _packed(kept)) is not None:
            changed = draw(damaged(inner)) if isinstance(inner, list | dict) and inner else draw(VALUES)
            holder[key] = pack(json.dumps(changed))
        else:
            holder[key] = draw(PACKED if kind == "pack" else VALUES)
    return value


def _packed(text: object) -> Any:
    if not isinstance(text, str):
        return None
    try:
        return json.loads(unpack(text))
    except (ValueError, RecursionError):  # an earlier change has put something deep there
        return None


def each_place(sound: Any, odd: Sequence[Any]) -> Iterator[Any]:
    """The value with one place after the other removed, and replaced by each of some; inside packed texts, too."""
    for number in range(sum(1 for _ in places(sound))):
        for replacement in (_REMOVED, *odd):
            value = deepcopy(sound)
            holder, key = list(places(value))[number]
            if replacement is _REMOVED:
                del holder[key]
            else:
                holder[key] = replacement
            yield value
        value = deepcopy(sound)
        holder, key = list(places(value))[number]
        for inner in each_place(_packed(holder[key]), odd):
            holder[key] = pack(json.dumps(inner))
            yield deepcopy(value)


_REMOVED = object()
