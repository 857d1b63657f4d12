"""The checkpoint: what was sent and settled, in a form that a next try can read. Pure.

It is written ahead: before requests leave it lists their targets as open, with where they stood. A next try
treats what it finds open like any request that got no answer: it looks first. The form is small (a letter
per target, compressed) and holds nothing that can be derived from the arguments.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import OutcomeUnknown
from airflow_provider_bitrix24.client.packing import pack, unpack
from airflow_provider_bitrix24.client.report import Outcome, TargetError
from airflow_provider_bitrix24.client.stages import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.firing.ledger import Ledger, Target
    from airflow_provider_bitrix24.client.flows.effects import Start
    from airflow_provider_bitrix24.client.report import TargetResult
    from airflow_provider_bitrix24.client.targets import EntityRef

FORM = 1
"""Version of the record; another one is not read."""
_LETTERS: dict[Outcome, str] = {"moved": "m", "already": "a", "unmoved": "u", "unverified": "v", "failed": "f"}
_OUTCOMES = {letter: outcome for outcome, letter in _LETTERS.items()}
_WAITING, _ACCEPTED, _LOST = ".", "p", "x"
_DONE = ("m", "a", "v")
"""What a next try leaves alone; it redoes what failed or did not move."""
_NONE, _FIRST, _STAGES = "-", ord("0"), 200
"""A stage is a letter, an index into a table; more than 200 different ones are not told apart."""
CUT_OFF = "An earlier try was cut off after it had sent this."


class Checkpoint:
    """Writes and reads the record of one firing. Targets are numbered in sorted order: a list may be shuffled."""

    def __init__(self, host: str, code: str | None, targets: Sequence[Target], start: Start) -> None:
        self._targets = sorted(targets, key=lambda target: target.ref)
        self._index = {target.ref: index for index, target in enumerate(self._targets)}
        self._start = start
        self._digest = _digest(host, code, self._index)
        self._states = bytearray(_WAITING * len(targets), "ascii")
        self._before = [_NONE] * len(targets)
        self._after = [_NONE] * len(targets)
        self._table: dict[tuple[str | None, int | None], str] = {}
        self._lost: list[Target] = []
        """Nobody could tell what became of them; the next try looks again."""

    def record(self, ledger: Ledger, in_flight: Sequence[Sequence[Target]], now: float) -> dict[str, Any]:
        """Everything that a next try has to know, as JSON.

        :param in_flight: targets of requests that are about to leave.
        """
        for target in ledger.changed:
            self._note(target)
        ledger.changed.clear()
        in_doubt = [(doubt.targets, doubt.sent_at) for doubt in ledger.in_doubt]
        # Each by itself: they were lost with different requests, so that one's move tells nothing about another.
        in_doubt.extend(([target], self._start.now - self._start.wall) for target in self._lost)
        return {
            "form": FORM,
            "digest": self._digest,
            "states": _packed(self._states.decode("ascii")),
            "before": _packed("".join(self._before)),
            "after": _packed("".join(self._after)),
            "stages": [list(key) for key in self._table],
            "open": [self._range(group, sent_at) for group, sent_at in in_doubt + [(each, now) for each in in_flight]],
        }

    def restore(self, kept: Mapping[str, Any], ledger: Ledger) -> int | None:
        """Bring a ledger to where an earlier try left it. The number of targets done, or ``None``: another job's."""
        if kept.get("form") != FORM or kept.get("digest") != self._digest:
            return None
        stages = [Snapshot(stage, category) for stage, category in kept["stages"]]
        states = unpack(kept["states"])
        columns = unpack(kept["before"]), unpack(kept["after"])
        for target, letter, before, after in zip(self._targets, states, *columns, strict=True):
            if letter in (*_DONE, _ACCEPTED, _LOST):
                target.before, target.after = _stage(before, stages), _stage(after, stages)
            _restore(target, letter, ledger)
        for each in kept["open"]:
            self._reopen(each, ledger)
        ledger.changed.extend(target for target in self._targets if target.outcome is not None)
        ledger.changed.extend(ledger.accepted.values())
        ledger.unread = type(ledger.unread)(target for target in ledger.unread if not _taken(target))
        return sum(target.outcome is not None for target in self._targets)

    def _note(self, target: Target) -> None:
        """Write a target's letters."""
        index = self._index[target.ref]
        lost = target.error is not None and target.error.executed == "unknown"
        if lost and target.before is not None:
            self._lost.append(target)
            return
        letter = _ACCEPTED if target.outcome is None else _LOST if lost else _LETTERS[target.outcome]
        self._states[index] = ord(letter)
        self._before[index] = self._letter(target.before)
        self._after[index] = self._letter(target.after)

    def _letter(self, snapshot: Snapshot | None) -> str:
        if snapshot is None:
            return _NONE
        key = (snapshot.stage, snapshot.category_id)
        if key not in self._table and len(self._table) < _STAGES:
            self._table[key] = chr(_FIRST + len(self._table))
        return self._table.get(key, _NONE)

    def _range(self, group: Sequence[Target], sent_at: float) -> dict[str, Any]:
        return {
            "targets": [self._index[target.ref] for target in group],
            "before": [
                None
                if target.before is None
                else [target.before.stage, target.before.category_id, target.before.moved_time]
                for target in group
            ],
            "sent_at": self._start.wall + (sent_at - self._start.now),
        }

    def _reopen(self, entry: Mapping[str, Any], ledger: Ledger) -> None:
        age = max(0.0, self._start.wall - entry["sent_at"])
        targets = [self._targets[index] for index in entry["targets"]]
        for target, before in zip(targets, entry["before"], strict=True):
            target.before = None if before is None else Snapshot(*before)
            target.fires = 1
        ledger.note_in_doubt(targets, OutcomeUnknown(CUT_OFF), self._start.now - age, self._start.now, over=False)


