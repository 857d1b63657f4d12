"""What a type checker says of decorated functions; ``make lint`` lets mypy check it.

An ``ignore`` that hides nothing is an error, so each of them shows that mistakes are found.
"""

from __future__ import annotations

from typing import assert_type

from airflow.sdk import XComArg

from airflow_provider_bitrix24.decorators.automation import bitrix24_trigger_task


@bitrix24_trigger_task(code="c5u4m", expected_stage=["PREPARATION", "EXECUTING"], pool="bitrix24")
def several(deal: int, *, prefix: str = "DEAL") -> list[str]:
    return [f"{prefix}_{deal}"]


@bitrix24_trigger_task
def one(deal: int) -> str:
    return f"DEAL_{deal}"


assert_type(several(57, prefix="LEAD"), XComArg)
assert_type(one(57), XComArg)
assert_type(several.partial(prefix="DEAL").expand(deal=[57, 58]), XComArg)
several("57")  # type: ignore[arg-type]
bitrix24_trigger_task(code=57)  # type: ignore[call-overload]
bitrix24_trigger_task(code="c5u4m", on_unmoved="raise")  # type: ignore[call-overload]


@bitrix24_trigger_task(code="c5u4m", entity_type="DEAL")
def rows() -> list[tuple[int]]:
    return [(57,)]


@bitrix24_trigger_task(code="c5u4m")  # type: ignore[arg-type]
def no_target() -> float:
    return 5.7
