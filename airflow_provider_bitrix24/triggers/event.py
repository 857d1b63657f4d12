"""The event that an Airflow trigger sends to the task it resumes: written and read here, so that both agree. Pure.

Reading fails closed: a task must not succeed if its event is missing or unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from airflow_provider_bitrix24._tasks.waiting import Require, StageCheck
from airflow_provider_bitrix24.client import values
from airflow_provider_bitrix24.exceptions import LostEventError

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_bitrix24._tasks.waiting import StageWait

__all__ = ["Status", "WaitEvent"]

Status = Literal["arrived", "timeout", "failed", "error"]
"""``arrived``: the wait succeeded. ``timeout``: it ended without some of the entities: time is up or, as ``message``
says, none of them can arrive any more. ``failed``: there is no point in waiting any longer.
``error``: the stages could not be read, as ``message`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvent:
    """How a wait ended, and where the entities stand.

    :param status: see :data:`Status`.
    :param check: where the entities stand.
    :param message: what a person should know, except where time is up; never a secret.
    :param permanent: for ``error``, whether a retry cannot help.
    """

    status: Status
    check: StageCheck
    message: str = ""
    permanent: bool = False

    @classmethod
    def of(cls, wait: StageWait) -> Self:
        """How a wait has ended that read the stages to its end."""
        if wait.done and wait.require == "each" and wait.check.final:
            return cls(status="timeout", check=wait.check, message=wait.at_final_stages)
        status: Status = "failed" if wait.failure else "arrived" if wait.done else "timeout"
        return cls(status=status, check=wait.check, message=wait.failure or "")

    def as_payload(self) -> dict[str, Any]:
        """Return the event as JSON."""
        return {
            "status": self.status,
            "arrived": self.check.arrived,
            "waiting": self.check.waiting,
            "missing": list(self.check.missing),
            "message": self.message,
            "permanent": self.permanent,
        }

    @classmethod
    def read(cls, payload: object, *, targets: Collection[str], require: Require) -> Self:
        """Read what :meth:`as_payload` wrote, in the task that waited for these targets.

        :raises LostEventError: the event is missing, has another form, or does not fit the targets.
        """
        if payload is None:
            raise LostEventError(
                "The task was woken without an event: it got lost between triggerer and worker, or somebody else "
                "woke the task. Which entities have arrived is not known."
            )
        event = cls._parse(payload)
        if event is None:
            raise LostEventError(
                "The task was woken by an event of unknown form. Triggerer and worker may have different versions "
                "of airflow-provider-bitrix24. Which entities have arrived is not known."
            )
        check = event.check
        unknown = {*check.arrived, *check.waiting, *check.missing}.difference(targets)
        if unknown or (event.status == "arrived" and not _complete(check, targets, require)):
            raise LostEventError(
                "The task was woken by an event that does not fit its targets; perhaps a template renders "
                "differently now. Which entities have arrived is not known."
            )
        return event

    @classmethod
    def _parse(cls, payload: object) -> Self | None:
        if not isinstance(payload, Mapping) or payload.get("status") not in get_args(Status):
            return None
        arrived, waiting, missing = (payload.get(name) for name in ("arrived", "waiting", "missing"))
        message, permanent = payload.get("message"), payload.get("permanent")
        if not isinstance(arrived, Mapping) or not isinstance(waiting, Mapping) or not isinstance(missing, list):
            return None
        if not isinstance(message, str) or not isinstance(permanent, bool):
            return None
        if not all(isinstance(each, str) for each in (*arrived, *waiting, *missing)):
            return None
        stages = (*arrived.values(), *waiting.values())
        if not all(each is None or (isinstance(each, str) and values.text(each) is not None) for each in stages):
            return None
        return cls(
            status=payload["status"],
            check=StageCheck(dict(arrived), dict(waiting), tuple(missing)),
            message=values.message(message),
            permanent=permanent,
        )


def _complete(check: StageCheck, targets: Collection[str], require: Require) -> bool:
    if require == "any":
        return bool(check.arrived)
    given_up = check.missing if require == "each" else ()
    return {*check.arrived, *given_up} == set(targets)
