"""With native rendering, what is a text stays a text."""

from __future__ import annotations

import pytest

from airflow_provider_bitrix24.decorators.automation import bitrix24_trigger_task
from airflow_provider_bitrix24.notifications.automation import TriggerAutomationNotifier
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor
from tests.support.quiet_task import Quiet


def native(make):
    """Make an operator in a DAG that renders templates as native objects."""

    def made():
        operator = make()
        operator.get_dag().render_template_as_native_obj = True
        return operator

    return made


@pytest.mark.parametrize(
    ("code", "params", "sent"),
    [
        ("12345", {}, "12345"),
        ("{{ params.code }}", {"code": "1_000"}, "1_000"),
        ("{{ params.code }}", {"code": "12e45"}, "12e45"),
        ("{{ params.code }}", {"code": "007"}, "007"),
        ("{{ params.code }}", {"code": 12345}, "12345"),
        ("1{{ params.code }}", {"code": "_0"}, "1_0"),
        ("{{ params.code }}", {"code": "[1]"}, "[1]"),
        ("True", {}, "True"),
        ("None", {}, "None"),
        ("{% set x %}1_0{% endset %}{{ params.code }}", {"code": "c5u4m"}, "c5u4m"),
    ],
)
def test_a_code_that_looks_like_a_literal_stays_a_text(portal, run_task, code, params, sent):
    portal.portal.add_trigger("PREPARATION", code=sent)

    ran = run_task(
        native(lambda: TriggerAutomationOperator(task_id="move", target="DEAL_57", code=code, params=params))
    )

    assert ran.report["code"] == sent
    assert ran.report["moved"] == 1


@pytest.mark.parametrize(
    ("stage", "params", "rendered"),
    [
        (["PREPARATION", "2"], {}, ["PREPARATION", "2"]),
        (["{{ params.stage }}", "1_0"], {"stage": "PREPARATION"}, ["PREPARATION", "1_0"]),
        ("{{ params.stages }}", {"stages": ["PREPARATION", "2"]}, ["PREPARATION", "2"]),
        ("{{ params.stages }}", {"stages": "['PREPARATION', '2']"}, ["PREPARATION", "2"]),
        ("{{ ['PREPARATION', 2] }}", {}, ["PREPARATION", "2"]),
        ("{{ params.stage }}", {"stage": "12e45"}, "12e45"),
        ("{{ params.stage }}", {"stage": "[PREPARATION"}, "[PREPARATION"),
    ],
)
def test_stages_stay_texts_and_lists_of_them_stay_lists(portal, run_task, stage, params, rendered):
    def make():
        return StageSensor(task_id="wait", target="{{ ['DEAL_57'] }}", expected_stage=stage, params=params)

    portal.portal.move("DEAL_57", "PREPARATION")

    ran = run_task(native(make))
    assert ran.rendered["expected_stage"] == rendered
    assert ran.rendered["target"] == ["DEAL_57"]


@pytest.mark.parametrize(
    ("given", "params", "rendered"),
    [
        ({"title": "{{ params.title }}"}, {"title": "007"}, {"title": "007"}),
        ({"title": "{{ params.title }}"}, {"title": "[1]"}, {"title": "[1]"}),
        ({"@title": ["{{ params.title }}", "1_0"]}, {"title": "12e45"}, {"@title": ["12e45", "1_0"]}),
        ({">=opportunity": "{{ params.least }}"}, {"least": 500000000}, {">=opportunity": 500000000}),
        ("{{ params.filter }}", {"filter": {"title": "007"}}, {"title": "007"}),
        ("{{ params.filter }}", {"filter": "{'title': '007'}"}, {"title": "007"}),
    ],
)
def test_texts_in_a_filter_stay_texts(portal, run_task, given, params, rendered):
    ran = run_task(
        native(lambda: FindEntitiesOperator(task_id="find", entity_type="DEAL", filter=given, params=params))
    )

    assert ran.rendered["filter"] == rendered
    assert ran.xcoms.get("return_value", ran.error) == []


def test_targets_are_still_rendered_natively_and_other_arguments_as_texts_by_the_notifier(portal, run_task):
    portal.portal.add_trigger("PREPARATION", code="1_000")
    fired = TriggerAutomationNotifier("{{ params.deals }}", "{{ params.code }}", expected_stage="PREPARATION")

    run_task(
        native(
            lambda: Quiet(
                task_id="work", params={"deals": ["DEAL_57", "DEAL_58"], "code": "1_000"}, on_success_callback=fired
            )
        )
    )

    assert portal.fires == {"DEAL_57": 1, "DEAL_58": 1}


def test_texts_stay_texts_in_the_decorator(portal, run_task):
    portal.portal.add_trigger("PREPARATION", code="12e45")

    def task():
        @bitrix24_trigger_task(code="12e45")
        def move():
            return ["DEAL_57"]

        return move().operator

    ran = run_task(native(task))
    assert (ran.report["code"], ran.report["moved"]) == ("12e45", 1)


def test_a_code_that_renders_to_nothing_is_refused_natively_too(portal, run_task):
    ran = run_task(
        native(
            lambda: TriggerAutomationOperator(
                task_id="move", target="DEAL_57", code="{{ params.code }}", params={"code": None}
            )
        )
    )

    assert ran.state == "failed"
    assert "code is None" in str(ran.error)


def test_a_template_of_a_text_that_fails_says_so_as_any_other_does(portal, run_task):
    ran = run_task(native(lambda: TriggerAutomationOperator(task_id="move", target="DEAL_57", code="{{ nothing.x }}")))

    assert ran.state != "success"
    assert portal.fires == {}
