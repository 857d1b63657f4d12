"""Which pipeline the id of a stage names, and how a sentence says that it is another one's."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.pipelines import owner_in_words, pipeline_of
from airflow_provider_bitrix24.client.stages import Pipeline


@pytest.mark.parametrize(
    ("target", "stage", "pipeline"),
    [
        ("DEAL_1", "NEW", Pipeline(2, 0)),
        ("DEAL_1", "C5:NEW", Pipeline(2, 5)),
        ("LEAD_1", "NEW", Pipeline(1, None)),
        ("QUOTE_1", "DRAFT", Pipeline(7, None)),
        ("DYNAMIC_177_1", "DT177_12:NEW", Pipeline(177, 12)),
        ("SMART_INVOICE_1", "DT31_2:P", Pipeline(31, 2)),
        ("DYNAMIC_177_1", "NEW", None),
    ],
)
def test_the_id_of_a_stage_and_the_type_name_the_pipeline(target, stage, pipeline):
    assert pipeline_of(EntityRef.parse(target), stage) == pipeline


@pytest.mark.parametrize(
    ("stages", "target", "own", "sentence"),
    [
        (["C5:WON"], "DEAL_1", Pipeline(2, 0), "C5:WON is a stage of DEAL pipeline 5, not of DEAL pipeline 0"),
        (["WON", "NEW"], "DEAL_1", Pipeline(2, 5), "NEW, WON are stages of DEAL pipeline 0, not of DEAL pipeline 5"),
        (
            ["C5:A", "C5:B", "C5:C", "C5:D", "C5:E"],
            "DEAL_1",
            Pipeline(2, 0),
            "C5:A, C5:B, C5:C and 2 more are stages of DEAL pipeline 5, not of DEAL pipeline 0",
        ),
        (["C5:WON", "C7:WON"], "DEAL_1", Pipeline(2, 0), "none of C5:WON, C7:WON is a stage of DEAL pipeline 0"),
        (["C5:WON"], "LEAD_1", Pipeline(1, None), "C5:WON is a stage of DEAL pipeline 5, not of LEAD"),
        (["SENT"], "DEAL_1", Pipeline(2, 0), "SENT is not a stage of DEAL pipeline 0"),
        (
            ["DT177_12:N"],
            "DYNAMIC_177_1",
            None,
            "DT177_12:N is a stage of DYNAMIC_177 pipeline 12, not of its pipeline",
        ),
        (["N"], "DYNAMIC_177_1", None, "N is not a stage of its pipeline"),
    ],
)
def test_a_sentence_names_the_pipeline_of_the_stages_and_that_of_the_entity(stages, target, own, sentence):
    assert owner_in_words(stages, EntityRef.parse(target), own) == sentence
