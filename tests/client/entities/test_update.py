"""Updating entities: both clients against a portal on a real socket, in virtual time."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, InvalidRequestError
from tests.support.updates import amount, amounts, counts, moves_of, sent, stages, update

BUSY = {"kind": "error", "status": 503, "code": "QUERY_LIMIT_EXCEEDED"}
REFUSED = {"kind": "error", "status": 403, "code": "ACCESS_DENIED"}
NO_READING = {"kind": "command_error", "code": "ACCESS_DENIED"}
BROKEN = {"kind": "command_error", "code": "INTERNAL_SERVER_ERROR"}
WRONG_SECRET = {"kind": "error", "status": 401, "code": "INVALID_CREDENTIALS"}
AFTER = ["reset:after", "html:502:after", "empty:after", "cut_body:after", "error:500:after"]


def test_amounts_are_written_and_the_report_says_which_changed(bench):
    bench.deals(3)
    bench.portal.find("DEAL_2").opportunity = 20.0

    report = update(bench, amounts(4))

    assert [(each.target, each.outcome) for each in report.results] == [
        ("DEAL_1", "updated"),
        ("DEAL_2", "unchanged"),
        ("DEAL_3", "updated"),
        ("DEAL_4", "failed"),
    ]
    assert report.results[3].error.code == "NOT_FOUND"
    assert report.targets == ["DEAL_1", "DEAL_2", "DEAL_3"]
    assert [amount(bench, number) for number in (1, 2, 3)] == [10, 20, 30]
    assert counts(report) == (2, 1, 1)
    assert "would_update" not in report.as_dict()


def test_several_fields_and_types_in_one_call(bench):
    bench.deals(1)
    bench.portal.add_item(1, 4, stage="NEW")

    report = bench.do(
        "update_entities",
        [
            {"target": "DEAL_1", "fields": {"title": "Desk & chair", "opportunity": 5.5}},
            {"target": "LEAD_4", "fields": {"title": "Größe +100 %"}},
        ],
    )

    assert counts(report) == (2, 0, 0)
    assert bench.portal.find("DEAL_1").title == "Desk & chair"
    assert bench.portal.find("LEAD_4").title == "Größe +100 %"


def test_truth_values_arrive_in_a_batch_too_where_a_number_would_be_a_no(bench):
    bench.deals(3)

    report = update(bench, [{"id": number, "isManualOpportunity": number != 2} for number in (1, 2, 3)])

    shown = [bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": number})["item"] for number in (1, 2, 3)]
    assert [each["isManualOpportunity"] for each in shown] == ["Y", "N", "Y"]
    assert counts(report) == (2, 1, 0)


@pytest.mark.parametrize("title", ["costs $result[c0][item][id]", "", None])
def test_what_a_batch_cannot_carry_arrives_as_it_is(bench, title):
    bench.deals(2)

    report = update(bench, [{"id": 1, "opportunity": 5}, {"id": 2, "title": title}])

    assert report.failed == 0
    assert bench.portal.find("DEAL_2").title == (title or "")
    assert amount(bench, 1) == 5


def test_hundreds_are_sent_fifty_a_request(benches):
    with benches("sync", settings={"max_concurrency": 4}) as bench:
        bench.deals(500)

        report = update(bench, amounts(500))

        assert counts(report) == (500, 0, 0)
        assert bench.server.requests.total <= 2 + 11
        assert sent(bench) == 500


@pytest.mark.parametrize("fault", AFTER)
@pytest.mark.parametrize("place", [2, 3, 5])
def test_an_update_whose_answer_is_lost_is_sent_again_and_every_amount_is_right(bench, fault, place):
    bench.deals(120)
    bench.server.faults.script([None] * place + [fault])

    report = update(bench, amounts(120))

    assert report.failed == 0
    assert all(amount(bench, number) == number * 10 for number in range(1, 121))


def test_a_refusal_by_a_limit_is_waited_for(bench):
    bench.deals(60)
    bench.server.faults.script([None, None, BUSY, None, BUSY])

    assert counts(update(bench, amounts(60))) == (60, 0, 0)


def test_an_update_that_always_fails_is_given_up_and_the_others_are_done(bench):
    bench.deals(3)
    fault = {"kind": "command_error", "code": "INTERNAL_SERVER_ERROR", "keys": ["c0"], "method": "batch"}
    bench.server.faults.script([None, None, fault, *[{"kind": "error", "status": 500}] * 20])

    report = update(bench, amounts(3))

    assert report.failed == 1
    assert report.results[0].error.executed == "unknown"
    assert report.targets == ["DEAL_2", "DEAL_3"]


def test_a_refused_update_fails_alone_with_the_portals_reason(bench):
    bench.deals(2)
    fault = {"kind": "command_error", "code": "ACCESS_DENIED", "description": "No.", "keys": ["c0"]}
    bench.server.faults.script([None, None, fault])

    report = update(bench, amounts(2))

    assert counts(report) == (1, 0, 1)
    assert "ACCESS_DENIED No." in report.results[0].error.message
    assert report.results[0].error.executed == "no"


@pytest.mark.parametrize(
    ("updates", "says"),
    [
        ([{"id": 1, "OPPORTUNITY": 5}], "Did you mean 'opportunity'?"),
        ([{"id": 1, "createdTime": "2026-01-01"}], "cannot be changed"),
    ],
)
def test_wrong_fields_are_refused_before_anything_is_sent(bench, updates, says):
    bench.deals(1)

    error = update(bench, updates)

    assert isinstance(error, ConfigurationError)
    assert says in str(error)
    assert sent(bench) == 0


def test_nothing_to_do_sends_nothing(bench):
    assert counts(update(bench, [])) == (0, 0, 0)
    assert bench.server.requests.total == 0


@pytest.mark.parametrize("fault", [REFUSED, {**NO_READING, "keys": ["c0"]}])
def test_where_the_values_before_cannot_be_read_updates_are_sent_all_the_same(bench, fault):
    bench.deals(2)
    bench.server.faults.script([None, fault])

    assert counts(update(bench, amounts(2))) == (2, 0, 0)
    assert amount(bench, 2) == 20


def test_a_reading_that_failed_for_a_moment_is_repeated(bench):
    bench.deals(60)
    bench.server.faults.script([None, {**BROKEN, "keys": ["c1"]}])

    assert counts(update(bench, amounts(60))) == (60, 0, 0)


def test_a_reading_that_is_refused_for_good_is_an_error_and_nothing_is_sent(bench):
    bench.deals(1)
    bench.server.faults.script([None, {"kind": "command_error", "code": "INVALID_ARG_VALUE", "keys": ["c0"]}])

    assert isinstance(update(bench, amounts(1)), InvalidRequestError)
    assert sent(bench) == 0


def test_an_error_after_the_first_group_is_in_the_report(bench):
    bench.deals(4)
    bench.server.faults.script([None, None, None, *[WRONG_SECRET] * 5])

    report = update(bench, [*amounts(2), {"id": 3, "stageId": "PREPARATION"}, {"id": 4, "stageId": "PREPARATION"}])

    assert counts(report) == (2, 0, 2)
    assert {each.error.executed for each in report.results if each.error} == {"no"}
    assert bench.portal.stage_of("DEAL_3") == "NEW"


# -- updates that move entities


def test_a_stage_is_written_directly(bench):
    bench.deals(2)
    bench.portal.add_deal(3, stage="PREPARATION")

    report = update(bench, stages(bench, 3))

    assert counts(report) == (2, 1, 0)
    assert bench.portal.stage_of("DEAL_1") == "PREPARATION"


@pytest.mark.parametrize("fault", AFTER)
def test_an_entity_that_a_robot_moved_on_is_not_moved_back(bench, fault):
    bench.deals(60)
    bench.portal.add_robot("PREPARATION", move_to="EXECUTING")
    bench.server.faults.script([None, None, None, fault])

    report = update(bench, stages(bench, 60))

    assert report.failed == 0
    assert {bench.portal.stage_of(f"DEAL_{number}") for number in range(1, 61)} == {"EXECUTING"}
    assert all(moves_of(bench, number) == ["PREPARATION", "EXECUTING"] for number in range(1, 61))


def test_amounts_are_written_before_stages(bench):
    bench.deals(3)

    update(bench, [{"id": 1, "stageId": "PREPARATION"}, *amounts(2, start=2)])

    texts = [text for each in bench.server.requests for text in each.params.get("cmd", {}).values()]
    order = [text for text in texts if text.startswith("crm.item.update")]
    assert ["stageId" in text for text in order] == [False, False, True]


# -- previews


def test_a_preview_reads_and_sends_nothing(bench):
    bench.deals(2)

    report = update(bench, amounts(3), preview="Yes")

    assert (report.would_update, report.failed, report.updated) == (2, 1, 0)
    assert report.targets == ["DEAL_1", "DEAL_2"]
    assert report.as_dict()["would_update"] == 2
    assert sent(bench) == 0


def test_a_preview_refuses_wrong_fields_too(bench):
    bench.deals(1)

    assert isinstance(update(bench, [{"id": 1, "OPPORTUNITY": 5}], preview=True), ConfigurationError)


@pytest.mark.parametrize("preview", [None, 1, "perhaps"])
def test_anything_else_is_no_preview_and_nothing_is_sent(bench, preview):
    bench.deals(1)

    assert isinstance(update(bench, amounts(1), preview=preview), ConfigurationError)
    assert bench.server.requests.total == 0


def test_both_clients_update_alike(run_with_both_clients):
    def scenario(bench):
        bench.deals(60)
        bench.server.faults.script([None, None, None, "reset:after"])
        update(bench, amounts(61))
        update(bench, stages(bench, 60))

    run_with_both_clients(scenario)


def test_a_long_report_lists_what_failed(bench):
    bench.deals(1)

    report = update(bench, amounts(1_001), preview=True).as_dict()

    assert len(report["results"]) == 1_000
    assert {each["outcome"] for each in report["results"]} == {"failed"}
