"""Checkpoints as releases before 1.0 wrote them (form 1), for tasks that were in flight over an upgrade. Pure.

Form 1 holds no targets, only a digest of them: it can be read only by a try that has the very same ones. Of targets
that had an answer it knows the stage before, and not when they had come there.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
from airflow_provider_bitrix24.client.firing.part_values import UNREADABLE, WHAT_TO_DO, integer, listed, snapshot
from airflow_provider_bitrix24.client.packing import unpack
from airflow_provider_bitrix24.client.stages import UNKNOWN_MOMENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.stages import Snapshot


def read_form_1(record: Mapping[str, Any], *, host: str, code: str | None, refs: Iterable[EntityRef]) -> KeptFiring:
    """Bring a record of form 1 into today's values.

    :raises CheckpointError: it was written for other targets, another code or another portal.
    """
    targets = sorted(refs)
    if record["digest"] != _digest(host, code, targets):
        raise CheckpointError(
            f"{UNREADABLE}: an earlier release wrote it for other targets, another code or another portal.",
            hint=WHAT_TO_DO,
        )
    count = len(targets)
    kept = KeptFiring(host=host, code=code, lists=[targets], states=unpack(record["states"], count + 1), rewritten=True)
    kept.snapshots.update(_stages(record, "before", count))
    kept.after = kept.recent = _stages(record, "after", count)
    for entry in listed(record["open"]):
        numbers = [integer(each) for each in listed(entry["targets"])]
        # Its time is that of the host that wrote it, whose clock may differ: the age counts as unknown.
        kept.open.append((numbers, None))
        for number, before in zip(numbers, entry["before"], strict=True):
            kept.snapshots.pop(number, None)
            if before is not None:
                kept.snapshots[number] = snapshot(*before)
    kept.check()
    return kept


def _stages(record: Mapping[str, Any], column: str, count: int) -> dict[int, Snapshot]:
    """Stages of a column, which has a letter for each target: an index into a table from 0 on, or a dash."""
    table = {
        chr(ord("0") + index): snapshot(stage, category, UNKNOWN_MOMENT)
        for index, (stage, category) in enumerate(record["stages"])
    }
    letters = unpack(record[column], 4 * count + 1)
    return {number: table[letter] for number, letter in enumerate(letters) if letter != "-"}


def _digest(host: str, code: str | None, refs: Iterable[EntityRef]) -> str:
    hashed = hashlib.sha256(f"{host}\n{code!r}\n".encode())
    for ref in refs:
        hashed.update(f"{ref}\n".encode())
    return hashed.hexdigest()