def amended(
    kept: Mapping[str, Any], refs: Iterable[EntityRef], results: Iterable[TargetResult], *, awaited: bool
) -> dict[str, Any]:
    """Return a record with what was learnt after the firing: who arrived while the task waited.

    :param refs: all targets of the firing.
    :param awaited: whether those that have not arrived are waited for, so that a next try looks before it fires.
    """
    index = {str(ref): number for number, ref in enumerate(sorted(refs))}
    states, after = list(unpack(kept["states"])), list(unpack(kept["after"]))
    stages = [list(each) for each in kept["stages"]]
    letters = {"moved": _LETTERS["moved"], "unmoved": _ACCEPTED if awaited else _LETTERS["unmoved"]}
    for result in results:
        number = index[result.target]
        if result.outcome not in letters or states[number] not in (_LETTERS["unmoved"], _ACCEPTED):
            continue
        states[number] = letters[result.outcome]
        if result.outcome == "moved":
            stage = [result.stage_after, None]
            if stage not in stages and len(stages) < _STAGES:
                stages.append(stage)
            after[number] = chr(_FIRST + stages.index(stage)) if stage in stages else _NONE
    return {**kept, "states": _packed("".join(states)), "after": _packed("".join(after)), "stages": stages}


def _restore(target: Target, letter: str, ledger: Ledger) -> None:
    if letter in _DONE:
        target.settle(_OUTCOMES[letter])
    elif letter == _LOST:
        target.settle("failed", error=TargetError("OutcomeUnknown", CUT_OFF, "unknown"))
    elif letter == _ACCEPTED:
        target.fires = 1
        ledger.accepted[target.ref] = target
    ledger.resumed = ledger.resumed or letter in ("m", "v", _LOST, _ACCEPTED)


def _taken(target: Target) -> bool:
    return target.outcome is not None or target.fires > 0


def _stage(letter: str, stages: Sequence[Snapshot]) -> Snapshot | None:
    return None if letter == _NONE else stages[ord(letter) - _FIRST]


def _digest(host: str, code: str | None, refs: Mapping[EntityRef, int]) -> str:
    hashed = hashlib.sha256(f"{host}\n{code!r}\n".encode())
    for ref in refs:
        hashed.update(f"{ref}\n".encode())
    return hashed.hexdigest()


def _packed(text: str) -> str:
    return pack(text, level=1)  # written before every request
