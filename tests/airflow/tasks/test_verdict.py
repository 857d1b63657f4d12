from __future__ import annotations

import pytest

from airflow_provider_bitrix24._tasks.verdict import Verdict, decide, permanent_errors_fail_at_once
from airflow_provider_bitrix24.client import errors
from airflow_provider_bitrix24.client.report import MISSING, TargetError, TargetResult, TriggerReport
from airflow_provider_bitrix24.compat import AirflowException, AirflowFailException, AirflowSkipException
from airflow_provider_bitrix24.exceptions import TargetsFailedError

REFUSED = TargetError("ACCESS_DENIED", "Not allowed.", "no")
BUSY = TargetError("QUERY_LIMIT_EXCEEDED", "Too many requests.", "no", permanent=False)
LOST = TargetError("OutcomeUnknown", "No answer.", "unknown", permanent=False)


def report(*outcomes):
    results = []
    for number, each in enumerate(outcomes):
        outcome, error = ("failed", each) if isinstance(each, TargetError) else (each, None)
        after = "WON" if outcome in ("moved", "already") else "NEW"
        results.append(
            TargetResult(target=f"DEAL_{number}", outcome=outcome, stage_before="NEW", stage_after=after, error=error)
        )
    return TriggerReport(code="c", portal="https://example.com", results=results)


@pytest.mark.parametrize(
    ("outcomes", "on_unmoved", "repeatable", "end"),
    [
        ((), "fail", True, "succeed"),
        (("moved", "already"), "fail", True, "succeed"),
        (("moved", "unmoved"), "ignore", False, "succeed"),
        (("moved", "unmoved"), "warn", False, "succeed"),
        (("moved", "unmoved"), "fail", True, "retry"),
        (("moved", "unmoved"), "fail", False, "fail"),
        (("unmoved",), "fail", False, "fail"),
        (("unmoved",), "fail", True, "retry"),
        (("unverified",), "fail", False, "succeed"),
        # A skip would skip what follows those that moved.
        (("unmoved", "unmoved"), "skip", False, "skip"),
        (("unmoved", "moved"), "skip", False, "succeed"),
        (("unmoved", "already"), "skip", True, "succeed"),
        (("unmoved", "unverified"), "skip", False, "succeed"),
        (("unmoved", REFUSED), "skip", False, "fail"),
        # Failed targets fail the task, whatever on_unmoved says.
        ((REFUSED,), "ignore", True, "fail"),
        ((REFUSED, REFUSED), "ignore", False, "fail"),
        ((BUSY,), "ignore", False, "retry"),
        ((BUSY, BUSY), "ignore", True, "retry"),
        ((BUSY, REFUSED), "ignore", False, "retry"),
        ((BUSY, "already"), "ignore", True, "retry"),
        # Something was fired: a next try would fire it again, unless it can see that it is done.
        ((BUSY, "moved"), "ignore", False, "fail"),
        ((BUSY, "moved"), "ignore", True, "retry"),
        ((BUSY, "unmoved"), "ignore", False, "fail"),
        ((BUSY, "unverified"), "ignore", False, "fail"),
        ((BUSY, "unverified"), "ignore", True, "fail"),
        ((LOST,), "ignore", False, "fail"),
        ((LOST,), "ignore", True, "retry"),
        # No retry helps.
        ((REFUSED, "moved"), "ignore", True, "fail"),
        ((REFUSED, "unmoved"), "warn", True, "fail"),
        ((REFUSED, "unmoved"), "fail", True, "retry"),
    ],
)
def test_how_a_task_ends(outcomes, on_unmoved, repeatable, end):
    assert decide(report(*outcomes), on_unmoved=on_unmoved, expected={"WON"} if repeatable else ()).end == end


def test_the_message_says_why_no_retry_follows_and_what_to_do():
    verdict = decide(report(BUSY, "moved", "unmoved", "already"), on_unmoved="warn", expected=())

    assert verdict.message == (
        "1 of 4 deals failed: DEAL_0: Too many requests. No retry follows: 2 were fired; repeating could move "
        "them twice. Set expected_stage to make retries safe."
    )


def test_unverified_targets_prevent_a_retry_even_with_an_expected_stage():
    verdict = decide(report(BUSY, "unverified"), on_unmoved="fail", expected={"WON"})

    assert "1 was fired and cannot be read back" in verdict.message
    assert "verify_conn_id" in verdict.message


