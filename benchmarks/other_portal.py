"""A portal that is not ours to control: deals are taken from a given range, and the truth is read by REST.

A deal moves once, so every run takes deals of its own. Before a run the portal's bucket is left to drain.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field

from benchmarks.simulator import Truth
from scripts.json_http import ask

DEAL = 2
PAGE = 50


@dataclass(slots=True)
class OtherPortal:
    """A portal at an address.

    :param webhook_url: a webhook that may fire and read, as Bitrix24 shows it.
    :param ids: first and last id of the deals that may be moved.
    :param code: code of the automation trigger that moves them.
    :param ca_file: authority to trust, if it is not one of the usual.
    :param drain: seconds after which the bucket is empty (25 for 50 requests at 2 a second).
    """

    webhook_url: str
    ids: tuple[int, int]
    code: str
    ca_file: str | None = None
    drain: float = 26.0
    _next: int = field(init=False)
    _taken: range = field(init=False)
    _before: dict[int, str] = field(init=False, default_factory=dict)
    _started: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._next = self.ids[0]

    def left(self) -> int:
        """Deals that no run has taken yet."""
        return self.ids[1] - self._next + 1

    def fill(self, count: int) -> int:
        """Take deals that nobody has moved yet; returns the first id."""
        if self.left() < count:
            raise RuntimeError(f"{count} deals are needed and {self.left()} are left; give a larger range with --ids")
        self._taken = range(self._next, self._next + count)
        self._next += count
        self._before = self._stages()
        time.sleep(self.drain)
        return self._taken[0]

    def truth(self) -> Truth:
        """Who has moved since, and who more than once, from the stages and their history."""
        time.sleep(self.drain)
        after = self._stages()
        moved = sum(after.get(number) != stage for number, stage in self._before.items())
        doubled = sum(count > 1 for count in self._moves().values())
        return Truth(once=moved - doubled, doubled=doubled, lost=len(self._taken) - moved, requests=0, refused=None)

    def _stages(self) -> dict[int, str]:
        found = {}
        for window in _chunks(self._taken, PAGE * PAGE):
            cmd = {}
            for index, page in enumerate(_chunks(window, PAGE)):
                ids = "&".join(f"filter[@id][{n}]={number}" for n, number in enumerate(page))
                cmd[f"c{index}"] = f"crm.item.list?entityTypeId={DEAL}&select[0]=id&select[1]=stageId&start=-1&{ids}"
            for answer in _values(self._call("batch", {"halt": 0, "cmd": cmd})["result"]):
                found.update({int(item["id"]): item["stageId"] for item in answer["items"]})
        return found

    def _moves(self) -> dict[int, int]:
        """Stage changes of each deal, its creation not counted."""
        counts: dict[int, int] = {}
        for window in _chunks(self._taken, PAGE * PAGE // 2):
            cmd = {}
            for index, page in enumerate(_chunks(window, PAGE // 2)):  # room for two moves each in one page
                ids = "&".join(f"filter[@OWNER_ID][{n}]={number}" for n, number in enumerate(page))
                cmd[f"c{index}"] = f"crm.stagehistory.list?entityTypeId={DEAL}&filter[TYPE_ID]=2&{ids}"
            for answer in _values(self._call("batch", {"halt": 0, "cmd": cmd})["result"]):
                for entry in answer["items"]:
                    owner = int(entry["OWNER_ID"])
                    counts[owner] = counts.get(owner, 0) + 1
        return counts

    def _call(self, method: str, params: dict) -> dict:
        tls = ssl.create_default_context(cafile=self.ca_file) if self.webhook_url.startswith("https") else None
        return ask(f"{self.webhook_url.rstrip('/')}/{method}", params, tls=tls)["result"]


def _chunks(numbers: range, size: int):
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]


def _values(results: dict | list) -> list:
    return list(results.values()) if isinstance(results, dict) else results
