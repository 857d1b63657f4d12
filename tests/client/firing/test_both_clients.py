"""Both clients, blocking and asynchronous, do and say the same against a real portal over real sockets."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectFailed,
    NotFoundError,
    ProtocolError,
    ServerError,
)
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import Access, User
from tests.support.downtime import taken_down

EVERY_TYPE = [
    # type number, target, stage before, stage of the trigger
    (1, "LEAD_4", "NEW", "IN_PROCESS"),
    (2, "DEAL_57", "C5:NEW", "C5:PREPARATION"),
    (7, "QUOTE_3", "DRAFT", "SENT"),
    (31, "SMART_INVOICE_12", "DT31_2:N", "DT31_2:S"),
    (177, "DYNAMIC_177_5", "DT177_12:NEW", "DT177_12:PREPARATION"),
]
NASTY_CODES = ["&", "a=b", "#", "%26", "+", "a b", "a\tb", "Привет, мир", "日本", "'\"\\", "$result[c0]", "$RESULT[c0]"]


def results(bench):
    return {each.target: (each.outcome, each.stage_before, each.stage_after) for each in bench.outcomes[-1].results}


def failed(bench):
    return {each.target: (each.error.code, each.error.executed) for each in bench.outcomes[-1].results if each.error}


def test_one_deal_is_moved_and_shown(run_with_both_clients):
    def scenario(bench):
        bench.deals(1)
        bench.fire("DEAL_1")

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].as_dict()["results"] == [
        {"target": "DEAL_1", "outcome": "moved", "stage_before": "NEW", "stage_after": "PREPARATION"}
    ]
    assert bench.portal.fires == {"DEAL_1": 1}
    assert bench.sleeps == []


def test_a_hundred_deals_take_four_requests(run_with_both_clients):
    def scenario(bench):
        bench.fire(bench.stairs(100))

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == 100
    assert [request.commands for request in bench.server.requests] == [2, 25, 50, 28]
    assert set(bench.portal.fires.values()) == set(bench.portal.moves.values()) == {1}
    assert bench.sleeps == []


def test_a_wrong_code_is_unmoved_after_one_more_look(run_with_both_clients):
    def scenario(bench):
        bench.deals(2)
        bench.fire(["DEAL_1", "DEAL_2"], "C")

    bench = run_with_both_clients(scenario)
    assert results(bench) == dict.fromkeys(("DEAL_1", "DEAL_2"), ("unmoved", "NEW", "NEW"))
    assert [request.commands for request in bench.server.requests] == [1, 3, 1]


def test_missing_entities_are_named_and_not_fired(run_with_both_clients):
    def scenario(bench):
        bench.fire([*bench.deals(2), "DEAL_999", "DYNAMIC_9999_1"])

    bench = run_with_both_clients(scenario)
    assert results(bench)["DEAL_1"][0] == results(bench)["DEAL_2"][0] == "moved"
    assert failed(bench)["DEAL_999"] == ("NOT_FOUND", "no")
    assert failed(bench)["DYNAMIC_9999_1"][1] == "no"
    assert set(bench.portal.fires) == {"DEAL_1", "DEAL_2"}


@pytest.mark.parametrize("verify", [True, False])
def test_one_without_rights_fails_alone(run_with_both_clients, verify):
    def scenario(bench):
        targets = bench.deals(60)
        user = User(2, is_admin=False, access=Access.ALL, denied_items=frozenset({(2, 30)}))
        bench.portal.accounts.add_user(user)
        bench.portal.accounts.add_webhook(2, "sec2")
        bench.fire(targets, url=f"{bench.server.url}/rest/2/sec2/", verify=verify)

    bench = run_with_both_clients(scenario)
    assert failed(bench) == {"DEAL_30": ("ACCESS_DENIED", "no")}
    assert (bench.outcomes[0].moved if verify else bench.outcomes[0].unverified) == 59
    assert len(bench.portal.moves) == 59


@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.parametrize("verify", [True, False])
def test_a_webhook_that_may_only_fire_does_so_one_by_one_and_unverified(run_with_both_clients, count, verify):
    def scenario(bench):
        targets = bench.stairs(count)
        bench.portal.settings.subscription = "missing"
        bench.fire(targets, url=bench.server.system_webhook_url, verify=verify)

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].unverified == count
    assert set(bench.portal.fires.values()) == {1}
    assert len(bench.portal.fires) == count
    warned = [line for line in bench.logged if "stays unverified" in line or "without batches" in line]
    assert len(warned) == (1 if verify or count > 1 else 0)
    assert all("verify_conn_id" in line for line in warned if verify)


@pytest.mark.parametrize("whole", [True, False])
def test_a_second_credential_reads_what_the_first_may_not(run_with_both_clients, whole):
    kind = FaultKind.ERROR if whole else FaultKind.COMMAND_ERROR
    denied = Fault(kind=kind, status=401, code="ACCESS_DENIED", description="REST is available only by subscription.")

    def scenario(bench):
        targets = bench.stairs(60)
        bench.portal.accounts.add_user(User(2))
        bench.portal.accounts.add_webhook(2, "reader")
        bench.reader = f"{bench.server.url}/rest/2/reader/"
        bench.server.faults.script([denied])
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == 60
    assert set(bench.portal.fires.values()) == {1}
    users = [request.path.split("/")[2] for request in bench.server.requests]
    fires = 60 if whole else 2  # who is refused a batch as a whole fires one by one
    assert users == ["1", "2", *["1"] * fires, "2"]


def test_a_second_credential_of_another_portal_is_refused(run_with_both_clients):
    def scenario(bench):
        bench.reader = "https://other.bitrix24.com/rest/1/secret/"
        bench.fire(bench.deals(1))

    assert isinstance(run_with_both_clients(scenario).outcomes[0], ConfigurationError)


@pytest.mark.parametrize("code", NASTY_CODES)
def test_any_code_reaches_its_trigger_alone_and_in_a_batch(run_with_both_clients, code):
    def scenario(bench):
        targets = bench.deals(3, code=code)
        bench.fire(targets[0], code, verify=False)
        bench.fire(targets[1:], code)

    bench = run_with_both_clients(scenario)
    assert set(bench.portal.moves) == {"DEAL_1", "DEAL_2", "DEAL_3"}
    assert bench.outcomes[1].moved == 2


@pytest.mark.parametrize(("number", "target", "stage", "following"), EVERY_TYPE)
def test_every_type_moves_and_shows_its_stages(run_with_both_clients, number, target, stage, following):
    def scenario(bench):
        bench.portal.add_item(number, int(target.rpartition("_")[2]), stage=stage)
        bench.portal.add_trigger(following, code="c", type_id=number)
        bench.fire(target)
        bench.do("get_stages", [target])

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].results[0].as_dict() == {
        "target": target,
        "outcome": "moved",
        "stage_before": stage,
        "stage_after": following,
    }
    info = bench.outcomes[1][target]
    assert (info.stage, info.moved_time is None) == (following, number == 7)


def test_types_mixed_in_one_list_share_batches(run_with_both_clients):
    def scenario(bench):
        for number, _target, stage, following in EVERY_TYPE:
            bench.portal.add_trigger(following, code="c", type_id=number)
            for offset in range(30):
                bench.portal.add_item(number, 1000 + offset, stage=stage)
        names = [target.rpartition("_")[0] for _, target, _, _ in EVERY_TYPE]
        bench.fire([f"{name}_{1000 + offset}" for offset in range(30) for name in names])

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].moved == 150
    assert all(request.commands <= 50 for request in bench.server.requests)
    assert len(bench.server.requests) == 5


@pytest.mark.no_cover
def test_2_600_targets_are_read_in_two_windows(run_with_both_clients):
    def scenario(bench):
        bench.fire(bench.stairs(2600))

    bench = run_with_both_clients(scenario, plan="self-hosted")
    assert bench.outcomes[0].moved == 2600
    assert set(bench.portal.fires.values()) == {1}
    looks = [request for request in bench.server.requests if "list" in request.params["cmd"]["c0"]]
    assert [request.commands for request in looks] == [50, 2]


def test_contacts_companies_and_orders_are_fired_and_stay_unverified(run_with_both_clients):
    def scenario(bench):
        bench.deals(1)
        bench.portal.find("DEAL_1").contact_id = 7
        bench.fire(["CONTACT_7", "COMPANY_8", "ORDER_9"])
        bench.fire("CONTACT_7", expected_stage="WON")

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].unverified == 3
    assert bench.portal.moves == {"DEAL_1": 1}
    assert isinstance(bench.outcomes[1], ConfigurationError)
    assert bench.portal.fires["CONTACT_7"] == 1


def test_without_verification_nothing_is_ever_read(run_with_both_clients):
    def scenario(bench):
        bench.fire(bench.stairs(120), verify=False)

    bench = run_with_both_clients(scenario)
    assert bench.outcomes[0].unverified == 120
    assert [request.commands for request in bench.server.requests] == [25, 50, 45]
    assert set(bench.portal.fires.values()) == {1}


@pytest.mark.parametrize("code", ["", "ERROR_CORE", "INTERNAL_SERVER_ERROR"])
def test_an_error_with_status_200_is_an_error(run_with_both_clients, code):
    wrong = Fault(kind=FaultKind.ERROR, status=200, code=code, description="No.")

    def scenario(bench):
        targets = bench.stairs(30)
        bench.server.faults.script([wrong])
        bench.do("call", "crm.item.get", {"entityTypeId": 2, "id": 1})
        bench.server.faults.script([None, wrong])
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    assert isinstance(bench.outcomes[0], ServerError)
    assert bench.outcomes[1].moved == 30
    assert set(bench.portal.fires.values()) == {1}


def test_a_portal_wide_error_in_the_middle_leaves_the_rest_failed_in_a_report(run_with_both_clients):
    wrong = Fault(kind=FaultKind.ERROR, status=401, code="INVALID_CREDENTIALS", description="")

    def scenario(bench):
        targets = bench.stairs(200)
        bench.server.faults.script([None, None, None, wrong], repeat=False)
        bench.fire(targets)

    bench = run_with_both_clients(scenario)
    assert (bench.outcomes[0].moved, bench.outcomes[0].failed) == (73, 127)
    assert set(failed(bench).values()) == {("INVALID_CREDENTIALS", "no")}
    assert set(bench.portal.fires.values()) == {1}
    assert bench.logged[-1].startswith("Stopping: batch: INVALID_CREDENTIALS")


def test_what_fails_before_anything_was_fired_raises(run_with_both_clients):
    def scenario(bench):
        targets = bench.deals(3)
        bench.fire(targets, url=f"{bench.server.url}/rest/1/wrong/")
        bench.fire(targets, url=f"{bench.server.url}/rest/1/wrong/", verify=False)
        bench.server.faults.script(["redirect"])
        bench.fire(targets)
        bench.server.faults.script([None, "redirect"])
        bench.fire(targets)
        bench.do("call", "no.such.method")
        with taken_down(bench.server):
            bench.fire(targets)

    bench = run_with_both_clients(scenario)
    kinds = [type(outcome) for outcome in bench.outcomes]
    assert kinds == [AuthenticationError] * 2 + [ProtocolError] * 2 + [NotFoundError, ConnectFailed]
    assert bench.portal.fires == {}
    assert bench.sleeps[-4:] == [0.75, 1.5, 3.0, 6.0]


def test_a_webhook_without_the_scope_is_sent_for_the_scope_not_for_a_second_connection(run_with_both_clients):
    def scenario(bench):
        bench.portal.accounts.add_webhook(1, "scopeless", scopes=frozenset({"user"}))
        bench.portal.add_deal(id=57)
        bench.fire(["DEAL_57"], url=f"{bench.server.url}/rest/1/scopeless/")

    logged = run_with_both_clients(scenario).logged

    [line] = [line for line in logged if "Reading is refused" in line]
    assert line.endswith("To have it verified, add the scope in Bitrix24.")
    assert "verify_conn_id" not in "".join(logged)
