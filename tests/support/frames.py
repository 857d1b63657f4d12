"""What programs that print local variables show of an error: error trackers, and rich with ``show_locals``."""

from __future__ import annotations

import os
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def shown_by_frames(error: BaseException) -> Iterator[str]:
    """The ``repr`` of each variable of each frame and of each attribute of those, as Python and as rich print them."""
    yield f"{type(error).__name__}: {error!r}"
    yield "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    if find_spec("rich"):  # it comes with Airflow
        yield _by_rich(error)
        yield _by_rich(error, locals_max_string=80)
    yield from _with_attributes(error, set())


def _by_rich(error: BaseException, *, locals_max_string: int | None = None) -> str:
    from rich.console import Console
    from rich.traceback import Traceback

    with Path(os.devnull).open("w") as nowhere:
        console = Console(width=400, color_system=None, record=True, file=nowhere)
        options = {"show_locals": True, "locals_max_string": locals_max_string, "locals_max_length": None}
        console.print(Traceback.from_exception(type(error), error, error.__traceback__, **options))
        return console.export_text()


def _with_attributes(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """Causes and contexts included, also those that Python does not print."""
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        for frame, line in traceback.walk_tb(error.__traceback__):
            code = frame.f_code
            for name, value in list(frame.f_locals.items()):
                where = f"LOCAL {type(error).__name__} {code.co_filename}:{line} {code.co_name} {name}"
                yield f"{where} = {_repr(value)}"
                for attribute, inner in _attributes(value).items():
                    yield f"{where}.{attribute} = {_repr(inner)}"
        yield from _with_attributes(error.__cause__, seen)
        error = error.__context__


def _attributes(value: object) -> dict[str, object]:
    found: dict[str, object] = {}
    try:
        names = [*getattr(value, "__dict__", {})]
        names += [name for kind in type(value).__mro__ for name in _slots(kind)]
        for name in names:
            found[name] = getattr(value, name, None)
    except Exception:  # noqa: BLE001 - whatever an attribute does when it is looked at
        return found
    return found


def _slots(kind: type) -> list[str]:
    slots = vars(kind).get("__slots__", ())
    return [slots] if isinstance(slots, str) else [*slots]


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as problem:  # noqa: BLE001 - whatever a repr does
        return f"<{type(problem).__name__}>"
