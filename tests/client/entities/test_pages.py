"""Pages of ids: which rows of a batch count, whatever an unresolved reference makes the portal answer."""

from __future__ import annotations

from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_bitrix24.client.entities.filters import Filter
from airflow_provider_bitrix24.client.entities.pages import Span, newest_id, pages_call, take_pages
from airflow_provider_bitrix24.client.errors import InvalidRequestError, ProtocolError
from airflow_provider_bitrix24.client.protocol.batch import CommandReply

REFUSED = CommandReply(
    error=InvalidRequestError(code="INVALID_ARG_VALUE", description="", method="crm.item.list", status=200)
)


def reply(*ids):
    return CommandReply({"items": [{"id": number} for number in ids]})


def full(first):
    return reply(*range(first, first + 50))


def commands(call):
    return [unquote_plus(text) for text in call.params["cmd"].values()]


def test_each_command_continues_after_the_last_id_of_the_one_before():
    call = pages_call(Filter({"stageId": "NEW"}), 2, Span(7, None), 3)

    first, second, third = commands(call)
    assert call.params["halt"] == 1
    assert call.idempotent
    assert "filter[stageId]=NEW&filter[>id]=7" in first
    assert "order[id]=ASC" in first
    assert "start=-1" in first
    assert "filter[>id]=$result[c0][items][49][id]" in second
    assert "filter[>id]=$result[c1][items][49][id]" in third


def test_the_newest_id_is_asked_for_by_a_command_of_its_own():
    newest, first, second = commands(pages_call(Filter(), 2, Span(0, 90), 2, newest=True))

    assert "order[id]=DESC" in newest
    assert "filter[<=id]=90" in newest
    assert "filter[>id]=0" in first
    assert "filter[>id]=$result[c1][items][49][id]" in second


def test_full_pages_are_taken_and_the_span_goes_on():
    span = Span(0, None)

    assert take_pages(span, [full(1), full(51)]) is None
    assert span.ids == list(range(1, 101))
    assert (span.after, span.done) == (100, False)


@pytest.mark.parametrize(
    "later",
    [
        [full(1)],
        [full(51)],
        [reply(101, 102)],
        [REFUSED],
        [CommandReply("oops")],
        [CommandReply({"items": []}), full(1)],
    ],
    ids=["anew", "the same again", "more", "refused", "nonsense", "nothing"],
)
def test_whatever_follows_a_short_page_is_discarded(later):
    span = Span(0, None)

    assert take_pages(span, [full(1), reply(51, 52), *later]) is None
    assert span.ids == list(range(1, 53))
    assert span.done


@pytest.mark.parametrize("later", [full(1), full(50), reply(60, 59), reply(51, 51), REFUSED, CommandReply("oops")])
def test_a_later_page_that_does_not_rise_ends_the_request_but_not_the_span(later):
    span = Span(0, None)

    assert take_pages(span, [full(1), later, full(51)]) is None
    assert span.ids == list(range(1, 51))
    assert not span.done


def test_a_span_ends_at_its_bound():
    span = Span(0, 50)

    assert take_pages(span, [full(1), full(1)]) is None
    assert span.done


def test_a_first_page_that_does_not_rise_is_an_error():
    for page in (full(7), reply(9, 8), reply(8, 120)):
        span = Span(7, 100)
        problem = take_pages(span, [page])
        assert isinstance(problem, ProtocolError)
        assert problem.permanent
        assert span.ids == []


@pytest.mark.parametrize("value", [None, "x", {"items": 5}, {"items": [{"title": "x"}]}, {"items": [57]}])
def test_a_first_page_that_cannot_be_read_is_an_error(value):
    assert isinstance(take_pages(Span(0, None), [CommandReply(value)]), ProtocolError)


def test_a_refusal_of_the_first_command_is_the_error():
    assert take_pages(Span(0, None), [REFUSED]) is REFUSED.error


def test_ids_may_be_texts():
    span = Span(0, None)

    assert take_pages(span, [reply("5", "7")]) is None
    assert span.ids == [5, 7]


def test_the_newest_id_is_the_greatest_of_its_page():
    assert newest_id(reply(90, 80)) == 90
    assert newest_id(reply()) is None
    assert newest_id(REFUSED) is None


@given(st.lists(st.lists(st.integers(min_value=1, max_value=400), max_size=60), min_size=1, max_size=5))
def test_whatever_a_portal_answers_ids_rise_and_none_comes_twice(answers):
    span = Span(0, None)

    take_pages(span, [reply(*ids) for ids in answers])

    assert span.ids == sorted(set(span.ids))
    assert span.after == (span.ids[-1] if span.ids else 0)
