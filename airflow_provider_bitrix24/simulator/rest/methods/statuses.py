"""``crm.status.*``: stages of pipelines, and the values of the other dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE, traits
from airflow_provider_bitrix24.simulator.rest.methods.filters import parse_old_order, sort_rows
from airflow_provider_bitrix24.simulator.rest.methods.registry import MethodResult, method

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.dictionaries import DictionaryEntry
    from airflow_provider_bitrix24.simulator.portal.model import Pipeline, Stage
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call

_FIRST_STAGE_ID: Final = 10_001
"""Stages have ids of their own, above those of the other dictionaries."""
_SYSTEM_STAGES: Final = frozenset({"NEW", "WON", "LOSE", "CONVERTED", "JUNK", "DRAFT", "APPROVED", "DECLAINED"})
_FIELDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "ID": ("integer", ("isReadOnly",)),
    "ENTITY_ID": ("string", ("isRequired", "isImmutable")),
    "STATUS_ID": ("string", ("isRequired", "isImmutable")),
    "SORT": ("integer", ()),
    "NAME": ("string", ("isRequired",)),
    "NAME_INIT": ("string", ("isReadOnly",)),
    "SYSTEM": ("char", ("isReadOnly",)),
    "CATEGORY_ID": ("integer", ("isImmutable",)),
    "COLOR": ("string", ()),
    "SEMANTICS": ("char", ("isImmutable",)),
    "EXTRA": ("crm_status_extra", ()),
}
_FLAGS: Final = ("isRequired", "isReadOnly", "isImmutable", "isMultiple", "isDynamic")


@method("crm.status.fields")
def fields(call: Call) -> Any:
    """Describe the fields of an entry."""
    del call
    return {
        name: {"type": kind, **{flag: flag in set_flags for flag in _FLAGS}, "title": name}
        for name, (kind, set_flags) in _FIELDS.items()
    }


@method("crm.status.list")
def list_statuses(call: Call) -> Any:
    """List the entries of all dictionaries, by SORT, or those that the filter names. Never pages.

    A filter takes names without any prefix; everything else in it is ignored, and so is an order by an unknown field.
    """
    params = call.upper()
    rows = _rows(call.portal)
    for name, wanted in php.array_items(params.get("FILTER")):
        if name.upper() in _FIELDS and name.upper() != "EXTRA":
            values = {php.to_str(each) for each in php.array_values(wanted)}
            rows = [row for row in rows if php.to_str(row[name.upper()]) in values]
    known = {name: name for name in _FIELDS if name != "EXTRA"}
    order = parse_old_order(dict(php.array_items(params.get("ORDER"))), lambda name: known.get(name.upper()))
    sort_rows(rows, order or [("SORT", False)], lambda row, field: row[field])
    return MethodResult(rows, total=len(rows))


@method("crm.status.get")
def get(call: Call) -> Any:
    """One entry, by its id."""
    entry_id = php.to_int(call.upper().get("ID"))
    for row in _rows(call.portal):
        if row["ID"] == str(entry_id):
            return row
    raise RestError("", "Status is not found.")


@method("crm.status.add")
def add(call: Call) -> Any:
    """Add an entry to a dictionary that does not hold stages."""
    _need_admin(call)
    sent = _sent(call)
    missing = [name for name in ("ENTITY_ID", "STATUS_ID") if not php.truthy(sent.get(name))]
    if missing:
        raise RestError("", " ".join(f"The field {name} is required." for name in missing))
    if not php.truthy(sent.get("NAME")):
        raise RestError("", 'The required field "Title" is empty')
    dictionary, status_id = php.to_str(sent["ENTITY_ID"]), php.to_str(sent["STATUS_ID"])
    try:
        added = call.portal.dictionaries.add(
            dictionary, status_id, php.to_str(sent["NAME"]), php.to_int(sent.get("SORT", 10))
        )
    except KeyError:
        raise RestError("", "Specified entity type is not supported.") from None
    except ValueError:
        raise RestError("ERROR_CORE", "The specified status ID already exists.") from None
    return added.id


@method("crm.status.update")
def update(call: Call) -> Any:
    """Rename or move an entry of a dictionary that does not hold stages."""
    _need_admin(call)
    entry, sent = _entry(call), _sent(call)
    entry.name = php.to_str(sent.get("NAME", entry.name))
    entry.sort = php.to_int(sent.get("SORT", entry.sort))
    return True


@method("crm.status.delete")
def delete(call: Call) -> Any:
    """Delete an entry of a dictionary that does not hold stages."""
    _need_admin(call)
    call.portal.dictionaries.remove(_entry(call).id)
    return True


@method("crm.status.entity.types")
def dictionaries(call: Call) -> Any:
    """List the dictionaries: those of stages with what their first and last stages are."""
    portal = call.portal
    plain = [{"ID": name, "NAME": label} for name, label in portal.dictionaries.names.items()]
    return [_stage_dictionary(each) for each in portal.pipelines.values()] + plain


@method("crm.status.entity.items")
def entries(call: Call) -> Any:
    """List the entries of the dictionary that ``entityId`` names, by SORT."""
    wanted = php.to_str(call.upper().get("ENTITYID"))
    rows = [row for row in _rows(call.portal) if row["ENTITY_ID"] == wanted]
    if not rows:
        raise RestError("", "The parameter entityId is not defined or invalid.")
    sort_rows(rows, [("SORT", False)], lambda row, field: row[field])
    return [{"NAME": row["NAME"], "SORT": int(row["SORT"]), "STATUS_ID": row["STATUS_ID"]} for row in rows]


def _need_admin(call: Call) -> None:
    if not call.identity.user.is_admin:
        raise RestError("", "Access denied.")


def _sent(call: Call) -> dict[str, Any]:
    sent = call.upper().get("FIELDS")
    if not isinstance(sent, (dict, list)):
        raise RestError("", "Parameter 'fields' must be array.")
    return {name.upper(): value for name, value in php.array_items(sent)}


def _entry(call: Call) -> DictionaryEntry:
    entry_id = php.to_int(call.upper().get("ID"))
    if entry_id <= 0:
        raise RestError("", "Invalid identifier.")
    entry = call.portal.dictionaries.get(entry_id)
    if entry is None:
        raise RestError("", "Status is not found.")
    return entry


def _rows(portal: Portal) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for pipeline in portal.pipelines.values():
        rows += [
            _stage_row(pipeline, stage, _FIRST_STAGE_ID + len(rows) + n) for n, stage in enumerate(pipeline.stages)
        ]
    return rows + [_entry_row(each) for each in portal.dictionaries]


def _stage_row(pipeline: Pipeline, stage: Stage, number: int) -> dict[str, Any]:
    extra = {None: "process", "S": "success", "F": "failure"}[stage.semantics]
    if stage.semantics == "F" and stage.id.endswith("APOLOGY"):
        extra = "apology"
    is_system = stage.id.rpartition(":")[2] in _SYSTEM_STAGES
    in_default_of_deals = pipeline.type_id == DEAL and not pipeline.id
    has_category = traits(pipeline.type_id).has_pipelines and not in_default_of_deals
    return {
        "ID": str(number),
        "ENTITY_ID": pipeline.dictionary,
        "STATUS_ID": stage.id,
        "NAME": stage.name,
        "NAME_INIT": stage.name if is_system else "",
        "SORT": str(stage.sort),
        "SYSTEM": "Y" if is_system else "N",
        "CATEGORY_ID": str(pipeline.id) if has_category else None,
        "COLOR": stage.color,
        "SEMANTICS": stage.semantics,
        "EXTRA": {"SEMANTICS": extra, "COLOR": stage.color},
    }


def _entry_row(entry: DictionaryEntry) -> dict[str, Any]:
    return {
        "ID": str(entry.id),
        "ENTITY_ID": entry.dictionary,
        "STATUS_ID": entry.status_id,
        "NAME": entry.name,
        "NAME_INIT": "",
        "SORT": str(entry.sort),
        "SYSTEM": "N",
        "CATEGORY_ID": None,
        "COLOR": None,
        "SEMANTICS": None,
    }


def _stage_dictionary(pipeline: Pipeline) -> dict[str, Any]:
    shown: dict[str, Any] = {"ID": pipeline.dictionary, "NAME": f"Stages of {pipeline.name}"}
    success = next((each.id for each in pipeline.stages if each.semantics == "S"), "")
    failure = next((each.id for each in pipeline.stages if each.semantics == "F"), "")
    if pipeline.type_id in (LEAD, DEAL, QUOTE):
        shown["SEMANTIC_INFO"] = {
            "START_FIELD": pipeline.stages[0].id,
            "FINAL_SUCCESS_FIELD": success,
            "FINAL_UNSUCCESS_FIELD": failure,
            "FINAL_SORT": 0,
        }
    else:
        shown |= {"SEMANTIC_INFO": [], "PREFIX": pipeline.stages[0].id.rpartition(":")[0], "IS_ENABLED": True}
    shown["ENTITY_TYPE_ID"] = pipeline.type_id
    if traits(pipeline.type_id).has_pipelines:
        shown["CATEGORY_ID"] = pipeline.id
    return shown
