"""What a checkpoint consists of: its parts by name, and the letter of each target in its record. Pure and light.

A checkpoint has three kinds of parts: the targets (written once before the first fire), snapshots (where the targets
of a window stood, written once a window), and the record (written around every request). :mod:`.checkpoint` writes
them, and :mod:`.kept` reads them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.report import Outcome

FORM = 2
"""The form of all parts. :mod:`.kept_form_1` reads the one before."""
RECORD, TARGETS = "record", "targets"
VALUES = "values"
"""Beside those of updates that move entities: which values were sent (:mod:`..entities.sent_before`)."""
LETTERS: dict[Outcome, str] = {
    "moved": "m",
    "already": "a",
    "unmoved": "u",
    "elsewhere": "e",
    "unverified": "v",
    "failed": "f",
}
"""Outcome -> letter of a target that is settled. A checkpoint outlives an upgrade, so no letter changes its meaning."""
WAITING, ACCEPTED, LOST = ".", "p", "x"
"""The letters of the other targets: those that wait to be fired, are awaited, or have an unknown fate."""
STATES = frozenset((WAITING, ACCEPTED, LOST, *LETTERS.values()))
"""All letters."""


def snapshot_part(number: int) -> str:
    """Name of a part that holds where targets stood before."""
    return f"snapshot_{number}"


def after_part(number: int) -> str:
    """Name of a part that holds where targets stood after."""
    return f"after_{number}"
