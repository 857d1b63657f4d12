"""The operator, run by Airflow's own task runner against a portal on a real socket: fires, readings and report."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airflow_provider_bitrix24.client.report import CAUSES, NOT_ADMINISTRATOR
from airflow_provider_bitrix24.exceptions import TargetsFailedError
from airflow_provider_bitrix24.simulator.portal.faults import Fault, FaultKind
from airflow_provider_bitrix24.simulator.portal.model import User

DEALS = ["DEAL_57", "DEAL_58", "DEAL_59"]
RETRIES = {"retries": 2, "retry_delay": timedelta(0)}


# -- the report


def test_one_entity_moves_and_the_report_shows_both_stages(portal, move):
    ran = move(target="DEAL_57")

    assert ran.state == "success"
    assert ran.xcoms["return_value"] == {
        "code": "c5u4m",
        "portal": portal.url,
        "moved": 1,
        "already": 0,
        "elsewhere": 0,
        "unmoved": 0,
        "unverified": 0,
        "failed": 0,
        "results": [{"target": "DEAL_57", "outcome": "moved", "stage_before": "NEW", "stage_after": "PREPARATION"}],
    }
    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"
    assert "moved NEW -> PREPARATION: DEAL_57" in ran.said("info")
    assert "report" not in ran.xcoms


def test_duplicates_in_different_spellings_are_fired_once(portal, move):
    ran = move(target=["DEAL_57", "deal_57", " DEAL_057", "DYNAMIC_2_58"])

    assert ran.report["moved"] == 2
    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}


def test_rows_of_a_query_are_targets_of_the_given_type(portal, move):
    ran = move(target=[(57,), (58,), ("LEAD_1",)], entity_type="{{ params.type }}", params={"type": "deal"})

    assert [each["target"] for each in ran.report["results"]] == ["DEAL_57", "DEAL_58", "LEAD_1"]
    assert ran.rendered["entity_type"] == "deal"


def test_a_row_without_an_id_fails_the_task_before_anything_is_sent(portal, move):
    ran = move(target=[(57,), (58, "Desk"), (None,)], entity_type="DEAL", **RETRIES)

    assert ran.state == "failed"
    assert "target[1] is (58, 'Desk')" in str(ran.error)
    assert "target[2] is (None,)" in str(ran.error)
    assert portal.requests.total == 0


def test_a_type_that_renders_to_nothing_is_refused(portal, move):
    ran = move(target=[(57,)], entity_type="{{ params.type }}", params={"type": ""})

    assert ran.state == "failed"
    assert "entity_type is ''" in str(ran.error)


def test_fields_are_templated(portal, move):
    ran = move(
        target="DEAL_{{ 50 + 7 }}",
        code="{{ params.code }}",
        expected_stage="{{ 'prep' | upper }}ARATION",
        bitrix24_conn_id="{{ 'bitrix24' }}_default",
        params={"code": "c5u4m"},
    )

    assert ran.report["results"][0]["target"] == "DEAL_57"
    assert ran.rendered["target"] == "DEAL_57"
    assert ran.rendered["code"] == "c5u4m"
    assert ran.rendered["expected_stage"] == "PREPARATION"
    assert ran.rendered["bitrix24_conn_id"] == "bitrix24_default"


def test_the_connections_code_is_the_default(portal, move, connect):
    connect(portal.trigger_url("c5u4m"))

    assert move(target="DEAL_57", code=None).report["moved"] == 1


def test_without_a_code_none_is_sent_and_the_log_warns(portal, move, caplog):
    ran = move(target="DEAL_57", code=None)

    assert ran.report["code"] is None
    assert ran.report["unmoved"] == 1
    assert "No code is given" in caplog.text


# -- unmoved


def test_a_wrong_code_leaves_entities_unmoved_and_the_log_lists_likely_causes_once(portal, move):
    ran = move(target=DEALS, code="C5U4M")

    assert ran.state == "success"
    assert (ran.report["moved"], ran.report["unmoved"]) == (0, 3)
    said = ran.said("warning")
    # A deal of the first pipeline needs no administrator.
    assert [said.count(each.clause) for each in CAUSES] == [each != NOT_ADMINISTRATOR for each in CAUSES]
    assert "unmoved at NEW: DEAL_58" in said


def test_unmoved_entities_can_be_ignored(portal, move):
    ran = move(target="DEAL_57", code="wrong", on_unmoved="ignore")

    assert ran.state == "success"
    assert "unmoved" not in ran.said("warning")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"on_unmoved": "fail"}, "3 of 3 deals did not move after trigger 'wrong'"),
        ({"expected_stage": "EXECUTING"}, "3 of 3 deals are not at EXECUTING after trigger 'wrong'"),
    ],
)
def test_unmoved_entities_fail_the_task_on_request_or_with_an_expected_stage(portal, move, options, said):
    ran = move(target=DEALS, **options, code="wrong")

    assert ran.state == "failed"
    assert f"{said}: DEAL_57 to DEAL_59 stand at NEW; no trigger moved them (wrong code, or its case" in str(ran.error)
    assert ran.xcoms["report"]["unmoved"] == 3
    assert "return_value" not in ran.xcoms


def test_skip_skips_the_task_if_nothing_moved(portal, move):
    ran = move(target=DEALS, code="wrong", on_unmoved="skip")

    assert ran.state == "skipped"
    assert ran.xcoms["report"]["unmoved"] == 3


def test_skip_only_warns_if_an_entity_moved(portal, move):
    ran = move(target=["DEAL_57", "DEAL_62"], on_unmoved="skip")

    assert ran.state == "success"
    assert "unmoved at WON: DEAL_62" in ran.said("warning")


# -- expected stage


@pytest.mark.parametrize("expected", ["PREPARATION", ["EXECUTING", "PREPARATION"], ("PREPARATION",)])
def test_an_entity_at_the_expected_stage_is_not_fired(portal, move, expected):
    ran = move(target=["DEAL_57", "DEAL_60"], expected_stage=expected)

    assert ran.state == "success"
    assert (ran.report["moved"], ran.report["already"]) == (1, 1)
    assert portal.fires == {"DEAL_57": 1}
    assert "already at PREPARATION, not fired: DEAL_60" in ran.said("info")


def test_a_stage_that_does_not_exist_is_refused_before_anything_is_fired(portal, move):
    ran = move(target="DEAL_57", expected_stage="PREPARED", **RETRIES)

    assert ran.state == "failed"
    assert "'PREPARED' is not a stage of DEAL pipeline 0" in str(ran.error)
    assert "Did you mean PREPARATION" in str(ran.error)
    assert portal.fires == {}


@pytest.mark.parametrize("expected", ["", [], [""], 5, [None]])
def test_an_empty_expected_stage_is_refused(portal, move, expected):
    ran = move(target="DEAL_57", expected_stage=expected, **RETRIES)

    assert ran.state == "failed"
    assert "expected_stage is" in str(ran.error)
    assert portal.fires == {}


def test_a_retry_fires_only_entities_that_have_not_arrived(portal, move):
    portal.portal.add_veto("PREPARATION")
    arguments = {"target": ["DEAL_57", "DEAL_60"], "expected_stage": "PREPARATION", **RETRIES}

    first = move(**arguments)
    portal.portal.vetoes.clear()
    second = move(**arguments)

    assert first.state == "up_for_retry"
    assert isinstance(first.error, TargetsFailedError)
    assert first.error.report.unmoved == 1
    assert second.state == "success"
    assert (second.report["moved"], second.report["already"]) == (1, 1)
    assert "DEAL_60" not in portal.fires


# -- verification


def test_without_verify_one_direct_call_is_sent_and_nothing_is_read(portal, move):
    ran = move(target="DEAL_57", verify=False)

    assert [request.method for request in portal.requests] == ["crm.automation.trigger"]
    assert ran.state == "success"
    (result,) = ran.report["results"]
    assert (result["outcome"], result["stage_before"], result["stage_after"]) == ("unverified", None, None)


def test_entities_that_may_not_be_read_are_unverified_in_one_warning(portal, move, connect):
    portal.portal.settings.subscription = "missing"
    connect(portal.system_webhook_url)

    ran = move(target=DEALS)

    assert ran.state == "success"
    assert ran.report["unverified"] == 3
    (line,) = [line for line in ran.said("warning").splitlines() if "unverified" in line]
    assert line == "unverified, accepted by the portal: 3 deals (DEAL_57 to DEAL_59)"
    assert {portal.portal.stage_of(deal) for deal in DEALS} == {"PREPARATION"}


def test_a_second_connection_reads_if_the_first_one_may_not(portal, move, connect):
    portal.portal.accounts.add_user(User(2, is_admin=True))
    portal.portal.accounts.add_webhook(2, "readersecret0002")
    connect(f"{portal.url}/rest/2/readersecret0002/", "reader")
    portal.faults.script([Fault(kind=FaultKind.ERROR, status=403, code="ACCESS_DENIED", method="batch")])

    ran = move(target=DEALS, verify_conn_id="{{ 'reader' }}", expected_stage="PREPARATION")

    assert ran.state == "success"
    assert ran.report["moved"] == 3
    fires = [request for request in portal.requests if request.method == "crm.automation.trigger"]
    assert {request.path.split("/")[2] for request in fires} == {"1"}
    reads = [request for request in portal.requests if request.method != "crm.automation.trigger"]
    assert {request.path.split("/")[2] for request in reads[1:]} == {"2"}


def test_a_second_connection_to_another_portal_is_refused(portal, move, connect):
    connect("https://other.bitrix24.com/rest/1/othersecret00001/", "reader")

    ran = move(target=DEALS, verify_conn_id="reader", **RETRIES)

    assert ran.state == "failed"
    assert "other.bitrix24.com" in str(ran.error)
    assert list(portal.requests) == []


def test_contacts_are_fired_and_unverified(portal, move):
    ran = move(target="CONTACT_7")

    assert ran.state == "success"
    assert ran.report["unverified"] == 1


def test_contacts_cannot_have_an_expected_stage(portal, move):
    ran = move(target="CONTACT_7", expected_stage="WON", **RETRIES)

    assert ran.state == "failed"
    assert "CONTACT_7 cannot be read, so expected_stage cannot work." in str(ran.error)
    assert list(portal.requests) == []
