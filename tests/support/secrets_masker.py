"""What Airflow has been told to mask in this process."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLACES = (
    "airflow.sdk._shared.secrets_masker",
    "airflow.sdk.execution_time.secrets_masker",  # 3.0 and 3.1
    "airflow.utils.log.secrets_masker",  # 2.11
)


def secrets_masker_module() -> Any:
    """Return the module of the masker that tasks use."""
    for place in _PLACES:
        try:
            return import_module(place)
        except ImportError:
            continue
    raise ImportError(f"This Airflow has none of {', '.join(_PLACES)}.")


@contextmanager
def own_masks() -> Iterator[None]:
    """Forget afterwards what was masked meanwhile, as happens when the process of a task ends.

    With each secret Airflow compiles one pattern of all that it masks. In a process that runs hundreds of tasks, this
    soon takes longer than the tasks.
    """
    masker = secrets_masker_module()._secrets_masker()
    before = set(masker.patterns), masker.replacer
    try:
        yield
    finally:
        masker.patterns, masker.replacer = before
