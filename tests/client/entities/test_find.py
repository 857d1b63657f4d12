"""Finding entities: both clients against a portal on a real socket, in virtual time."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError, InvalidRequestError, ProtocolError, ServerError
from airflow_provider_bitrix24.simulator.portal import seed

BUSY = {"kind": "error", "status": 503, "code": "QUERY_LIMIT_EXCEEDED"}


def fill(bench, *ids, stage="NEW", **more):
    for number in ids:
        bench.portal.add_deal(number, stage=stage, **more)


def deals(ids):
    return [f"DEAL_{number}" for number in ids]


def rows_asked(bench):
    """Commands that read rows, over all requests."""
    commands = [text for each in bench.server.requests for text in each.params.get("cmd", {}).values()]
    return sum(text.startswith("crm.item.list") for text in commands)


def test_the_targets_of_what_matches_come_in_the_order_of_their_ids(bench):
    fill(bench, 9, 3, 7)
    fill(bench, 5, stage="WON")

    assert bench.do("find_entities", "deal", {"stageId": "NEW"}) == ["DEAL_3", "DEAL_7", "DEAL_9"]
    assert bench.do("find_entities", "DEAL", {"stageId": "LOSE"}) == []
    assert bench.do("find_entities", "DEAL", "all") == ["DEAL_3", "DEAL_5", "DEAL_7", "DEAL_9"]


def test_groups_and_user_fields_select(bench):
    fill(bench, 1, 2, 3)
    bench.portal.find("DEAL_2").opportunity = 500.0
    either = {"0": {"logic": "OR", "0": {">opportunity": 100}, "1": {"id": 3}}}

    assert bench.do("find_entities", "DEAL", either) == ["DEAL_2", "DEAL_3"]


def test_a_filter_of_which_one_condition_is_enough_selects_no_more_than_that(bench):
    fill(bench, 1, 2, 3)
    fill(bench, 4, stage="WON")
    bench.portal.find("DEAL_2").opportunity = 500.0
    either = {"logic": "OR", "stageId": "WON", ">opportunity": 100}

    assert bench.do("find_entities", "DEAL", either) == ["DEAL_2", "DEAL_4"]
    assert bench.do("find_entities", "DEAL", either | {">id": 2}) == ["DEAL_2", "DEAL_3", "DEAL_4"]


def test_a_list_that_no_batch_can_carry_is_refused_with_what_to_do(bench):
    error = bench.do("find_entities", "DEAL", {"@companyId": list(range(1, 10_001))})

    assert isinstance(error, ConfigurationError)
    assert "filter: a batch cannot carry more than 1,000 values." in str(error)
    assert "pass the ids as target" in error.hint
    assert bench.server.requests.total == 0


def test_contacts_are_found_too(bench):
    assert bench.do("find_entities", "CONTACT", "all") == []


def test_without_conditions_one_request_is_enough(bench):
    fill(bench, 1)

    bench.do("find_entities", "DEAL", "all")

    assert bench.server.requests.total == 1


@pytest.mark.parametrize("count", [49, 50, 51, 2450, 2500, 2501])
def test_every_number_of_rows_is_read_whole(benches, count):
    with benches("sync") as bench:
        fill(bench, *range(2, 2 * count + 2, 2))

        assert bench.do("find_entities", "DEAL", "all", limit=10_000) == deals(range(2, 2 * count + 2, 2))


def test_many_rows_take_one_request_for_2500(benches):
    with benches("sync") as bench:
        fill(bench, *range(1, 6_001))

        assert bench.do("find_entities", "DEAL", "all", limit=100_000) == deals(range(1, 6_001))
        assert bench.server.requests.total == 3


def test_ranges_are_read_in_parallel_and_none_is_missing(benches):
    ids = [*range(1, 2_601), *range(100_000, 102_600), *range(900_000, 907_800, 3)]
    with benches("sync", settings={"max_concurrency": 4}) as bench:
        fill(bench, *ids)

        assert bench.do("find_entities", "DEAL", "all", limit=100_000) == deals(ids)
        assert bench.server.requests.total <= 15


def test_rows_added_and_removed_meanwhile_make_no_gap(benches):
    with benches("sync", settings={"max_concurrency": 4}) as bench:
        fill(bench, *range(1, 6_001))
        bench.server.faults.script([None, None, BUSY])

        def change(_seconds):
            for number in range(1, 6_001, 7):
                if number > 3_000:
                    bench.portal.remove(f"DEAL_{number}")
            fill(bench, *range(6_001, 6_200))
            bench.on_sleep = None

        bench.on_sleep = change
        found = bench.do("find_entities", "DEAL", "all", limit=100_000)

    stayed = [number for number in range(1, 6_001) if number <= 3_000 or number % 7 != 1]
    assert set(deals(stayed)) <= set(found)
    assert len(found) == len(set(found))


def test_one_too_many_is_an_error_that_says_what_to_do(bench):
    fill(bench, *range(1, 1_002))

    error = bench.do("find_entities", "DEAL", {"stageId": "NEW"})

    assert isinstance(error, ConfigurationError)
    assert "more than 1,000 entities" in str(error)
    assert "raise limit" in error.hint


def test_the_lowest_ids_are_taken_where_that_is_asked_for(bench):
    fill(bench, *range(1, 1_002))

    found = bench.do("find_entities", "DEAL", "all", limit=1_000, on_excess="truncate")

    assert found == deals(range(1, 1_001))
    assert any("The filter matches more than 1,000 entities" in line for line in bench.logged)


def test_exactly_the_limit_is_no_excess(bench):
    fill(bench, *range(1, 101))

    assert bench.do("find_entities", "DEAL", "all", limit=100) == deals(range(1, 101))


def test_a_search_reads_no_more_pages_than_its_limit_needs(bench):
    fill(bench, *range(1, 1_001))

    bench.do("find_entities", "DEAL", "all", limit=60, on_excess="truncate")

    assert rows_asked(bench) == 2


def test_an_unknown_field_is_refused_before_anything_is_read(bench):
    fill(bench, 1)

    error = bench.do("find_entities", "DEAL", {"STAGE_ID": "NEW"})

    assert isinstance(error, ConfigurationError)
    assert "Did you mean 'stageId'?" in str(error)
    assert rows_asked(bench) == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("DEAL", {}), "filter is empty"),
        (("FOO", "all"), "entity_type is 'FOO'"),
        (("ORDER", "all"), "Orders cannot be searched for"),
        (("DEAL", {"@id": list(range(1_200))}), "cannot carry"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(bench, arguments, says):
    error = bench.do("find_entities", *arguments)

    assert isinstance(error, ConfigurationError)
    assert says in str(error)
    assert bench.server.requests.total == 0


@pytest.mark.parametrize("more", [{"limit": 0}, {"limit": True}, {"limit": "ten"}, {"on_excess": "ignore"}])
def test_wrong_options_are_refused(bench, more):
    assert isinstance(bench.do("find_entities", "DEAL", "all", **more), ConfigurationError)


REFUSED = {"kind": "error", "status": 403, "code": "ACCESS_DENIED"}
NO_METHOD = {"kind": "command_error", "code": "ERROR_METHOD_NOT_FOUND"}
BROKEN = {"kind": "command_error", "code": "INTERNAL_SERVER_ERROR"}
SPENT = {"kind": "error", "status": 429, "code": "OPERATION_TIME_LIMIT"}


@pytest.mark.parametrize("fault", [REFUSED, NO_METHOD])
def test_where_the_portal_lists_no_fields_the_names_are_not_checked_and_the_log_says_so(bench, fault):
    fill(bench, 1)
    bench.server.faults.script([fault])

    assert bench.do("find_entities", "DEAL", {"id": 1}) == ["DEAL_1"]
    assert any("so their names were not checked" in line for line in bench.logged)


def test_a_failure_to_list_the_fields_is_an_error_and_nothing_is_read(bench):
    bench.server.faults.script([BROKEN])

    assert isinstance(bench.do("find_entities", "DEAL", {"id": 1}), ServerError)
    assert rows_asked(bench) == 0


def test_a_spent_working_time_is_waited_for(bench):
    fill(bench, 1)
    bench.server.faults.script([SPENT])

    assert bench.do("find_entities", "DEAL", "all") == ["DEAL_1"]
    assert sum(bench.sleeps) > 5


def test_a_refusal_of_the_first_page_is_an_error(bench):
    bench.server.faults.script([{"kind": "command_error", "code": "INVALID_ARG_VALUE", "keys": ["c0"]}])

    assert isinstance(bench.do("find_entities", "DEAL", "all"), InvalidRequestError)


def test_own_bounds_of_the_id_are_kept(bench):
    fill(bench, *range(1, 201))

    assert bench.do("find_entities", "DEAL", {">id": 10, "<=id": 130}) == deals(range(11, 131))


def test_a_lost_answer_is_read_again(bench):
    fill(bench, *range(1, 101))
    bench.server.faults.script(["reset:after"])

    assert bench.do("find_entities", "DEAL", "all") == deals(range(1, 101))


def test_a_portal_that_keeps_failing_is_an_error(bench):
    bench.server.faults.script(["empty:500"], repeat=True)

    assert isinstance(bench.do("find_entities", "DEAL", "all"), ProtocolError)


def test_both_clients_do_the_same(run_with_both_clients):
    def scenario(bench):
        fill(bench, *range(1, 3_001))
        bench.do("find_entities", "DEAL", {"stageId": "NEW"}, limit=5_000)
        bench.do("find_entities", "DEAL", {"stage": "NEW"})

    run_with_both_clients(scenario)


@pytest.mark.parametrize("concurrency", [1, 4])
def test_25000_ids_take_a_dozen_requests_and_three_seconds_at_most(benches, concurrency):
    # How much sooner several at a time end is measured by a benchmark: threads share a virtual clock by chance.
    with benches("sync", settings={"max_concurrency": concurrency}) as bench:
        seed.generate(bench.portal, 2, 25_000, stage="NEW", first_id=1)
        bench.portal.latency.set(request_ms=20, command_ms=5)

        found = bench.do("find_entities", "DEAL", {"stageId": "NEW"}, limit=100_000)

        assert found == deals(range(1, 25_001))
        asked = list(bench.server.requests)
        assert len(asked) <= 14
        assert asked[-1].moment + asked[-1].duration - asked[0].moment <= 3.0
