from __future__ import annotations

from airflow_provider_bitrix24.simulator.portal.model import HistoryType
from airflow_provider_bitrix24.simulator.portal.stage_history import StageHistory


def test_the_same_stage_is_not_recorded_twice_in_a_row(client):
    item = client.portal.find("DEAL_57")
    stage = client.portal.pipelines[2, 0].stage("NEW")
    assert client.portal.history.record(HistoryType.INTERMEDIATE, item, stage, 0.0) is None
    assert len(client.portal.history_of("DEAL_57")) == 1


def test_rows_after_an_id(client):
    for stage in ("PREPARATION", "WON"):
        client.portal.move("DEAL_57", stage)
    rows = client.portal.history.of_type(2)
    assert [row.id for row in rows] == [1, 2, 3]
    assert [row.stage_id for row in StageHistory.after(rows, 1)] == ["PREPARATION", "WON"]
    assert StageHistory.after(rows, 3) == []


def test_each_entity_type_counts_its_own_ids(client):
    client.portal.add_item(1, 4)
    assert [row.id for row in client.portal.history.of_type(1)] == [1]
