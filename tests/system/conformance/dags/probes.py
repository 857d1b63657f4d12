"""Tasks that write down what Airflow gives them, try by try, into ``$AIRFLOW_HOME/probes``."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from probe_triggers import WhenTold

from airflow_provider_bitrix24.compat import (
    AirflowFailException,
    AirflowSkipException,
    BaseOperator,
    BaseSensorOperator,
)
from airflow_provider_bitrix24.links import EntityLink

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(os.environ["AIRFLOW_HOME"]) / "probes"
PATIENCE = 900.0


def note(what: str, context: Any) -> int:
    """Write down what a task sees, and return how many notes there were before."""
    ti = context["ti"]
    path = FOLDER / f"{ti.task_id}.{ti.map_index}.jsonl"
    path.parent.mkdir(exist_ok=True)
    before = len(path.read_text().splitlines()) if path.exists() else 0
    start = getattr(ti, "_ti_context_from_server", None)
    store = context.get("task_state_store")
    seen = {
        "what": what,
        "try_number": ti.try_number,
        "max_tries": ti.max_tries,
        "mine": ti.xcom_pull(task_ids=ti.task_id, key="mine", map_indexes=ti.map_index),
        "left": None if start is None else sorted(getattr(start, "xcom_keys_to_clear", None) or ()),
        "should_retry": getattr(start, "should_retry", None),
        "has_store": store is not None,
        "stored": None if store is None else store.get("notes", None),
    }
    with path.open("a") as file:
        file.write(json.dumps(seen) + "\n")
    ti.xcom_push("mine", before + 1)
    if store is not None:
        store.set("notes", before + 1)
    return before


class Probe(BaseOperator):
    """Does in each call what it is told to.

    :param acts: what, call by call.
    """

    operator_extra_links = (EntityLink(),)

    def __init__(self, *, acts: Sequence[str], part: str = "", **arguments: Any) -> None:
        super().__init__(**arguments)
        self.acts = list(acts)
        self.part = part
        self.act = ""

    def execute(self, context: Any) -> Any:
        """Note, and act."""
        self._context = context
        return self._do(self.acts[note("execute", context)])

    def resume(self, context: Any, event: Any = None) -> Any:  # noqa: ARG002 - Airflow's
        """Note, and act."""
        self._context = context
        return self._do(self.acts[note("resume", context)])

    def post_execute(self, context: Any, result: Any = None) -> None:  # noqa: ARG002 - Airflow's
        """Raise where told to."""
        if self.act == "post_execute":
            raise RuntimeError("post_execute raises.")

    def on_kill(self) -> None:
        """Leave a trace."""
        (FOLDER / f"{self.task_id}.killed").touch()

    def _do(self, act: str) -> Any:
        self.act = act
        match act:
            case "fail":
                raise RuntimeError("The probe fails.")
            case "fail for good":
                raise AirflowFailException("The probe fails.")
            case "skip":
                raise AirflowSkipException("The probe skips.")
            case "exit":
                raise SystemExit(1)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "wait":
                self._wait()
            case "push":
                return object()
            case "defer" | "defer, and the trigger raises":
                self.defer(trigger=WhenTold(raises=act != "defer"), method_name="resume")
        return act

    def _wait(self) -> None:
        (FOLDER / f"{self.task_id}.waits").touch()
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            time.sleep(0.1)
        raise RuntimeError("Nobody has ended the probe.")


class ProbeSensor(BaseSensorOperator):
    """Sees it at the second look."""

    def poke(self, context: Any) -> bool:
        """Note."""
        return note("poke", context) > 0


with DAG("probes", schedule=None, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False):
    AT_ONCE: dict[str, Any] = {"retry_delay": timedelta(0)}
    Probe(task_id="succeeds", acts=["ok"] * 3, retries=1, **AT_ONCE)
    Probe(task_id="fails", acts=["fail", "fail", "fail", "ok"], retries=1, **AT_ONCE)
    Probe(task_id="fails_at_once", acts=["fail", "fail"], retries=0)
    Probe(task_id="marked", acts=["fail", "ok"], retries=0)
    Probe(task_id="fails_for_good", acts=["fail for good"], retries=2, **AT_ONCE)
    Probe(task_id="skips", acts=["skip"], retries=2, **AT_ONCE)
    Probe(task_id="exits", acts=["exit", "ok"], retries=1, **AT_ONCE)
    Probe(task_id="killed", acts=["kill", "ok"], retries=1, **AT_ONCE)
    Probe(task_id="killed_at_last", acts=["kill"], retries=0)
    Probe(task_id="times_out", acts=["wait", "ok"], retries=1, execution_timeout=timedelta(seconds=2), **AT_ONCE)
    Probe(task_id="post_execute", acts=["post_execute", "ok"], retries=1, **AT_ONCE)
    Probe(task_id="post_execute_at_last", acts=["post_execute", "ok"], retries=0)
    Probe(task_id="push", acts=["push", "ok"], retries=1, **AT_ONCE)
    Probe(task_id="defers", acts=["defer", "ok"], retries=0)
    Probe(task_id="fails_resumed", acts=["defer", "fail", "ok"], retries=1, **AT_ONCE)
    Probe(task_id="trigger_raises", acts=["defer, and the trigger raises", "ok"], retries=1, **AT_ONCE)
    ProbeSensor(task_id="reschedules", mode="reschedule", poke_interval=30)
    Probe.partial(task_id="mapped", acts=["ok"] * 2, retries=1).expand(part=["a", "b"])
    Probe(task_id="cleared_running", acts=["wait", "ok"], retries=0)
    Probe(task_id="marked_running", acts=["wait", "ok"], retries=1, **AT_ONCE)

# Paused, so that the scheduler leaves a run by hand alone.
with DAG(
    "probe_by_hand",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    is_paused_upon_creation=True,
):
    Probe(task_id="by_hand", acts=["ok"] * 9, retries=1)
