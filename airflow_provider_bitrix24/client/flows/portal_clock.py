"""The time on the portal, as far as its answers tell it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.protocol.wire import Timing

_EPOCH_SECONDS = 1e9, 1e11
"""Between these a number is a moment in seconds since the epoch, and not some other unit or an accident."""


@dataclass(slots=True)
class PortalClock:
    """The portal's clock (seconds since the epoch) at moments of the driver's.

    :param ahead: seconds by which it is ahead of the driver's, at least and at most. Unknown until an answer says
        when the portal began and finished: that was after the request was sent, and before the answer arrived.
    """

    ahead: tuple[float, float] | None = None

    def earliest(self, now: float) -> float | None:
        """It reads at least this at a moment of the driver's."""
        return None if self.ahead is None else now + self.ahead[0]

    def latest(self, now: float) -> float | None:
        """It reads at most this at a moment of the driver's."""
        return None if self.ahead is None else now + self.ahead[1]

    def note(self, timing: Timing, *, sent_at: float, received_at: float) -> None:
        """Learn from an answer how far it is ahead."""
        begun, finished = timing.start if timing.start is not None else timing.finish, timing.finish
        if begun is None or finished is None or not _EPOCH_SECONDS[0] < begun <= finished < _EPOCH_SECONDS[1]:
            return
        self.ahead = finished - received_at, max(begun - sent_at, finished - received_at)
