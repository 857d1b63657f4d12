"""The retry policy: what it decides, and what Airflow's own task runner makes of it."""

from __future__ import annotations

import sys
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec

import pytest

from airflow_provider_bitrix24.client.errors import (
    AuthenticationError,
    BatchError,
    ConfigurationError,
    ConnectFailed,
    NotFoundError,
    OperatingLimitError,
    OutcomeUnknown,
    PortalUnavailableError,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from airflow_provider_bitrix24.client.protocol.batch import BatchReply
from airflow_provider_bitrix24.client.report import TargetError, TargetResult, TriggerReport
from airflow_provider_bitrix24.compat import BaseOperator
from airflow_provider_bitrix24.exceptions import TargetsFailedError
from airflow_provider_bitrix24.hooks.bitrix24 import Bitrix24Hook
from airflow_provider_bitrix24.retry_policy import DEFAULT_RESET, SPREAD, Bitrix24RetryPolicy

HAS_POLICIES = find_spec("airflow.sdk") is not None and find_spec("airflow.sdk.definitions.retry_policy") is not None
needs_policies = pytest.mark.skipif(not HAS_POLICIES, reason="retry policies came with Airflow 3.3")


def refused(kind, **more):
    return kind(code="X", description="no", method="crm.item.list", status=400, **more)


def operating_limit(reset_in=None):
    error = refused(OperatingLimitError)
    error.reset_in = reset_in
    return error


def targets_failed(*errors, unmoved=0):
    results = [
        TargetResult(target=f"DEAL_{number}", outcome="failed", error=TargetError.from_error(error))
        for number, error in enumerate(errors, 1)
    ]
    results += [
        TargetResult(target=f"LEAD_{number}", outcome="unmoved", stage_before="NEW", stage_after="NEW")
        for number in range(1, unmoved + 1)
    ]
    return TargetsFailedError("no", TriggerReport(code="c", portal="p", results=results))


@pytest.fixture
def decide():
    """Decide after the first try, or after a later one."""

    def evaluate(exception, try_number=1, **policy):
        return Bitrix24RetryPolicy(**policy).evaluate(exception, try_number, 5, None)

    return evaluate


@needs_policies
@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("plan is 'x'."),
        refused(AuthenticationError),
        refused(NotFoundError),
        refused(PortalUnavailableError),
        ConnectFailed("bad certificate", permanent=True),
        ProtocolError("redirect", status=302, executed="no"),
        BatchError(results={}, errors={"a": refused(NotFoundError)}),
    ],
)
def test_permanent_errors_fail_at_once(decide, error):
    decision = decide(error)

    assert decision.action.value == "fail"
    assert str(error) in decision.reason


@needs_policies
@pytest.mark.parametrize(
    "error",
    [
        ConnectFailed("refused"),
        OutcomeUnknown("reset"),
        refused(ServerError),
        ProtocolError("html", status=502),
        BatchError(results={"a": 1}, errors={"b": refused(NotFoundError), "c": refused(ServerError)}),
        targets_failed(refused(NotFoundError), unmoved=1),
        targets_failed(unmoved=2),
        ValueError("the task's own"),
        KeyboardInterrupt(),
    ],
)
def test_other_errors_are_retried_after_the_tasks_own_delay(decide, error):
    decision = decide(error)

    assert decision.action.value == "default"
    assert decision.retry_delay is None


@needs_policies
@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (operating_limit(125.0), 126.0),
        (operating_limit(), DEFAULT_RESET),
        (BatchError(results={}, errors={"a": operating_limit(5.0), "b": operating_limit(90.0)}), 91.0),
        (targets_failed(operating_limit(125.0)), DEFAULT_RESET),
    ],
)
def test_at_the_operating_limit_the_retry_comes_after_the_reset(decide, error, seconds):
    delays = {decide(error, try_number).retry_delay.total_seconds() for try_number in range(1, 20)}

    assert all(seconds <= delay <= seconds + SPREAD for delay in delays)
    assert len(delays) > 1  # tasks that were refused together do not come back together
    assert decide(error).action.value == "retry"
    assert "operating limit" in decide(error).reason


@needs_policies
@pytest.mark.parametrize("error", [refused(RateLimitError), targets_failed(refused(RateLimitError))])
@pytest.mark.parametrize(("try_number", "longest"), [(1, 30), (2, 60), (3, 120), (5, 480), (6, 600), (5000, 600)])
def test_at_the_request_limit_the_delay_grows_up_to_a_maximum(decide, error, try_number, longest):
    for _ in range(20):
        decision = decide(error, try_number)

        assert decision.action.value == "retry"
        assert longest / 2 <= decision.retry_delay.total_seconds() <= longest
        assert "takes no more requests" in decision.reason


