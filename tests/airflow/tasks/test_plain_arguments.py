"""Arguments as people write them: enumerations, native rendering, blanks, time spans, and what Bitrix24 shows."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from enum import Enum, StrEnum
from importlib.util import find_spec

import pytest

from airflow_provider_bitrix24.client.errors import ConfigurationError
from airflow_provider_bitrix24.compat import template_environment
from airflow_provider_bitrix24.decorators.automation import bitrix24_trigger_task
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.notifications.automation import TriggerAutomationNotifier
from airflow_provider_bitrix24.operators.automation import ExecuteTriggerOperator, TriggerAutomationOperator
from airflow_provider_bitrix24.operators.entities import FindEntitiesOperator, UpdateEntitiesOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor
from airflow_provider_bitrix24.triggers.stage import StageChangeEventTrigger, StageTrigger
from tests.support.quiet_task import Quiet

IS_2 = find_spec("airflow.sdk") is None


class Code(str, Enum):  # noqa: UP042 - a common form, which formats as Code.PREPARE
    PREPARE = "c5u4m"


class Stage(Enum):
    PREPARATION = "PREPARATION"


class Target(StrEnum):
    DEAL = "DEAL_57"


class Conn(str, Enum):  # noqa: UP042
    MAIN = "bitrix24_default"


class Choice(str, Enum):  # noqa: UP042
    FAIL = "fail"
    ALL = "all"


# -- enumerations


def test_members_of_enumerations_are_taken_by_every_argument_of_the_operator(portal, move):
    ran = move(
        target=[Target.DEAL],
        code=Code.PREPARE,
        expected_stage=[Stage.PREPARATION],
        on_unmoved=Choice.FAIL,
        bitrix24_conn_id=Conn.MAIN,
        verify_conn_id=Conn.MAIN,
    )

    assert ran.state == "success"
    assert (ran.report["code"], ran.report["moved"]) == ("c5u4m", 1)
    assert ran.rendered["code"] == "c5u4m"
    assert ran.rendered["expected_stage"] == ["PREPARATION"]
    assert type(ran.report["code"]) is str


def test_a_member_that_is_assigned_later_is_taken_too():
    operator = TriggerAutomationOperator(task_id="move", target="DEAL_57")
    operator.code = Code.PREPARE
    operator.on_unmoved = Choice.FAIL
    assert (operator.code, type(operator.code), operator.on_unmoved) == ("c5u4m", str, "fail")


def test_members_of_enumerations_are_taken_by_the_sensor(portal, run_task):
    portal.portal.move("DEAL_57", "PREPARATION")

    ran = run_task(
        lambda: StageSensor(
            task_id="wait",
            target=Target.DEAL,
            expected_stage=Stage.PREPARATION,
            fail_on=(Stage.PREPARATION,)[1:],
            require=Choice.ALL,
            bitrix24_conn_id=Conn.MAIN,
        )
    )

    assert ran.xcoms["return_value"] == {"DEAL_57": "PREPARATION"}


def test_members_of_enumerations_are_taken_by_the_notifier_and_rendered_as_their_values(portal, run_task):
    fired = TriggerAutomationNotifier(
        [Target.DEAL], Code.PREPARE, expected_stage=Stage.PREPARATION, bitrix24_conn_id=Conn.MAIN
    )

    run_task(lambda: Quiet(task_id="work", on_success_callback=fired))

    assert portal.portal.stage_of("DEAL_57") == "PREPARATION"


def test_members_of_enumerations_are_taken_by_the_decorator_and_from_its_function(portal, run_task):
    def task():
        @bitrix24_trigger_task(code=Code.PREPARE, expected_stage=Stage.PREPARATION)
        def move():
            return [Target.DEAL]

        return move().operator

    assert run_task(task).report["moved"] == 1


def test_members_of_enumerations_are_taken_by_the_hook(portal):
    with Bitrix24Hook(Conn.MAIN, verify_conn_id=Conn.MAIN) as hook:
        report = hook.trigger_automation([Target.DEAL], Code.PREPARE, expected_stage=Stage.PREPARATION)
        assert hook.get_stages(Target.DEAL)["DEAL_57"].stage == "PREPARATION"
    assert (report.moved, report.code, type(report.code)) == (1, "c5u4m", str)


def test_members_of_enumerations_are_taken_by_triggers_which_serialize_their_values():
    class Kind(str, Enum):  # noqa: UP042
        DEAL = "DEAL"

    watch = StageChangeEventTrigger(entity_type=Kind.DEAL, stage=[Stage.PREPARATION], bitrix24_conn_id=Conn.MAIN)
    wait = StageTrigger(
        targets=[Target.DEAL], expected_stage=[Stage.PREPARATION], deadline=5, bitrix24_conn_id=Conn.MAIN
    )

    assert repr(watch.serialize()[1]) == (
        "{'entity_type': 'DEAL', 'stage': ['PREPARATION'], 'category_id': None, "
        "'bitrix24_conn_id': 'bitrix24_default', 'poll_interval': 60}"
    )
    assert repr([wait.serialize()[1][name] for name in ("targets", "expected_stage", "bitrix24_conn_id")]) == (
        "[['DEAL_57'], ['PREPARATION'], 'bitrix24_default']"
    )


def test_members_of_enumerations_are_serialized_with_the_dag_as_their_values():
    operator = TriggerAutomationOperator(task_id="move", target=[Target.DEAL], code=Code.PREPARE)
    assert repr((operator.target, operator.code)) == "(['DEAL_57'], 'c5u4m')"


# -- blanks


@pytest.mark.parametrize("code", [" c5u4m ", "c5u4m\n", "\tc5u4m", "\ufeffc5u4m", "c5u4m\u200b", "{{ 'c5u4m' }} "])
def test_blanks_around_a_code_are_not_sent(portal, move, code):
    assert (move(target="DEAL_57", code=code).report["moved"], portal.portal.stage_of("DEAL_57")) == (1, "PREPARATION")


# -- what Bitrix24 shows

URL = "https://example.bitrix24.com/rest/1/s3cr3ts3cr3t/crm.automation.trigger/?target=DEAL_{{ID}}&code=c5u4m"
MAKERS = {
    "operator": lambda **arguments: TriggerAutomationOperator(task_id="move", **arguments),
    "application": lambda **arguments: ExecuteTriggerOperator(task_id="move", **{"code": "c", **arguments}),
    "sensor": lambda **arguments: StageSensor(task_id="wait", expected_stage="NEW", **arguments),
    "notifier": TriggerAutomationNotifier,
}


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("target", ["DEAL_{{ID}}", ["DEAL_57", "DEAL_{{ ID }}"], "{{ID}}", ("DYNAMIC_177_{{ID}}",)])
def test_the_placeholder_that_bitrix24_shows_is_refused_while_the_dag_is_parsed(kind, target):
    with pytest.raises(ConfigurationError, match=r"in \{\{ID\}\}, Bitrix24 expects the id of the entity"):
        MAKERS[kind](target=target)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("target", [URL, [URL], "/crm/deal/details/57/", "https://example.bitrix24.com/{{ params.x }}"])
def test_a_url_as_target_is_refused_while_the_dag_is_parsed_and_never_repeated(kind, target):
    with pytest.raises(ConfigurationError, match="target is a URL") as caught:
        MAKERS[kind](target=target)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("kind", ["operator", "application", "notifier"])
@pytest.mark.parametrize("code", [URL, "example.bitrix24.com/rest/1/s3cr3ts3cr3t/", "crm.automation.trigger/?code=c"])
def test_a_url_as_code_is_refused_while_the_dag_is_parsed_and_never_repeated(kind, code):
    with pytest.raises(ConfigurationError, match="code is a URL") as caught:
        MAKERS[kind](target="DEAL_57", code=code)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "target",
    [
        "57",
        "Deal-57",
        "DEAL_{{ params['a/b'] }}",
        "DEAL_{{ 10 // 2 }}",
        "DEAL_{{ params.ID }}",
        "{% if params.url %}https://example.bitrix24.com/{% endif %}DEAL_57",
        "{{ ti.xcom_pull('x') }}",
    ],
)
def test_everything_else_is_left_to_the_task(target):
    assert MAKERS["operator"](target=target).target == target


def test_a_macro_of_the_dag_may_be_called_like_the_placeholder():
    try:
        from airflow.sdk import DAG
    except ImportError:
        from airflow import DAG
    with DAG("of_a_test", schedule=None, user_defined_macros={"ID": 57}):
        assert MAKERS["operator"](target="DEAL_{{ID}}").target == "DEAL_{{ID}}"


def test_the_placeholder_that_a_function_returns_fails_the_task_by_a_sentence(portal, run_task):
    def task():
        @bitrix24_trigger_task(code="c5u4m", retries=2)
        def move():
            return ["DEAL_{{ID}}"]

        return move().operator

    ran = run_task(task)
    assert ran.state == "failed"
    assert "Bitrix24 expects the id" in str(ran.error)


# -- time spans


def test_a_timedelta_is_taken_for_seconds_everywhere():
    minute = timedelta(minutes=1)
    operator = TriggerAutomationOperator(
        task_id="move", target="DEAL_57", expected_stage="NEW", wait_timeout=5 * minute, poke_interval=minute
    )
    assert (operator.wait_timeout, operator.poke_interval) == (300, 60)
    assert StageSensor(task_id="wait", target="DEAL_57", expected_stage="NEW", poke_interval=minute).poke_interval == 60
    watch = StageChangeEventTrigger(entity_type="DEAL", poll_interval=minute)
    wait = StageTrigger(targets=["DEAL_57"], expected_stage=["NEW"], deadline=5, poke_interval=minute)
    assert watch.serialize()[1]["poll_interval"] == wait.serialize()[1]["poke_interval"] == 60


@pytest.mark.parametrize("arguments", [{"wait_timeout": timedelta(-1)}, {"poke_interval": timedelta(0)}])
def test_a_timedelta_out_of_range_is_refused_while_the_dag_is_parsed(arguments):
    with pytest.raises(ConfigurationError, match="seconds"):
        TriggerAutomationOperator(task_id="move", target="DEAL_57", expected_stage="NEW", **arguments)


# -- copies


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        (TriggerAutomationOperator, {"target": "DEAL_57", "code": "c5u4m"}),
        (UpdateEntitiesOperator, {"updates": [{"id": 57, "opportunity": 5}], "entity_type": "DEAL"}),
        (FindEntitiesOperator, {"entity_type": "DEAL", "filter": {"stageId": "NEW"}}),
        (StageSensor, {"target": "DEAL_57", "expected_stage": "NEW"}),
    ],
)
def test_an_operator_that_has_run_can_be_copied_and_pickled(portal, run_task, kind, arguments):
    made = []

    def make():
        made.append(kind(task_id="move", **arguments))
        return made[-1]

    assert run_task(make).error is None

    for twin in (copy.deepcopy(made[-1]), pickle.loads(pickle.dumps(made[-1]))):  # noqa: S301 - its own
        assert {name: getattr(twin, name) for name in arguments} == arguments


def test_every_argument_can_be_mapped(portal):
    arguments = {"target": [Target.DEAL], "code": Code.PREPARE, "poke_interval": timedelta(minutes=1)}
    mapped = TriggerAutomationOperator.partial(task_id="move").expand_kwargs([arguments])
    operator = mapped.unmap(arguments)

    assert (operator.code, operator.target, operator.poke_interval) == ("c5u4m", ["DEAL_57"], 60)


def test_arguments_of_a_mapped_task_are_plain_and_texts_stay_texts(portal, run_task):
    """Airflow makes the operator of each map index with the arguments that were shared."""
    mapped = TriggerAutomationOperator.partial(
        task_id="move", code=Code.PREPARE, expected_stage="{{ params.stage }}", poke_interval=timedelta(minutes=1)
    ).expand(target=[[Target.DEAL]])
    operator = mapped.unmap({**mapped.partial_kwargs, "target": [Target.DEAL]} if IS_2 else {"target": [Target.DEAL]})

    assert (operator.code, operator.target, operator.poke_interval) == ("c5u4m", ["DEAL_57"], 60)
    operator._do_render_template_fields(
        parent=operator,
        template_fields=operator.template_fields,
        context={"params": {"stage": "1_0"}},
        jinja_env=template_environment(native=True),
        seen_oids=set(),
    )
    assert operator.expected_stage == "1_0"
