"""Updates as people and queries write them, read into one form and checked. Pure.

``[{"target": "DEAL_57", "fields": {"opportunity": 1200}}]``, or with a type ``[{"id": 57, "opportunity": 1200}]``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.client.bare_ids import NotAnIdError, parse_entity_type, ref_of
from airflow_provider_bitrix24.client.entities.filters import misspelt
from airflow_provider_bitrix24.client.entities.values import NotWritableError, writable
from airflow_provider_bitrix24.client.entity_ref import EntityRef, parse_text
from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.client.malformed import malformed, shown_value
from airflow_provider_bitrix24.client.plain import NO_TEMPLATE
from airflow_provider_bitrix24.client.protocol.php_query import NotWritableError as NotInBatchError
from airflow_provider_bitrix24.client.protocol.php_query import php_query
from airflow_provider_bitrix24.client.protocol.references import holds_lookalike

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.entities.fields import FieldList

METHOD: Final = "crm.item.update"
_HINT = (
    'Pass dicts such as {"target": "DEAL_57", "fields": {"opportunity": 1200}}, or with entity_type="DEAL" rows '
    'such as {"id": 57, "opportunity": 1200}.'
)
_MOVES = frozenset(("stageid", "statusid", "categoryid"))
"""Fields that move an entity, in any spelling."""


_LETTERS: Final[dict[str | int, str]] = {1: "Y", "1": "Y", "true": "Y", 0: "N", "0": "N", "false": "N"}
"""What databases and JSON hold for yes and no, the texts in lower case; ``True`` and ``False`` are equal to 1 and 0."""


@dataclass(frozen=True, slots=True)
class Update:
    """New values of some fields of one entity, as plain JSON."""

    ref: EntityRef
    fields: dict[str, Any]

    @property
    def moving(self) -> dict[str, Any]:
        """Those of its fields that are a stage or a pipeline."""
        return {name: each for name, each in self.fields.items() if name.replace("_", "").lower() in _MOVES}

    @property
    def moves(self) -> bool:
        """Whether it holds a stage or a pipeline, so that robots may start."""
        return bool(self.moving)

    @property
    def params(self) -> dict[str, Any]:
        """Parameters of ``crm.item.update``."""
        return {"entityTypeId": self.ref.type_id, "id": self.ref.id, "fields": self.fields}

    @property
    def batchable(self) -> bool:
        """Whether a batch carries its values unchanged; it cannot carry ``None``, for instance."""
        try:
            php_query(self.params)
        except NotInBatchError:
            return False
        return not holds_lookalike(self.params)


def parse_updates(updates: object, entity_type: str | None = None) -> list[Update]:
    """Read updates in either form, in order.

    :param updates: a dict, an iterable of dicts, of named rows or of lists of dicts as mapped tasks deliver them, or a
        data frame.
    :param entity_type: type of the rows that have a bare id.
    :raises ConfigurationError: a row is malformed, or an entity has two different updates. The message names all bad
        rows by their numbers, from 0.
    """
    type_id = None if entity_type is None else parse_entity_type(entity_type)
    found: dict[EntityRef, Update] = {}
    bad: list[str] = []
    for name, row in _named(_rows(updates)):
        try:
            update = _update(row, type_id)
        except (NotAnIdError, NotWritableError) as problem:
            bad.append(f"{name} is {shown_value(row)}: {str(problem).rstrip('.')}.")
            continue
        if found.setdefault(update.ref, update) != update:
            bad.append(f"{name} is {shown_value(row)}: {update.ref} has another update that differs.")
    if bad:
        raise malformed(bad, hint=_HINT, what="update")
    return list(found.values())


def check_updates(updates: Iterable[Update], lists: Mapping[int, FieldList]) -> None:
    """Refuse fields that do not exist, or that only the portal writes.

    :param lists: entityTypeId -> the fields of the type, for the types whose fields are known.
    :raises ConfigurationError: the message names all of them.
    """
    unknown: dict[int, dict[str, None]] = {}
    read_only: dict[str, None] = {}
    for update in updates:
        fields = lists.get(update.ref.type_id)
        if fields is None:
            continue
        for name in update.fields:
            field = fields[name]
            if not fields.knows(name):
                unknown.setdefault(update.ref.type_id, {})[name] = None
            elif field is not None and field.is_read_only:
                read_only[f"{name!r} of {fields.type_name} cannot be changed."] = None
    problems = [misspelt(list(names), lists[type_id]) for type_id, names in unknown.items()]
    if problems or read_only:
        raise ConfigurationError(
            f"updates: {' '.join([*problems, *read_only])}",
            hint="Bitrix24 ignores such a field without an error, so nothing was sent.",
        )


def with_letters(updates: Iterable[Update], lists: Mapping[int, FieldList]) -> list[Update]:
    """The same updates, with truth values as the letters Y and N.

    ``crm.item.update`` takes everything for no but a Y and JSON's true; a batch sends that as 1, as many databases do.

    :param lists: entityTypeId -> the fields of the type. A value stays as it is where its field is not a yes or no.
    """
    return [replace(each, fields=_with_letters(each.fields, lists.get(each.ref.type_id))) for each in updates]


def _with_letters(values: Mapping[str, Any], fields: FieldList | None) -> dict[str, Any]:
    written = dict(values)
    for name, value in values.items():
        field = None if fields is None else fields[name]
        is_known = field is not None and field.type == "boolean"
        if isinstance(value, bool | int | str) if is_known else isinstance(value, bool) and field is None:
            written[name] = _LETTERS.get(value.lower() if isinstance(value, str) else value, value)
    return written


def digest(updates: Iterable[Update]) -> str:
    """A text that differs where the updates differ."""
    written = json.dumps([[str(each.ref), each.fields] for each in updates], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def _rows(updates: object) -> Iterable[Any]:
    if updates is None:
        raise ConfigurationError("updates is None.", hint="The task that should deliver it returned nothing.")
    if isinstance(updates, str):
        raise ConfigurationError(
            "updates is a text.",
            hint=NO_TEMPLATE,
        )
    if isinstance(updates, Mapping):
        return [updates]
    for records in ("to_dict", "to_dicts"):  # of pandas, of polars
        if hasattr(updates, records) and hasattr(updates, "columns"):
            return list(getattr(updates, records)(*(["records"] if records == "to_dict" else [])))
    if isinstance(updates, bytes) or not isinstance(updates, Iterable):
        raise ConfigurationError(f"updates is of type {type(updates).__name__}.", hint=_HINT)
    return updates


def _named(rows: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Each row with what a message calls it; lists of dicts, which mapped tasks deliver, row by row."""
    for number, row in enumerate(rows):
        if isinstance(row, list) and all(isinstance(each, Mapping) for each in row):
            yield from ((f"updates[{number}][{inner}]", each) for inner, each in enumerate(row))
        else:
            yield f"updates[{number}]", row


