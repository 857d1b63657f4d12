"""Updates of many deals, and what tests ask about them."""

from __future__ import annotations

import json


class UpdateCheckpoint:
    """Keeps a checkpoint in memory, and ends the try at a save if it is told to."""

    is_retry = False

    def __init__(self):
        self.parts = {}
        self.saves_left = None

    def load(self, part):
        return json.loads(self.parts[part]) if part in self.parts else None

    def save(self, part, value, *, ahead):
        if self.saves_left == 0:
            raise KeyboardInterrupt
        if self.saves_left is not None and ahead:
            self.saves_left -= 1
        self.parts[part] = json.dumps(value)

    def wait(self, seconds, kind):
        pass


def amounts(count, *, start=1, factor=10):
    return [{"id": number, "opportunity": number * factor} for number in range(start, start + count)]


def update(bench, updates, **more):
    return bench.do("update_entities", updates, **{"entity_type": "DEAL"} | more)


def counts(report):
    return report.updated, report.unchanged, report.failed


def amount(bench, number):
    return bench.portal.find(f"DEAL_{number}").opportunity


def sent(bench):
    """How often each deal was updated, over all requests."""
    texts = [text for each in bench.server.requests for text in each.params.get("cmd", {}).values()]
    return sum(text.startswith("crm.item.update") for text in texts)


def stages(bench, count):
    return [{"id": number, "stageId": "PREPARATION"} for number in range(1, count + 1)]


def moves_of(bench, number):
    return [row.stage_id for row in bench.portal.history.of_owner(2, number)][1:]
