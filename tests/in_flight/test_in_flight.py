"""What an earlier version has left in flight over an upgrade, taken up by this one.

Workers and triggerers are upgraded while tasks are half done. What they left then lies in Airflow's database and is
read by the next version: waits on the triggerer (class path and arguments), the place that an asset's watcher has
reached, the XComs and the event of a deferred task, the checkpoint of a firing that was cut off, and the targets that
a decorated function returned. ``recorded/`` holds what version 0.1.0 wrote, beside what 0.1.0 itself made of it.

Tasks are taken up as Airflow does it: by the method that the record names, with a context that holds the task's XComs
and its state. The portal is the simulator at the moment of the cut. Since the checkpoint knows the portal by its host,
it keeps its recorded name, and the simulator serves as the proxy that leads there.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import aclosing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_bitrix24._tasks.deferred_report import load_report
from airflow_provider_bitrix24.compat import AirflowFailException, TaskDeferred
from airflow_provider_bitrix24.decorators.automation import bitrix24_trigger_task
from airflow_provider_bitrix24.exceptions import TargetsFailedError
from airflow_provider_bitrix24.operators.automation import TriggerAutomationOperator
from airflow_provider_bitrix24.sensors.stage import StageSensor
from airflow_provider_bitrix24.simulator.clock import Clock
from airflow_provider_bitrix24.simulator.testing import SimulatorServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

load_deferred_report: Callable[[object], Any] = load_report
ENDS: dict[type[BaseException], str] = {
    AirflowFailException: "failed",
    TargetsFailedError: "to be retried",
    TaskDeferred: "deferred",
}

RECORDED = Path(__file__).parent / "recorded"
REPORT = "bitrix24_parked_report"


def records(folder: str) -> list[Any]:
    """Return the records of a folder as pytest's parameters."""
    paths = sorted((RECORDED / folder).glob("*.json"))
    assert paths, f"{folder} is a folder of records"
    return [pytest.param(json.loads(path.read_text(encoding="utf-8")), id=f"{folder}-{path.stem}") for path in paths]


def expanded(targets: Iterable[str]) -> list[str]:
    """Return targets one by one: ``DEAL_1..3`` stands for three."""
    found: list[str] = []
    for each in targets:
        several = re.fullmatch(r"(.+_)(\d+)\.\.(\d+)", each)
        if several is None:
            found.append(each)
        else:
            found += [f"{several[1]}{number}" for number in range(int(several[2]), int(several[3]) + 1)]
    return found


@contextmanager
def portal_of(record: dict[str, Any]) -> Iterator[SimulatorServer]:
    """Yield the portal as it was when the record was cut off."""
    at = record["portal"]
    with SimulatorServer(
        plan="enterprise", seed=at["seed"], clock=Clock(virtual=True, start=at["created_at"])
    ) as server:
        server.clock.advance(at["cut_after"])
        for targets, stage in at["moved"]:
            for target in expanded(targets):
                server.portal.move(target, stage)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(f"AIRFLOW_CONN_{record['conn_id'].upper()}", connection(at["host"], server))
            yield server
        assert server.crashes == []


def connection(host: str, server: SimulatorServer) -> str:
    webhook = server.webhook_url.replace(server.url, f"http://{host}")
    # A portal that was set up afterwards executes nothing any more, so that nothing has to settle.
    extra = {"plan": "enterprise", "settle_after": 0, "proxy": server.url}
    return json.dumps({"conn_type": "bitrix24", "password": webhook, "extra": extra})


@pytest.fixture(autouse=True)
def own_pacing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what other tests know of the portal of the same name away."""
    monkeypatch.setenv("AIRFLOW__BITRIX24__SHARED_STORE_DIRECTORY", str(tmp_path))


# -- on the triggerer


class AssetStateStore:
    """Airflow's store of an asset, which gives the place that was kept and expects no other before the next poll."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = kept

    async def aget(self, key: str, default: Any = None) -> Any:
        assert key in self.kept
        return self.kept.get(key, default)

    async def aset(self, key: str, value: Any) -> None:
        pytest.fail(f"It has not gone on at the place that was kept: {key} = {value}")


def made(serialized: list[Any]) -> Any:
    """Make a trigger as the triggerer does."""
    path, arguments = serialized
    module, _, name = path.rpartition(".")
    trigger = getattr(import_module(module), name)(**arguments)
    again, now = trigger.serialize()
    assert again == path, "a task that defers itself now is waited for by a triggerer that is not upgraded yet"
    assert now == now | arguments, "what was recorded is still said"
    return trigger


