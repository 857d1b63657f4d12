"""What is known of each stay of a task in a worker, for the checker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class StayRecord:
    """What is known of one stay in a worker, for the checker."""

    number: int
    try_number: int
    epoch: int
    resumed: bool
    targets: tuple[str, ...]
    began_at: float
    requests_from: int
    ended_at: float = 0.0
    requests_to: int = 0
    end: str = ""
    """State that Airflow recorded."""
    error: BaseException | None = None
    returned: Any = None
    """What ``execute`` returned."""
    report: Any = None
    """The report in XCom that was pushed in this stay."""
    reported_at: float = 0.0
    """When the report was made that counts: at the end, unless the stay was cut off before."""
    raised_after: bool = False
    """Whether it was not the package that raised, but something after it."""
    healthy: bool = False
    """Whether nothing went wrong in it: no fault at the portal, no interruption, no failure of Airflow's."""
    struck: list[str] = field(default_factory=list)
    struck_at: str = ""
    """Name of the point where it was struck last."""
    struck_firing: bool = False
    """Whether it was struck while requests that fire were on their way."""
    killed: bool = False
    orphaned: bool = False
    evidence: bool = False
    """Whether Airflow shows that a recorded success was cleared, so that everything is to be done anew."""
    cleared_before: bool = False
    forgot_before: bool = False
    """Whether the store was emptied by Airflow before this stay."""
    store_failed: bool = False
    xcom_failed: bool = False

    @property
    def cannot_report(self) -> bool:
        """Whether it was struck when it pushed its report, or Airflow took none."""
        return self.store_failed or self.xcom_failed or self.struck_at == "xcom_push report"
