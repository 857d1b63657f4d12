"""What goes into a request: targets in order, and the commands that read them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.firing.job import Job
from airflow_provider_bitrix24.client.firing.requests import RequestBuilder
from tests.support.firing import deals, queued

ANY_TYPE = st.sampled_from([1, 2, 7, 31, 177])


def builder_of(size, *, batches=True):
    """A builder that knows what a command costs, so that a batch holds so many of them."""
    builder = RequestBuilder(Job(code="c"), batches=batches)
    builder.sizer.learn(20 / size)
    return builder


def built(count, most=None, *, read_back=True, **options):
    """How many of so many deals the first full request fires."""
    request = builder_of(50).build(queued(*deals(*range(1, count + 1)), **options), most, read_back=read_back)
    return len(request.targets)


@given(st.lists(ANY_TYPE, min_size=1, max_size=200), st.integers(1, 50), st.booleans())
def test_a_batch_never_holds_more_than_it_may_and_reads_back_all_its_entities(types, size, read_back):
    refs = [EntityRef(type_id, number) for number, type_id in enumerate(types, 1)]
    ledger, builder = queued(*refs), builder_of(size)
    sent = []
    while ledger.queued:
        request = builder.build(ledger, None, read_back=read_back)
        commands = request.call.params["cmd"]
        assert request.is_batch
        assert len(commands) == len(request.methods)
        assert len(commands) <= max(builder.sizer.size, 2)
        asked = [each.params for each in request.reads]
        read = [(each["entityTypeId"], number) for each in asked for number in each["filter"]["@id"]]
        wanted = [(each.ref.type_id, each.ref.id) for each in request.targets] if read_back else []
        assert sorted(read) == sorted(wanted)
        sent += request.targets
    assert [target.ref for target in sent] == refs
    assert {target.fires for target in sent} == {1}


def test_a_full_batch_is_49_fires_and_a_reading_or_50_fires():
    assert built(60) == 49
    assert built(60, read_back=False) == 50
    assert built(60, before=None) == 50, "what was not read before cannot be compared afterwards"


@pytest.mark.parametrize(("most", "fires"), [(10, 10), (1, 1), (49, 49), (50, 49), (1000, 49)])
def test_a_batch_has_no_more_targets_than_there_is_working_time_for(most, fires):
    assert built(60, most) == fires


def test_a_direct_call_is_the_documented_one_for_one_target():
    ledger = queued(*deals(1, 2))
    direct = builder_of(50, batches=False).build(ledger, None, read_back=True)
    assert (direct.call.method, direct.call.params) == ("crm.automation.trigger", {"target": "DEAL_1", "code": "c"})
    assert (direct.is_batch, direct.reads, direct.methods) == (False, [], ["crm.automation.trigger"])
    assert ledger.queued == 1


@pytest.mark.parametrize(
    ("job", "targets", "batches"),
    [
        (Job(code="c"), 1, True),
        (Job(code="c"), 2, True),
        (Job(code="c", verify=False), 1, False),
        (Job(code="c", verify=False), 2, True),
        (Job(code="$result[c0]"), 2, False),
        (Job(code="$result[c0]", verify=False), 2, False),
    ],
)
def test_batches_or_single_calls_is_decided_by_the_job(job, targets, batches):
    assert RequestBuilder.for_job(job, targets).batches is batches


def test_before_the_cost_of_a_command_is_known_a_batch_has_25_of_them():
    unknown = RequestBuilder(Job(code="c"), batches=True)
    assert (unknown.knows_cost, unknown.per_request) == (False, 25)
    assert (builder_of(40).knows_cost, builder_of(40).per_request) == (True, 40)


def test_a_credential_that_may_send_no_batch_calls_one_by_one_from_then_on():
    builder = RequestBuilder(Job(code="c"), batches=True)
    builder.stop_batching()
    assert (builder.batches, builder.knows_cost, builder.per_request) == (False, True, 1)
