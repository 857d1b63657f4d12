"""How long a portal is expected to work on a request that does not fire: as long as on the last of its kind. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.limits.operating import BATCH, BATCH_SHARE, in_batch
from airflow_provider_bitrix24.client.protocol.batch import FIRST_COMMANDS

if TYPE_CHECKING:
    from collections.abc import Sequence

LONGEST_REQUEST = 60.0
"""Seconds after which a portal ends a request."""
UNKNOWN = LONGEST_REQUEST / FIRST_COMMANDS
"""Seconds that a command of unknown cost is expected to take: a first batch of them can take all it may."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the portal is asked to do in one request.

    :param method: the method that is called.
    :param inside: the methods of a batch's commands.
    """

    method: str
    inside: Sequence[str] = ()

    def accounts(self, seconds: float, *, bills_batches: bool) -> dict[str, float]:
        """So many seconds of this work, by account."""
        if not self.inside:
            return {self.method: seconds}
        counts = Counter(map(in_batch, self.inside))
        shares = {account: seconds * count / len(self.inside) for account, count in counts.items()}
        return shares | ({BATCH: BATCH_SHARE * seconds} if bills_batches else {})


@dataclass(slots=True)
class WorkEstimate:
    """What commands have cost lately: the larger of the last two measurements, by account."""

    _costs: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def note(self, work: Work, seconds: float) -> None:
        """Record how long a request took, which is an upper bound of the portal's work."""
        each = seconds / max(1, len(work.inside))
        for account in self._of_commands(work):
            self._costs[account] = (*self._costs.get(account, ())[-1:], each)

    def seconds(self, work: Work) -> float:
        """What a request is expected to take."""
        counts = self._of_commands(work)
        expected = sum(count * max(self._costs.get(account, (UNKNOWN,))) for account, count in counts.items())
        return min(LONGEST_REQUEST, expected)

    @staticmethod
    def _of_commands(work: Work) -> Counter[str]:
        return Counter(map(in_batch, work.inside)) if work.inside else Counter([work.method])
