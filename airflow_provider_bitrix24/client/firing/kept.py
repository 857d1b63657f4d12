"""What an earlier try kept of a firing, read from its :mod:`.parts`: checked, bounded, and of either form. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import CheckpointError
from airflow_provider_bitrix24.client.firing import part_values
from airflow_provider_bitrix24.client.firing.expectation import Expectation
from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
from airflow_provider_bitrix24.client.firing.kept_form_1 import read_form_1
from airflow_provider_bitrix24.client.firing.part_values import DAMAGE, UNREADABLE, WHAT_TO_DO
from airflow_provider_bitrix24.client.firing.parts import FORM, RECORD, TARGETS, after_part, snapshot_part
from airflow_provider_bitrix24.client.packing import unpack
from airflow_provider_bitrix24.client.protocol.wire import TRIGGER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.stages import Snapshot


def read_kept(
    load: Callable[[str], Any], *, host: str, code: str | None, refs: Iterable[EntityRef]
) -> KeptFiring | None:
    """Read what an earlier try kept, or ``None`` where none has sent anything.

    :param load: gives the value of a part, or ``None``.
    :param refs: this try's targets, by which a checkpoint of form 1 is read.
    :raises CheckpointError: it is of another portal, of an unknown form, or damaged.
    """
    record = load(RECORD)
    if record is None:
        return None
    try:
        kept = _read(record, load, host=host, code=code, refs=refs)
    except DAMAGE as error:
        raise CheckpointError(f"{UNREADABLE} ({type(error).__name__}).", hint=WHAT_TO_DO) from None
    if kept.host != host:
        raise CheckpointError(
            f"The checkpoint of an earlier try is of the portal {kept.host}, and the connection leads to {host}.",
            hint=WHAT_TO_DO,
        )
    return kept


def _read(
    record: Any, load: Callable[[str], Any], *, host: str, code: str | None, refs: Iterable[EntityRef]
) -> KeptFiring:
    form = record["form"]
    if form == 1:
        return read_form_1(record, host=host, code=code, refs=refs)
    if form != FORM:
        raise CheckpointError(f"{UNREADABLE}: its form is {form!r:.20}.", hint=WHAT_TO_DO)
    lists = part_values.read_lists(load(TARGETS))
    kept = KeptFiring(
        host=part_values.field_value(record["host"]),
        code=None if record["code"] is None else part_values.text_value(record["code"]),
        lists=lists,
        states=unpack(record["states"], 1 + sum(map(len, lists))),
        snapshot_parts=part_values.count_value(record["snapshot_parts"]),
        after_parts=part_values.count_value(record["after_parts"]),
        open=part_values.read_open(record["open"]),
        last_sent=part_values.moment_value(record["last_sent"]),
        method=part_values.text_value(record.get("method", TRIGGER)),  # absent in earlier versions, as is what follows
        expected=Expectation.read(record["expected"]) if "expected" in record else None,
    )
    kept.check()
    for number in range(kept.snapshot_parts):
        kept.snapshots.update(_snapshots_of_targets(load(snapshot_part(number))["rows"], kept))
    for number in range(kept.after_parts):
        kept.after.update(_snapshots_of_targets(load(after_part(number))["rows"], kept))
    kept.recent = _snapshots_of_targets(record["after"], kept)
    kept.after.update(kept.recent)
    return kept


def read_record(record: Any, load: Callable[[str], Any]) -> tuple[str, dict[int, Snapshot], list[list[EntityRef]]]:
    """States, recent stages and targets of a record of today's form.

    :raises CheckpointError: a part is damaged.
    """
    try:
        kept = KeptFiring(
            host="", code=None, lists=part_values.read_lists(load(TARGETS)), states=unpack(record["states"])
        )
        kept.check()
        kept.after.update(_snapshots_of_targets(record["after"], kept))
    except DAMAGE as error:
        raise CheckpointError(f"{UNREADABLE} ({type(error).__name__}).", hint=WHAT_TO_DO) from None
    return kept.states, kept.after, kept.lists


def _snapshots_of_targets(packed: str, kept: KeptFiring) -> dict[int, Snapshot]:
    """Read where targets stood; each part is checked, so that many cannot take more memory than the targets do."""
    snapshots = part_values.read_snapshots(packed)
    kept.check_numbers(snapshots)
    return snapshots