def _update(row: Any, type_id: int | None) -> Update:
    if isinstance(row, Update):
        return row
    names = getattr(row, "_fields", None)
    if isinstance(names, tuple):
        row = dict(zip(names, row, strict=True))
    if not isinstance(row, Mapping):
        raise NotAnIdError("it is not a dict.")
    if isinstance(row.get("fields"), Mapping):
        who = [name for name in row if name != "fields"]
        if len(who) != 1 or str(who[0]).lower() not in ("target", "id"):
            raise NotAnIdError("besides fields, it holds only a target.")
        return Update(_ref(row[who[0]], type_id), _values(row["fields"]))
    ids = [name for name in row if isinstance(name, str) and name.lower() == "id"] or [n for n in row if n == "target"]
    if len(ids) != 1:
        raise NotAnIdError("none of its columns is named id." if not ids else "several of its columns are named id.")
    return Update(_ref(row[ids[0]], type_id), _values({name: row[name] for name in row if name != ids[0]}))


def _ref(value: object, type_id: int | None) -> EntityRef:
    if type_id is not None:
        return ref_of({"id": value}, type_id)  # so that a list in it is not taken for a row
    parsed = parse_text(value)
    if isinstance(parsed, EntityRef):
        return parsed
    raise NotAnIdError(f"{parsed} Bare ids need an entity_type.")


def _values(fields: Mapping[Any, Any]) -> dict[str, Any]:
    if not fields:
        raise NotAnIdError("it has no fields.")
    values = {}
    for name, value in fields.items():
        if not isinstance(name, str) or not name:
            raise NotAnIdError(f"{shown_value(name)} is not the name of a field.")
        try:
            values[name] = writable(value)
        except NotWritableError as problem:
            raise NotWritableError(f"{name}: {problem}") from None
    return values
