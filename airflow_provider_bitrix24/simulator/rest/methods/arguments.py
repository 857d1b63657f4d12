"""Arguments of controller methods, found by their case-insensitive name and checked by type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.simulator import php
from airflow_provider_bitrix24.simulator.errors import RestError, missing_argument, wrong_argument
from airflow_provider_bitrix24.simulator.portal.entity_types import is_dynamic, type_name

if TYPE_CHECKING:
    from airflow_provider_bitrix24.simulator.portal.items import ItemStore
    from airflow_provider_bitrix24.simulator.rest.methods.registry import Call


def integer(call: Call, name: str) -> int:
    """A required whole number.

    :raises RestError: code ``"100"`` when it is absent or of another type.
    """
    value = _find(call, name)
    if value is None:
        raise missing_argument(name)
    if isinstance(value, bool) or not php.is_numeric(value):
        if isinstance(value, (dict, list)):
            raise wrong_argument(name, "Array", "int")
        raise wrong_argument(name, php.to_str(value), "int")
    return php.to_int(value)


def array(call: Call, name: str, *, required: bool = False) -> dict[str, Any]:
    """An array as a dict; empty when it is optional and absent."""
    value = _find(call, name)
    if value is None:
        if required:
            raise missing_argument(name)
        return {}
    if not isinstance(value, (dict, list)):
        raise wrong_argument(name, php.to_str(value), "array")
    return dict(php.array_items(value))


def text(call: Call, name: str, default: str = "") -> str:
    """An optional text."""
    value = _find(call, name)
    return default if value is None else php.to_str(value)


def given(call: Call, name: str) -> bool:
    """Whether an argument was sent."""
    return _find(call, name) is not None


def entity_type(call: Call) -> tuple[int, ItemStore]:
    """The entity type that `entityTypeId` names, with its items.

    :raises RestError: ``ENTITY_TYPE_NOT_SUPPORTED`` for types that these methods cannot handle,
        ``NOT_FOUND`` for a smart process that does not exist.
    """
    type_id = integer(call, "entityTypeId")
    store = call.portal.items.get(type_id)
    if store is not None:
        return type_id, store
    if is_dynamic(type_id):
        raise RestError("NOT_FOUND", "Smart process not found")
    raise type_not_supported(type_id)


def type_not_supported(type_id: int) -> RestError:
    """The refusal of an entity type that a method cannot handle."""
    return RestError("ENTITY_TYPE_NOT_SUPPORTED", f"Entity type {type_name(type_id)} is not supported")


def _find(call: Call, name: str) -> Any:
    value = call.params.get(name)
    if value is None:
        lowered = name.lower()
        for key, each in call.params.items():
            if key.lower() == lowered:
                return each
    return value