@pytest.mark.parametrize(
    ("before", "expected", "end"),
    [
        ("DT31_2:NEW", {"EXECUTING"}, "fail"),
        ("C5:NEW", {"WON", "C7:WON"}, "fail"),
        ("DT31_2:NEW", {"EXECUTING", "DT31_2:P"}, "retry"),
        ("NEW", {"WON"}, "retry"),
    ],
)
def test_no_retry_follows_where_it_could_not_see_that_an_entity_has_moved_late(before, expected, end):
    unmoved = TargetResult(target="DEAL_1", outcome="unmoved", stage_before=before, stage_after=before)
    fired = TriggerReport(code="c", portal="https://example.com", results=[unmoved])

    assert decide(fired, on_unmoved="fail", expected=expected).end == end
    assert decide(fired, on_unmoved="fail", expected=expected, checkpoint=True).end == "retry"


def test_the_message_names_the_first_ten_and_runs_by_their_ends():
    results = [TargetResult(target=f"DEAL_{2 * number}", outcome="failed", error=REFUSED) for number in range(12)]
    apart = TriggerReport(code="c", portal="https://example.com", results=results)

    message = decide(apart, on_unmoved="warn", expected=()).message

    assert message.count("DEAL_") == 10
    assert message.endswith("and 2 more: Not allowed.")
    assert decide(report(*[REFUSED] * 12), on_unmoved="warn", expected=()).message == (
        "12 of 12 deals failed: DEAL_0 to DEAL_11: Not allowed."
    )


def test_the_message_says_where_unmoved_targets_stand():
    results = [
        TargetResult(target="DEAL_1", outcome="unmoved", stage_before="NEW", stage_after="NEW"),
        TargetResult(target="DEAL_2", outcome="unmoved", stage_before="NEW", stage_after="LOSE"),
    ]

    message = decide(
        TriggerReport(code="c", portal="https://example.com", results=results),
        on_unmoved="fail",
        expected={"WON"},
    ).message

    assert message == (
        "2 of 2 deals are not at WON after trigger 'c': DEAL_1 stands at NEW; no trigger moved it (wrong code, or its "
        "case; a trigger in another pipeline; already past the trigger's stage; unmet conditions); DEAL_2 went from "
        "NEW to LOSE."
    )


def late(number, at, place=None, *, before=None, type_name="DEAL"):
    outcome = "unmoved" if before is None else "elsewhere"
    return TargetResult(
        target=f"{type_name}_{number}", outcome=outcome, stage_before=before or at, stage_after=at, place=place
    )


@pytest.mark.parametrize(
    ("results", "or_later", "said"),
    [
        (
            [late(1, "NEW", "before"), late(3, "NEW", "before"), late(5, "MEETING", "before")],
            False,
            (
                "DEAL_1, DEAL_3 stand at NEW, DEAL_5 stands at MEETING; no trigger moved them (wrong code, or its "
                "case; a trigger in another pipeline; unmet conditions)."
            ),
        ),
        (
            [late(1, "EXECUTING", "past"), late(3, "FINAL", "past")],
            False,
            (
                "DEAL_1 stands at EXECUTING, past that stage, DEAL_3 stands at FINAL, past that stage; or_later=True "
                "accepts them, and a trigger moves them back only with 'allow going back'."
            ),
        ),
        (
            [late(1, "FINAL", "past", before="NEW")],
            False,
            "DEAL_1 went from NEW to FINAL, past that stage; or_later=True accepts it.",
        ),
        ([late(1, "MEETING", "before", before="NEW")], False, "DEAL_1 went from NEW to MEETING, before that stage."),
        ([late(1, "LOSE", "final")], True, "DEAL_1 stands at LOSE, where its pipeline ends."),
        (
            [late(1, "NEW", "aside", type_name="LEAD")],
            False,
            (
                "LEAD_1 stands at NEW; PREPARATION is not a stage of LEAD, and no trigger moved it (wrong code, or "
                "its case; a trigger in another pipeline; unmet conditions). No retry follows: it would find the same "
                "pipelines. Correct expected_stage; if a robot changes the pipeline, wait for it with wait_timeout."
            ),
        ),
    ],
)
def test_a_reason_is_named_once_for_all_that_share_it(results, or_later, said):
    stayed = TriggerReport(code="c", portal="https://example.com", results=results)

    message = decide(stayed, on_unmoved="fail", expected={"PREPARATION"}, or_later=or_later, checkpoint=True).message

    assert message.partition("after trigger 'c': ")[2] == said


