"""Now and then a line in the log about how far a firing is. Pure: decides when, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.firing.expectation import Expectation
from airflow_provider_bitrix24.client.flows.effects import Log
from airflow_provider_bitrix24.client.plain import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.expected import ExpectedStages
    from airflow_provider_bitrix24.client.firing.job import Target
    from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
    from airflow_provider_bitrix24.client.firing.state import FiringState

LOG_EVERY = 30.0
"""Seconds between two lines about the progress."""


@dataclass(slots=True)
class ProgressLog:
    """Times are seconds of the driver's monotonic clock.

    :param state: whose progress it is.
    :param began: when the firing began.
    """

    state: FiringState
    began: float
    _done_before: int = field(init=False)
    _logged_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._done_before = len(self.state.targets) - self.state.remaining
        self._logged_at = self.began

    def line(self, now: float) -> Log | None:
        """The next line, if one is due and something is left to do."""
        if now - self._logged_at < LOG_EVERY or not self.state.remaining:
            return None
        self._logged_at = now
        total, waiting = len(self.state.targets), self.state.remaining
        done = total - waiting
        rate = (done - self._done_before) / (now - self.began)
        left = f", about {waiting / rate:,.0f} s left" if rate > 0 else ""
        return Log(f"{done:,} of {total:,} targets are fired or settled, {rate * 60:,.0f} a minute{left}.")


def already_line(window: Sequence[Target], stages: ExpectedStages | None) -> Log | None:
    """What a reading before the fire has found at the expected stages, as after a retry or a Clear.

    :param window: the targets that were read.
    :param stages: the expected stages.
    """
    already = sum(target.outcome == "already" for target in window)
    if not already or stages is None:
        return None
    left = sum(target.outcome is None for target in window)
    firing = f"firing {left:,}" if left else "nothing to fire"
    return Log(f"{already:,} of {len(window):,} already at {stages.wording}; {firing}.")


def resumed_line(state: FiringState, kept: KeptFiring) -> Log:
    """What earlier tries have left to do, and what they fired otherwise than this one."""
    in_doubt = sum(len(request.targets) for request in state.in_doubt)
    code = "" if kept.code == state.job.code else f" The code was {quoted(kept.code)} then."
    before = kept.expected
    expected = "" if before in (None, Expectation.of(state.job)) else f" expected_stage was {before} then."
    method = "" if kept.method == state.job.method else f" The method was {quoted(kept.method)} then."
    looks = [f"firing {state.unread:,}"] if state.unread else []
    if in_doubt:
        looks.append(f"reading {in_doubt:,} that an earlier try fired before firing any of them again")
    left = ", ".join(looks) or ("nothing to fire" if not state.accepted else f"awaiting {len(state.accepted):,}")
    return Log(f"{state.settled:,} of {len(state.targets):,} are done; {left}.{code}{expected}{method}")
