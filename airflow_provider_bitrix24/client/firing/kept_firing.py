"""A checkpoint in plain values, and whether its parts fit each other. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.firing.parts import STATES
from airflow_provider_bitrix24.client.protocol.wire import TRIGGER

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.firing.expectation import Expectation
    from airflow_provider_bitrix24.client.stages import Snapshot


@dataclass(slots=True, kw_only=True)
class KeptFiring:
    """A checkpoint in plain values. Targets are numbered through all ``lists``, one after the other."""

    host: str
    code: str | None
    lists: list[list[EntityRef]]
    states: str
    """A letter for each target; targets that were added later have none yet."""
    snapshots: dict[int, Snapshot] = field(default_factory=dict)
    """Where targets stood before they were fired."""
    after: dict[int, Snapshot] = field(default_factory=dict)
    """Where targets stood when they were read last."""
    recent: dict[int, Snapshot] = field(default_factory=dict)
    """Those of ``after`` that are in no part of their own yet."""
    snapshot_parts: int = 0
    after_parts: int = 0
    open: list[tuple[list[int], float | None]] = field(default_factory=list)
    """Requests that had no answer yet: their targets, and when they were sent by the portal's clock."""
    last_sent: float | None = None
    """When the last fire left, by the portal's clock, in seconds since the epoch."""
    rewritten: bool = False
    """Whether it was of an older form, so that every part has to be written anew."""
    method: str = TRIGGER
    """The method that fired."""
    expected: Expectation | None = None
    """What it expected, where that was kept."""

    @property
    def refs(self) -> list[EntityRef]:
        """All targets, by their numbers."""
        return list(chain.from_iterable(self.lists))

    @property
    def open_numbers(self) -> list[int]:
        """Numbers of the targets in requests that had no answer yet."""
        return [number for numbers, _ in self.open for number in numbers]

    def check(self) -> None:
        """Refuse a checkpoint whose parts do not fit each other.

        :raises ValueError: they do not.
        """
        refs, sent = self.refs, self.open_numbers
        # Lists that were added after the record was written have no states yet.
        if len(self.states) not in accumulate(map(len, self.lists)) or not set(self.states) <= STATES:
            raise ValueError("parts do not fit")
        for numbers in (self.snapshots, self.after, sent):
            self.check_numbers(numbers)
        # A target that is listed twice would be fired twice.
        if len(set(refs)) < len(refs) or len(set(sent)) < len(sent):
            raise ValueError("a target is listed twice")

    def check_numbers(self, numbers: Collection[int]) -> None:
        """Refuse numbers that no target has.

        :raises ValueError: there is one.
        """
        if numbers and not 0 <= min(numbers) <= max(numbers) < sum(map(len, self.lists)):
            raise ValueError("parts do not fit")
