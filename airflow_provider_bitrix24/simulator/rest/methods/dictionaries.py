"""Dictionaries: stages (``crm.status.list``), pipelines (``crm.category.list``), owner types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, short_name, traits, type_name
from airflow_provider_bitrix24.simulator.rest.methods import arguments
from airflow_provider_bitrix24.simulator.rest.methods.filters import holds, parse_filter, parse_order, sort_rows
from airflow_provider_bitrix24.simulator.rest.methods.registry import MethodResult, method

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import Pipeline, Stage
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call


@method("crm.status.list")
def status_list(call: Call) -> Any:
    """List the stages of all pipelines, or those that the filter names. Never pages."""
    params = call.upper()
    rows = _status_rows(call.portal)
    known = {name: name for name in (rows[0] if rows else {})}
    criteria = parse_filter(
        dict(php.array_items(params.get("FILTER"))), lambda name: known.get(name.upper()), call.portal.clock
    )
    order = parse_order(dict(php.array_items(params.get("ORDER"))), lambda name: known.get(name.upper()))
    rows = [row for row in rows if all(holds(criterion, row[criterion.field]) for criterion in criteria)]
    sort_rows(rows, order, lambda row, field: row[field])
    return MethodResult(rows, total=len(rows))


@method("crm.category.list")
def category_list(call: Call) -> Any:
    """List the pipelines of a type that has them."""
    type_id, _ = arguments.staged_type(call)
    if not traits(type_id).has_pipelines:
        raise arguments.type_not_supported(type_id)
    found = [_category(each) for each in call.portal.pipelines.values() if each.type_id == type_id]
    return MethodResult({"categories": found}, total=len(found) if call.start >= 0 else None)


@method("crm.enum.ownertype")
def owner_types(call: Call) -> Any:
    """List the entity types of the portal with both of their short names."""
    return [
        {
            "ID": type_id,
            "NAME": type_name(type_id).replace("_", " ").capitalize(),
            "SYMBOL_CODE": type_name(type_id),
            "SYMBOL_CODE_SHORT": short_name(type_id),
        }
        for type_id in sorted(call.portal.items)
    ]


def _category(pipeline: Pipeline) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": pipeline.id,
        "name": pipeline.name,
        "sort": pipeline.sort,
        "entityTypeId": pipeline.type_id,
        "isDefault": "Y" if pipeline.is_default else "N",
    }
    if pipeline.type_id == DEAL and pipeline.id:  # pipeline 0 of deals has no row in the portal's table
        shown |= {"originId": "", "originatorId": ""}
    return shown


def _status_rows(portal: Portal) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for pipeline in portal.pipelines.values():
        rows += [_status(pipeline, stage, number) for number, stage in enumerate(pipeline.stages, len(rows) + 1)]
    return rows


def _status(pipeline: Pipeline, stage: Stage, number: int) -> dict[str, Any]:
    extra = {None: "process", "S": "success", "F": "failure"}[stage.semantics]
    return {
        "ID": str(number),
        "ENTITY_ID": pipeline.dictionary,
        "STATUS_ID": stage.id,
        "NAME": stage.name,
        "NAME_INIT": "",
        "SORT": str(stage.sort),
        "SYSTEM": "N",
        "COLOR": stage.color,
        "SEMANTICS": stage.semantics,
        "CATEGORY_ID": str(pipeline.id) if traits(pipeline.type_id).has_pipelines else None,
        "EXTRA": {"SEMANTICS": extra, "COLOR": stage.color},
    }
