"""The pipelines that a fresh portal has, as Bitrix24 creates them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.simulator.portal import entity_types
from airflow_provider_bitrix24.simulator.portal.entity_types import DEAL, LEAD, QUOTE, SMART_INVOICE
from airflow_provider_bitrix24.simulator.portal.model import Pipeline, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_bitrix24.simulator.portal.model import Semantics

StageSpec = tuple[str, str, "Semantics", str]
"""Short id, name, semantics, colour."""

DEAL_STAGES: tuple[StageSpec, ...] = (
    ("NEW", "New", None, "#39A8EF"),
    ("PREPARATION", "Prepare documents", None, "#2FC6F6"),
    ("PREPAYMENT_INVOICE", "Prepayment invoice", None, "#55D0E0"),
    ("EXECUTING", "In progress", None, "#47E4C2"),
    ("FINAL_INVOICE", "Final invoice", None, "#FFA900"),
    ("WON", "Deal won", "S", "#7BD500"),
    ("LOSE", "Deal lost", "F", "#FF5752"),
    ("APOLOGY", "Analyze failure", "F", "#FF5752"),
)
LEAD_STAGES: tuple[StageSpec, ...] = (
    ("NEW", "Unassigned", None, "#39A8EF"),
    ("IN_PROCESS", "In progress", None, "#2FC6F6"),
    ("PROCESSED", "Processed", None, "#55D0E0"),
    ("CONVERTED", "Good lead", "S", "#7BD500"),
    ("JUNK", "Junk lead", "F", "#FF5752"),
)
QUOTE_STAGES: tuple[StageSpec, ...] = (
    ("DRAFT", "New", None, "#39A8EF"),
    ("SENT", "Sent to client", None, "#2FC6F6"),
    ("APPROVED", "Accepted", "S", "#7BD500"),
    ("DECLAINED", "Declined", "F", "#FF5752"),
    ("APOLOGY", "Analyze failure", "F", "#FF5752"),
)
INVOICE_STAGES: tuple[StageSpec, ...] = (
    ("N", "New", None, "#39A8EF"),
    ("S", "Sent to client", None, "#2FC6F6"),
    ("P", "Paid", "S", "#7BD500"),
    ("D", "Unpaid", "F", "#FF5752"),
)
PROCESS_STAGES: tuple[StageSpec, ...] = (
    ("NEW", "Start", None, "#39A8EF"),
    ("PREPARATION", "Preparation", None, "#2FC6F6"),
    ("CLIENT", "Client", None, "#FFA900"),
    ("SUCCESS", "Success", "S", "#7BD500"),
    ("FAIL", "Fail", "F", "#FF5752"),
)


def build_pipeline(
    type_id: int,
    category_id: int,
    name: str,
    specs: Iterable[StageSpec],
    *,
    is_default: bool = False,
) -> Pipeline:
    """A pipeline with stages in the order of `specs`, their ids spelled as the portal spells them.

    :raises ValueError: when there are no stages, or two of one id.
    """
    stages = [
        Stage(entity_types.full_stage_id(type_id, category_id, stage_id), label, 10 * (1 + index), semantics, color)
        for index, (stage_id, label, semantics, color) in enumerate(specs)
    ]
    if not stages:
        raise ValueError(f"pipeline {name!r} needs at least one stage")
    for stage_id, count in Counter(each.id for each in stages).items():
        if count > 1:
            raise ValueError(f"pipeline {name!r} has stage {stage_id} twice")
    return Pipeline(type_id, category_id, name, stages, is_default=is_default)


def default_stages(type_id: int) -> tuple[StageSpec, ...]:
    """The stages of a new pipeline of a type."""
    by_type = {LEAD: LEAD_STAGES, DEAL: DEAL_STAGES, QUOTE: QUOTE_STAGES, SMART_INVOICE: INVOICE_STAGES}
    return by_type.get(type_id, PROCESS_STAGES)


def fresh_pipelines() -> list[Pipeline]:
    """Two deal pipelines (0 and 5), and one each for leads, quotes, invoices and smart process 177."""
    return [
        build_pipeline(DEAL, 0, "Sales", DEAL_STAGES, is_default=True),
        build_pipeline(DEAL, 5, "Delivery", DEAL_STAGES),
        build_pipeline(LEAD, 0, "Leads", LEAD_STAGES, is_default=True),
        build_pipeline(QUOTE, 0, "Quotes", QUOTE_STAGES, is_default=True),
        build_pipeline(SMART_INVOICE, 2, "Invoices", INVOICE_STAGES, is_default=True),
        build_pipeline(177, 12, "Onboarding", PROCESS_STAGES, is_default=True),
    ]
