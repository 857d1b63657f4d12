"""Which request the portal has certainly received last."""

from __future__ import annotations

from airflow_provider_bitrix24.client.errors import OutcomeUnknown
from airflow_provider_bitrix24.client.flows.effects import NoResponse
from airflow_provider_bitrix24.client.protocol.wire import HttpResponse
from airflow_provider_bitrix24.client.transports.sharing import LastAnswered


def answered(sent_at):
    return HttpResponse(status=503, body=b"", sent_at=sent_at, received_at=sent_at + 1)


def test_the_latest_request_with_an_answer_counts_however_it_was_answered():
    last = LastAnswered()
    assert last.seconds_ago(10.0) is None
    last.note([answered(5.0), answered(3.0), NoResponse(OutcomeUnknown("lost"), 8.0, 9.0)])
    assert last.seconds_ago(10.0) == 5.0
    last.note([answered(4.0)])
    assert last.seconds_ago(10.0) == 5.0