async def payloads_of(trigger: Any, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with aclosing(trigger.run()) as events:
        async for event in events:
            found.append(event.payload)
            if len(found) == count:
                break
    return found


async def waited(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a recorded wait, whose deadline is over: it looks once."""
    with portal_of(record) as server:
        payloads = await payloads_of(made(record["serialized"]), 1)
        assert server.requests.total == 1
        assert not server.fires
    return payloads


async def watched(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a recorded watcher until it has fired what happened while no triggerer ran."""
    with portal_of(record):
        trigger = made(record["serialized"])
        trigger.asset_state_store = AssetStateStore(record["asset_state_store"])
        return await payloads_of(trigger, record["events"])


def without_wording(payload: dict[str, Any]) -> dict[str, Any]:
    return payload | {"message": bool(payload.get("message"))}


@pytest.mark.parametrize("record", records("stage_trigger"))
async def test_a_wait_goes_on_and_ends_as_it_would_have(record: dict[str, Any]) -> None:
    [payload] = await waited(record)

    assert without_wording(payload) == without_wording(record["expected"])


@pytest.mark.parametrize("record", records("stage_change_trigger"))
async def test_a_watcher_goes_on_at_its_place(record: dict[str, Any]) -> None:
    assert await watched(record) == record["expected"]


# -- in a worker


class TaskInstance:
    """A task instance's XComs."""

    task_id = "of_a_record"
    map_index = -1
    try_number = 2
    max_tries = 1

    def __init__(self, xcoms: dict[str, Any]) -> None:
        self.xcoms = xcoms

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = json.loads(json.dumps(value))

    def xcom_pull(self, *, key: str, task_ids: Any = None, map_indexes: Any = None) -> Any:  # noqa: ARG002 - its own
        return self.xcoms.get(key)


class TaskStateStore:
    """Airflow's state of a task, as far as a task uses it."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = kept

    def get(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self.kept[key] = json.loads(json.dumps(value))

    def delete(self, key: str) -> None:
        self.kept.pop(key, None)


def operator_of(record: dict[str, Any]) -> Any:
    """Return the record's task, with the arguments that its DAG file gives."""
    arguments = {"task_id": TaskInstance.task_id, "bitrix24_conn_id": record["conn_id"], **record["arguments"]}
    if record["task"] == "sensor":
        return StageSensor(target=expanded(record["targets"]), **arguments)
    if record["task"] == "decorated":
        return bitrix24_trigger_task(**arguments)(asked_again)().operator
    return TriggerAutomationOperator(target=expanded(record["targets"]), **arguments)


def asked_again() -> list[str]:
    pytest.fail("The function is asked again, and may return others by now.")


def taken_up(record: dict[str, Any]) -> dict[str, Any]:
    """Take up a recorded task. What came of it, in the words of a record's ``expected``."""
    ti = TaskInstance(record["xcoms"])
    store = TaskStateStore(record["task_state_store"])
    context = {"ti": ti, "task_state_store": store}
    method = record["next_method"]
    with portal_of(record) as server:
        operator = operator_of(record)
        try:
            returned = getattr(operator, method)(context, record["event"]) if method else operator.execute(context)
            end = "success"
        except tuple(ENDS) as error:
            returned, end = None, ENDS[type(error)]
        fires = Counter(server.fires)
        requests = server.requests.total
    report = returned or ti.xcoms.get("report", {})
    counts = {name: count for name, count in report.items() if isinstance(count, int)}
    # Version 0.1.0 called both unmoved: what stood where it was, and what moved elsewhere than expected.
    counts |= {"unmoved": counts["unmoved"] + counts.pop("elsewhere")} if "elsewhere" in counts else {}
    return {
        "end": end,
        "counts": counts,
        "results": {
            each["target"]: [
                "unmoved" if each["outcome"] == "elsewhere" else each["outcome"],
                each["stage_before"],
                each["stage_after"],
            ]
            for each in report.get("results", ())
        },
        "stages": report if record["task"] == "sensor" else {},
        "fires": fires,
        "requests": requests,
    }


@pytest.mark.parametrize("record", [*records("checkpoint"), *records("deferred_task"), *records("decorated_task")])
def test_a_task_goes_on_where_it_was_and_fires_nothing_twice(record: dict[str, Any]) -> None:
    expected = record["expected"]
    seen = taken_up(record)

    assert seen["end"] == expected["end"]
    assert seen["counts"] == expected["counts"]
    assert seen["results"] == {
        target: [outcome, before, after]
        for targets, outcome, before, after in expected["results"]
        for target in expanded(targets)
    }
    assert seen["stages"] == expected["stages"]
    assert seen["fires"] == Counter(expanded(expected["fired"]))
    have_moved = {target for targets, _ in record["portal"]["moved"] for target in expanded(targets)}
    assert not have_moved & set(seen["fires"])
    assert seen["requests"] <= expected["requests"]


@pytest.mark.parametrize("record", [each for each in records("deferred_task") if REPORT in each.values[0]["xcoms"]])
def test_a_deferred_report_is_read_whole(record: dict[str, Any]) -> None:
    report = load_deferred_report(record["xcoms"][REPORT])

    code, portal, rows = record["report"]
    assert (report.code, report.portal) == (code, portal)
    found = [
        [
            each.target,
            each.outcome,
            each.stage_before,
            each.stage_after,
            each.error and [each.error.code, each.error.message, each.error.executed, each.error.permanent],
            each.reason,
        ]
        for each in report.results
    ]
    assert found == rows
