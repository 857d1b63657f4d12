"""Pipelines (``crm.category.*`` and the older ``crm.dealcategory.*``), and the types of entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError
from airflow_provider_bitrix24.simulator.portal.entity_types import (
    COMPANY,
    CONTACT,
    DEAL,
    OLD_INVOICE,
    short_name,
    traits,
    type_name,
)
from airflow_provider_bitrix24.simulator.portal.stages import build_pipeline, default_stages
from airflow_provider_bitrix24.simulator.rest.methods import arguments
from airflow_provider_bitrix24.simulator.rest.methods.registry import PAGE, MethodResult, method

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal import Portal
    from airflow_provider_bitrix24.simulator.portal.model import Pipeline
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call


@method("crm.category.list")
def list_pipelines(call: Call) -> Any:
    """List the pipelines of a type that has them."""
    found = _categories(call)
    return MethodResult({"categories": found}, total=len(found) if call.counting else None)


@method("crm.category.get")
def get(call: Call) -> Any:
    """One pipeline of a type that has them."""
    wanted = arguments.integer(call, "id")
    for each in _categories(call):
        if each["id"] == wanted:
            return {"category": each}
    raise RestError("NOT_FOUND", "Element not found")


@method("crm.category.add")
def add(call: Call) -> Any:
    """Add a pipeline with the stages that a new one has."""
    type_id = _type_with_pipelines(call)
    _need_admin(call)
    fields = {name.lower(): value for name, value in arguments.array(call, "fields", required=True).items()}
    name = php.to_str(fields.get("name", ""))
    if not name:
        raise RestError("CRM_FIELD_ERROR_REQUIRED", "Required field: NAME")
    pipeline = build_pipeline(type_id, call.portal.last_pipeline_id + 1, name, default_stages(type_id))
    pipeline.sort = php.to_int(fields.get("sort", pipeline.sort))
    return {"category": _category(call.portal.add_pipeline(pipeline))}


@method("crm.category.delete")
def delete(call: Call) -> Any:
    """Delete a pipeline that holds no items and is not the default one; the result is null."""
    type_id = _type_with_pipelines(call)
    _need_admin(call)
    wanted = arguments.integer(call, "id")
    pipeline = call.portal.pipelines.get((type_id, wanted))
    if pipeline is None:
        raise RestError("NOT_FOUND", "Element not found")
    if pipeline.is_default:
        raise RestError("", "The default pipeline cannot be deleted")
    if call.portal.items[type_id].holds(wanted):
        raise RestError("", "The pipeline holds items")
    _forget(call.portal, pipeline)
    return None


def _forget(portal: Portal, pipeline: Pipeline) -> None:
    """Delete a pipeline, and what automation was placed on its stages."""
    del portal.pipelines[pipeline.type_id, pipeline.id]
    portal.triggers.pop((pipeline.type_id, pipeline.id), None)
    for stage in pipeline.stages:
        portal.robots.pop((pipeline.type_id, stage.id), None)
        portal.vetoes.discard((pipeline.type_id, stage.id))


@method("crm.dealcategory.list")
def list_deal_pipelines(call: Call) -> Any:
    """List the pipelines of deals but the default one, as the portal did before ``crm.category.list``."""
    pipelines = [each for each in call.portal.pipelines.values() if each.type_id == DEAL and each.id]
    shown = [
        {
            "ID": str(each.id),
            "CREATED_DATE": call.portal.clock.iso(0),
            "NAME": each.name,
            "IS_LOCKED": "N",
            "SORT": str(each.sort),
        }
        for each in pipelines[call.offset : call.offset + PAGE]
    ]
    return MethodResult.of_page(shown, call, len(shown), len(pipelines))


@method("crm.dealcategory.stage.list")
def list_deal_stages(call: Call) -> Any:
    """List the stages of a pipeline of deals, those of the default one for ``ID`` 0."""
    pipeline = call.portal.pipelines.get((DEAL, php.to_int(call.upper().get("ID"))))
    if pipeline is None:
        raise RestError("", "Not found")
    return [{"NAME": each.name, "SORT": each.sort, "STATUS_ID": each.id} for each in pipeline.stages]


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
        for type_id in sorted({OLD_INVOICE, *call.portal.items})
    ]


def _type_with_pipelines(call: Call) -> int:
    type_id, _ = arguments.entity_type(call)
    if not traits(type_id).has_pipelines:
        raise arguments.type_not_supported(type_id)
    return type_id


def _need_admin(call: Call) -> None:
    if not call.identity.user.is_admin:
        raise RestError("ACCESS_DENIED", "Access denied.")


def _categories(call: Call) -> list[dict[str, Any]]:
    type_id, _ = arguments.entity_type(call)
    if type_id in (CONTACT, COMPANY):
        name = f"{type_name(type_id).capitalize()}s".replace("ys", "ies")
        return [{"id": 0, "name": name, "sort": 100, "entityTypeId": type_id, "isDefault": "Y"}]
    _type_with_pipelines(call)
    return [_category(each) for each in call.portal.pipelines.values() if each.type_id == type_id]


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
