"""What one run of a task fires: the operator's arguments, parsed once and handed on. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_bitrix24.client.stages import check_stage_arguments, parse_stages
from airflow_provider_bitrix24.client.targets import parse_targets
from airflow_provider_bitrix24.client.trigger_code import checked_code

if TYPE_CHECKING:
    from typing import Protocol

    from airflow_provider_bitrix24._tasks.arguments import OnUnmoved
    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.report import TriggerReport

    class Arguments(Protocol):
        """What an operator that fires has as attributes."""

        entity_type: str | None
        expected_stage: Any
        or_later: bool
        fail_on: Any
        verify: bool
        on_unmoved: OnUnmoved | None
        wait_timeout: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringRequest:
    """Which entities a task fires for, and what it expects of them.

    :param refs: the entities, each once.
    :param code: the trigger's code; ``None`` for the connection's default.
    :param expected: ids of the stages that the entities should move to, any of which is accepted; ``None`` for any
        move.
    :param or_later: whether later stages of the same pipeline are accepted, too, unless they are failure stages.
    :param fail_on: ids of stages where a single entity fails the task.
    :param verify: whether the entities are read before and after.
    :param on_unmoved: what an entity means that did not move.
    :param wait_timeout: seconds to wait until all stand at an expected stage; ``None`` does not wait.
    """

    refs: tuple[EntityRef, ...]
    code: str | None
    expected: frozenset[str] | None
    or_later: bool
    fail_on: frozenset[str]
    verify: bool
    on_unmoved: OnUnmoved
    wait_timeout: float | None

    @classmethod
    def parse(
        cls,
        target: object,
        *,
        entity_type: str | None,
        code: str | None,
        expected_stage: object,
        or_later: bool = False,
        fail_on: object = (),
        verify: bool,
        on_unmoved: OnUnmoved | None,
        wait_timeout: float | None,
    ) -> Self:
        """Read an operator's rendered arguments.

        :raises ConfigurationError: the message names the argument.
        """
        refs, checked = tuple(parse_targets(target, entity_type)), checked_code(code)
        expected = parse_stages("expected_stage", expected_stage)
        failing = parse_stages("fail_on", fail_on or None) or frozenset()
        check_stage_arguments(expected, or_later=or_later, fail_on=failing)
        return cls(
            refs=refs,
            code=checked,
            expected=expected,
            or_later=or_later,
            fail_on=failing,
            verify=verify,
            on_unmoved=on_unmoved or ("fail" if expected else "warn"),
            wait_timeout=wait_timeout,
        )

    @classmethod
    def of_task(cls, task: Arguments, target: object, code: str | None) -> Self:
        """Read the arguments of an operator, for these targets.

        :raises ConfigurationError: the message names the argument.
        """
        return cls.parse(
            target,
            entity_type=task.entity_type,
            code=code,
            expected_stage=task.expected_stage,
            or_later=task.or_later,
            fail_on=task.fail_on,
            verify=task.verify,
            on_unmoved=task.on_unmoved,
            wait_timeout=task.wait_timeout,
        )

    @property
    def options(self) -> dict[str, Any]:
        """What the hook's ``trigger_automation`` takes beside targets and code."""
        return {
            "expected_stage": self.expected,
            "or_later": self.or_later,
            "fail_on": self.fail_on,
            "verify": self.verify,
        }

    @property
    def reads(self) -> bool:
        """Whether entities are read before they are fired."""
        return self.verify and any(ref.readable for ref in self.refs)

    @property
    def waits(self) -> bool:
        """Whether entities that have not arrived are waited for."""
        return self.wait_timeout is not None

    @property
    def digest(self) -> str:
        """A text that differs where other stages are expected, so that the same entities can be a success or not."""
        expected = None if self.expected is None else sorted(self.expected)
        written = json.dumps([expected, self.or_later, sorted(self.fail_on)])
        return hashlib.sha256(written.encode()).hexdigest()[:16]

    def has_reached_fail_on(self, report: TriggerReport) -> bool:
        """Whether an entity stands where a single one fails the task."""
        return any(result.stage_after in self.fail_on for result in report.results)

    @property
    def repeatable(self) -> bool:
        """Whether a retry skips entities that are already at an expected stage; without one it cannot tell."""
        return bool(self.expected)
