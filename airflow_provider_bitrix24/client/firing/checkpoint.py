"""The checkpoint of a firing: written ahead of every request, and read by a next try. Pure.

Before requests leave it lists their targets as open. A next try treats what it finds open like any request that got
no answer: it reads first. :mod:`.parts` describes what it consists of, and :mod:`.kept` reads it.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.errors import CheckpointError, OutcomeUnknown
from airflow_provider_bitrix24.client.firing.expectation import Expectation
from airflow_provider_bitrix24.client.firing.kept import read_record
from airflow_provider_bitrix24.client.firing.part_values import (
    UNREADABLE,
    WHAT_TO_DO,
    write_lists,
    write_open,
    write_snapshots,
)
from airflow_provider_bitrix24.client.firing.parts import (
    ACCEPTED,
    FORM,
    LETTERS,
    LOST,
    RECORD,
    TARGETS,
    WAITING,
    after_part,
    snapshot_part,
)
from airflow_provider_bitrix24.client.flows.effects import Flow, Save
from airflow_provider_bitrix24.client.packing import pack
from airflow_provider_bitrix24.client.report import TargetError
from airflow_provider_bitrix24.client.stages import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.entity_ref import EntityRef
    from airflow_provider_bitrix24.client.firing.in_doubt import InDoubtRequest
    from airflow_provider_bitrix24.client.firing.job import Target
    from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
    from airflow_provider_bitrix24.client.firing.ledger import Ledger
    from airflow_provider_bitrix24.client.report import Outcome, TargetResult

_OUTCOMES = {letter: outcome for outcome, letter in LETTERS.items()}
_LEFT_ALONE = (LETTERS["moved"], LETTERS["already"], LETTERS["unverified"])
"""What a next try neither reads nor fires."""
_READ_ONLY = (ACCEPTED, LETTERS["elsewhere"])
"""What a next try reads and never fires again: it is awaited, or it has moved."""
_READ_FIRST = (LOST, LETTERS["unmoved"])
"""What a next try reads, and fires again if it stands where it stood and the fire is over."""
QUICK = 1.0
"""Seconds that writing a record may take without being taken into account."""
MOST_IN_RECORD = 1_000
"""Stages after that the record holds, before they leave it for a part of their own."""
CUT_OFF = "An earlier try was cut off after it had sent this."
DID_NOT_MOVE = "An earlier try fired this without effect; whether it has moved since cannot be read."


class Checkpoint:
    """Writes the parts of one firing's checkpoint, and restores a ledger from them.

    :param host: the portal's host name.
    :param ledger: the firing's state.
    :param portal_time: the latest that the portal's clock may read at a moment of the driver's, if that is known.
    """

    def __init__(self, host: str, ledger: Ledger, portal_time: Callable[[float], float | None]) -> None:
        self._host = host
        self._ledger = ledger
        self._expected = Expectation.of(ledger.job)
        self._portal_time = portal_time
        self._lists: list[list[EntityRef]] = []
        self._numbers: dict[EntityRef, int] = {}
        self._states = bytearray()
        self._after: dict[int, Snapshot] = {}
        self._snapshot_parts = 0
        self._after_parts = 0
        self._last_sent: float | None = None
        self._now = 0.0
        self._slowest = 0.0  # seconds that writing a record took once, beyond which it is quick
        self._targets_saved = False
        self._numbered = False
        self._begun = False  # whether this try or an earlier one has sent something

    # -- writing

    def save_snapshots(self, targets: Iterable[Target]) -> Flow[None]:
        """Keep where targets stand that are about to be fired."""
        self._number_targets()
        snapshots = {
            self._numbers[each.ref]: each.before for each in targets if each.before is not None and each.outcome is None
        }
        if snapshots:
            yield from self._save_snapshots(snapshots)

    def save_ahead(self, requests: Sequence[Sequence[Target]], now: float) -> Flow[float]:
        """Keep which targets are in the requests that leave next, and when. Returns the time afterwards.

        They leave after this was written, so what took longer to write than expected is written again.
        """
        self._begun, self._now = True, now
        yield from self._save_targets()
        while True:
            began = self._now
            self._last_sent = self._portal_time(began + self._slowest)
            yield from self._save_record([(targets, self._last_sent) for targets in requests], ahead=True)
            if self._last_sent is None or self._now - began <= self._slowest + QUICK:
                return self._now
            self._slowest = self._now - began

    def save(self) -> Flow[None]:
        """Keep what is known now. Before anything was sent there is nothing that a next try has to know."""
        if self._begun:
            yield from self._save_targets()
            yield from self._save_record([], ahead=False)

    def _save_targets(self) -> Flow[None]:
        self._number_targets()
        if not self._targets_saved:
            yield from self._save(TARGETS, write_lists(self._lists))
            self._targets_saved = True

    def _save_record(self, leaving: Sequence[tuple[Sequence[Target], float | None]], *, ahead: bool) -> Flow[None]:
        for target in self._ledger.drain_changes():
            self._note(target)
        if len(self._after) >= MOST_IN_RECORD:
            # The record is written around every request, so what does not change any more leaves it.
            part, rows = after_part(self._after_parts), write_snapshots(self._after)
            yield from self._save(part, {"form": FORM, "rows": rows})
            self._after_parts += 1
            self._after = {}
        yield from self._save(RECORD, self._record(leaving), ahead=ahead)

    def _save(self, part: str, value: dict[str, Any], *, ahead: bool = False) -> Flow[None]:
        self._now = yield Save(part, value, ahead)

    def _record(self, leaving: Sequence[tuple[Sequence[Target], float | None]]) -> dict[str, Any]:
        in_doubt = [
            (request.targets, request.sent_by_portal)
            for request in self._ledger.in_doubt
            if not self._is_covered_by_states(request)
        ]
        return {
            "form": FORM,
            "host": self._host,
            "code": self._ledger.job.code,
            "method": self._ledger.job.method,
            "expected": self._expected.as_json(),
            "states": pack(self._states.decode("ascii")),
            "after": write_snapshots(self._after),
            "snapshot_parts": self._snapshot_parts,
            "after_parts": self._after_parts,
            "open": write_open(
                ([self._numbers[target.ref] for target in targets], sent) for targets, sent in (*in_doubt, *leaving)
            ),
            "last_sent": self._last_sent,
        }

    def _is_covered_by_states(self, request: InDoubtRequest) -> bool:
        """Whether a next try reads these first anyway, since an earlier one has lost them or did not see them move.

        There can be many of them. They count as sent when the last fire left, so that has to be no earlier, and
        known where theirs is.
        """
        sent, last = request.sent_by_portal, self._last_sent
        no_earlier = last is None if sent is None else last is not None and sent <= last
        return no_earlier and all(chr(self._states[self._numbers[each.ref]]) in _READ_FIRST for each in request.targets)

    def _save_snapshots(self, snapshots: Mapping[int, Snapshot]) -> Flow[None]:
        part = snapshot_part(self._snapshot_parts)
        self._snapshot_parts += 1
        yield from self._save(part, {"form": FORM, "rows": write_snapshots(snapshots)})

    def _note(self, target: Target) -> None:
        number = self._numbers[target.ref]
        executed = None if target.error is None else target.error.executed
        if target.outcome is None:
            letter = ACCEPTED
        elif target.outcome == "failed" and executed != "no":
            letter = LOST
        else:
            letter = LETTERS[target.outcome]
        self._states[number] = ord(letter)
        if target.after is not None:
            self._after[number] = target.after

    def _number_targets(self) -> None:
        """Number the targets that have no number yet, after those that have."""
        if self._numbered:
            return
        self._numbered = True
        new = sorted(target.ref for target in self._ledger.targets if target.ref not in self._numbers)
        if not new:
            return
        self._numbers.update((ref, number) for number, ref in enumerate(new, len(self._numbers)))
        self._lists.append(new)
        self._targets_saved = False
        self._states.extend(WAITING.encode() * len(new))

    # -- reading

    def restore(self, kept: KeptFiring, now: float) -> Flow[None]:
        """Bring the ledger to where an earlier try left it, target by target: the list may have changed."""
        kept.states = self._expected.revise(kept, fail_on=self._ledger.job.fail_on)
        self._take_over(kept)
        targets = {target.ref: target for target in self._ledger.targets}
        open_numbers = set(kept.open_numbers)
        lost, unmoved = [], []
        for ref, number in self._numbers.items():
            target = targets.get(ref)
            if target is None or number >= len(kept.states) or number in open_numbers:
                continue
            letter, before, after = kept.states[number], kept.snapshots.get(number), kept.after.get(number)
            if letter in _LEFT_ALONE:
                self._ledger.restore_settled(target, _OUTCOMES[letter], before or after, after)
            elif letter in _READ_ONLY and before is not None:
                self._ledger.restore_accepted(target, before, after)
            elif letter == LETTERS["unmoved"]:
                unmoved.append(target)
            elif letter in (LOST, *_READ_ONLY):
                lost.append(target)
        self._restore_in_doubt(kept, targets, lost, unmoved, now)
        self._ledger.finish_restoring()
        self._ledger.drain_changes()  # an earlier try has written them
        if kept.rewritten:
            yield from self._save_snapshots(kept.snapshots)
            yield from self.save()

    def _take_over(self, kept: KeptFiring) -> None:
        self._lists = kept.lists
        self._numbers = {ref: number for number, ref in enumerate(kept.refs)}
        self._states = bytearray(kept.states.ljust(len(self._numbers), WAITING), "ascii")
        self._snapshot_parts, self._after_parts = kept.snapshot_parts, kept.after_parts
        self._last_sent = kept.last_sent
        self._after = dict(kept.recent)
        self._begun, self._targets_saved = True, not kept.rewritten
        for number in kept.open_numbers:
            # Also for targets that this try does not have: a later one may have them again.
            self._states[number] = ord(LOST)

    def _restore_in_doubt(
        self,
        kept: KeptFiring,
        targets: Mapping[EntityRef, Target],
        lost: Sequence[Target],
        unmoved: Sequence[Target],
        now: float,
    ) -> None:
        refs = list(self._numbers)
        snapshots = {refs[number]: snapshot for number, snapshot in kept.snapshots.items()}
        cut_off, without_effect = OutcomeUnknown(CUT_OFF), OutcomeUnknown(DID_NOT_MOVE)
        groups = [
            ([targets[refs[number]] for number in numbers if refs[number] in targets], cut_off, sent, False)
            for numbers, sent in kept.open
        ]
        groups += [(list(lost), cut_off, kept.last_sent, False), (list(unmoved), without_effect, kept.last_sent, True)]
        for group, error, sent, accepted in groups:
            readable = [target for target in group if target.ref in snapshots]
            for target in group:
                if target.ref not in snapshots:
                    self._ledger.restore_lost(target, TargetError.from_error(error, "unknown"))
            if readable:
                self._ledger.restore_in_doubt(
                    readable, snapshots, error, now=now, sent_by_portal=sent, accepted=accepted
                )


def amend(load: Callable[[str], Any], results: Iterable[TargetResult], *, awaited: bool) -> dict[str, Any] | None:
    """Bring a record up to date with what was learnt after the firing: which targets arrived while the task waited.

    :param load: gives the value of a part, or ``None``.
    :param awaited: whether those that have not arrived are waited for, so that a next try does not fire them.
    :returns: the record to save, or ``None`` where there is none of today's form.
    :raises CheckpointError: a part is damaged.
    """
    record = load(RECORD)
    if record is None or (isinstance(record, dict) and record.get("form") == 1):
        return None
    states, after, lists = read_record(record, load)
    numbers = {str(ref): number for number, ref in enumerate(chain.from_iterable(lists))}
    letters = list(states)
    late: tuple[Outcome, ...] = ("unmoved", "elsewhere")
    new: dict[Outcome, str] = {each: ACCEPTED if awaited else LETTERS[each] for each in late}
    new["moved"] = LETTERS["moved"]
    for result in results:
        number = numbers.get(result.target, len(letters))
        if number >= len(letters):
            raise CheckpointError(f"{UNREADABLE}: it does not hold {result.target}.", hint=WHAT_TO_DO)
        if result.outcome in new and letters[number] in (ACCEPTED, *(LETTERS[each] for each in late)):
            letters[number] = new[result.outcome]
            if result.outcome != "unmoved":  # which stands where the firing saw it
                after[number] = Snapshot(result.stage_after)
    return {**record, "states": pack("".join(letters)), "after": write_snapshots(after)}