def test_entities_of_several_pipelines_are_told_apart_also_at_stages_of_one_name():
    results = [late(1, "NEW", "aside", before="OLD"), late(1, "NEW", "aside", before="OLD", type_name="LEAD")]
    apart = TriggerReport(code="c", portal="https://example.com", results=results)

    message = decide(apart, on_unmoved="fail", expected={"C5:{WON}"}, checkpoint=True).message

    assert (
        "DEAL_1 went from OLD to NEW; C5:{WON} is a stage of DEAL pipeline 5, not of DEAL pipeline 0; "
        "LEAD_1 went from OLD to NEW; C5:{WON} is a stage of DEAL pipeline 5, not of LEAD. No retry follows"
    ) in message


def test_a_retry_follows_where_one_entity_is_in_the_pipeline_of_the_stage():
    results = [late(1, "NEW", "before"), late(2, "C5:NEW", "aside")]
    mixed = TriggerReport(code="c", portal="https://example.com", results=results)
    aside = TriggerReport(code="c", portal="https://example.com", results=results[1:])

    assert decide(mixed, on_unmoved="fail", expected={"PREPARATION"}, checkpoint=True).end == "retry"
    assert decide(aside, on_unmoved="fail", expected={"PREPARATION"}, checkpoint=True).end == "fail"
    assert decide(aside, on_unmoved="warn", expected={"PREPARATION"}, checkpoint=True).end == "succeed"


def test_the_message_says_that_an_entity_came_back():
    back = TargetResult(target="DEAL_1", outcome="elsewhere", stage_before="NEW", stage_after="NEW")
    moved = TriggerReport(code="c", portal="https://example.com", results=[back])

    assert "DEAL_1 moved and is back at NEW." in decide(moved, on_unmoved="fail", expected={"WON"}).message


@pytest.mark.parametrize(
    ("end", "kind"),
    [("skip", AirflowSkipException), ("retry", TargetsFailedError), ("fail", AirflowFailException)],
)
def test_each_verdict_raises_its_exception(end, kind):
    with pytest.raises(kind, match="because"):
        Verdict(end, "because").raise_for_airflow(report())


def test_success_raises_nothing():
    Verdict("succeed").raise_for_airflow(report())


def test_a_failure_that_may_be_retried_carries_its_report():
    ours = report(BUSY)
    with pytest.raises(AirflowException) as caught:
        Verdict("retry", "x").raise_for_airflow(ours)

    assert caught.value.report is ours


def api_error(kind):
    return kind(code="X", description="", method="m", status=400)


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigurationError("x"),
        api_error(errors.AuthenticationError),
        api_error(errors.PermissionDeniedError),
        api_error(errors.InvalidRequestError),
        api_error(errors.NotFoundError),
        api_error(errors.PortalUnavailableError),
        errors.ConnectFailed("certificate", permanent=True),
    ],
)
def test_permanent_errors_become_airflows(error):
    with pytest.raises(AirflowFailException) as caught, permanent_errors_fail_at_once():
        raise error

    assert caught.value.__suppress_context__, "the log shows one sentence, not two tracebacks"
    assert str(caught.value) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectFailed("refused"),
        errors.OutcomeUnknown("reset"),
        api_error(errors.RateLimitError),
        api_error(errors.OperatingLimitError),
        api_error(errors.ServerError),
        errors.ProtocolError("html", status=502),
        ValueError("not ours"),
    ],
)
def test_other_errors_pass_through(error):
    with pytest.raises(type(error)) as caught, permanent_errors_fail_at_once():
        raise error

    assert caught.value is error


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "DEAL_0: It does not exist, or the webhook's user may not read it."),
        (2, "DEAL_0, DEAL_1: They do not exist, or the webhook's user may not read them."),
    ],
)
def test_several_targets_that_are_missing_for_the_same_reason_share_one_sentence(count, sentence):
    missing = TargetError("NOT_FOUND", MISSING, "no")
    assert decide(report(*[missing] * count), on_unmoved="warn", expected=()).message.endswith(f"failed: {sentence}")