@needs_policies
def test_the_delays_can_be_set(decide):
    decision = decide(refused(RateLimitError), 9, first_delay=2, longest_delay=8)

    assert 4 <= decision.retry_delay.total_seconds() <= 8


@needs_policies
@pytest.mark.parametrize(
    "delays",
    [
        {"first_delay": 0},
        {"first_delay": 601},
        {"longest_delay": -1},
        {"first_delay": "30"},
        {"first_delay": True},
        {"longest_delay": None},
        {"longest_delay": float("inf")},
    ],
)
def test_wrong_delays_are_refused(delays):
    with pytest.raises(ConfigurationError, match="first_delay is"):
        Bitrix24RetryPolicy(**delays)


@needs_policies
def test_it_survives_serialization():
    policy = Bitrix24RetryPolicy(first_delay=1, longest_delay=2)

    assert vars(Bitrix24RetryPolicy.deserialize(policy.serialize())) == vars(policy)


def test_before_airflow_3_3_it_can_be_imported_but_not_created(monkeypatch):
    monkeypatch.setitem(sys.modules, "airflow.sdk.definitions.retry_policy", None)
    monkeypatch.delitem(sys.modules, "airflow_provider_bitrix24.retry_policy")
    monkeypatch.setattr("airflow_provider_bitrix24.retry_policy", None)  # put back afterwards
    module = import_module("airflow_provider_bitrix24.retry_policy")

    with pytest.raises(ConfigurationError, match=r"needs Airflow 3\.3") as caught:
        module.Bitrix24RetryPolicy()

    assert "Leave retry_policy out" in caught.value.hint


# -- run by Airflow


class Call(BaseOperator):
    """A task that calls a method."""

    def __init__(self, *, method, params=None, **kwargs):
        super().__init__(**kwargs)
        self.method = method
        self.params_of_method = params

    def execute(self, context):  # noqa: ARG002 - Airflow's
        with Bitrix24Hook() as hook:
            return hook.call(self.method, self.params_of_method)


@pytest.fixture
def call(run_task):
    """Run a task that calls a method, with retries and the policy."""

    def run(method, params=None, **arguments):
        retries = {"retries": 5, "retry_delay": timedelta(hours=1), "retry_policy": Bitrix24RetryPolicy()}
        return run_task(lambda: Call(task_id="call", method=method, params=params, **retries | arguments))

    return run


@needs_policies
def test_a_task_with_a_permanent_error_fails_despite_its_retries(portal, call):
    ran = call("no.such.method")

    assert ran.state == "failed"
    assert portal.requests.total == 1


@needs_policies
def test_a_task_whose_portal_fails_is_retried_after_airflows_delay(portal, call):
    portal.faults.script(["error:500"], repeat=True)

    ran = call("profile")

    assert ran.state == "up_for_retry"
    assert ran.end.retry_delay_seconds is None


@needs_policies
def test_a_task_at_the_request_limit_is_retried_after_a_delay(portal, call):
    portal.limits.capacity = 0

    ran = call("profile")

    assert ran.state == "up_for_retry"
    assert 15 <= ran.end.retry_delay_seconds <= 30


@needs_policies
def test_a_task_at_the_operating_limit_is_retried_at_the_reset(portal, call):
    portal.portal.operating.seconds = -1

    ran = call("profile")

    assert ran.state == "up_for_retry"
    assert ran.end.retry_delay_seconds > 0
    assert "operating limit" in ran.end.retry_reason


@needs_policies
def test_a_task_without_retries_fails(portal, call):
    portal.portal.operating.seconds = -1

    assert call("profile", retries=0).state == "failed"


@needs_policies
def test_a_dag_with_it_can_be_serialized():
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    with DAG("of_a_test", schedule=None) as dag:
        Call(task_id="call", method="profile", retry_policy=Bitrix24RetryPolicy())

    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))

    assert stored.get_task("call").has_retry_policy is True


def test_a_batch_reply_raises_an_error_that_the_policy_knows():
    reply = BatchReply(results={}, errors={"a": refused(NotFoundError)})

    with pytest.raises(BatchError):
        reply.raise_for_errors()
