"""Firings in the middle: ledgers whose targets were read or sent, and checkpoints that are kept in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_provider_bitrix24.client.entity_ref import EntityRef
from airflow_provider_bitrix24.client.errors import OutcomeUnknown
from airflow_provider_bitrix24.client.firing.checkpoint import Checkpoint
from airflow_provider_bitrix24.client.firing.in_doubt import ReadingMoment
from airflow_provider_bitrix24.client.firing.job import Job, Target
from airflow_provider_bitrix24.client.firing.kept import read_kept
from airflow_provider_bitrix24.client.firing.ledger import Ledger
from airflow_provider_bitrix24.client.firing.part_values import read_open
from airflow_provider_bitrix24.client.flows.effects import Save
from airflow_provider_bitrix24.client.flows.readings import StageReadings
from airflow_provider_bitrix24.client.stages import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_bitrix24.client.errors import ApiError
    from airflow_provider_bitrix24.client.firing.kept_firing import KeptFiring
    from airflow_provider_bitrix24.client.flows.effects import Flow

NEW = Snapshot("NEW", 0, "2026-01-01T00:00:00+03:00")
NEXT = Snapshot("PREPARATION", 0, "2026-01-01T00:01:00+03:00")
LOST = OutcomeUnknown("lost")
SETTLE = 60.0
MINUTES = 600.0
"""Long after any request is over."""
HOST = "example.bitrix24.com"


def deal(number: int) -> EntityRef:
    """One deal."""
    return EntityRef(2, number)


def deals(*numbers: int) -> list[EntityRef]:
    """Some deals."""
    return [deal(number) for number in numbers]


def api_error(kind: type[ApiError], **more: Any) -> ApiError:
    """An error that the portal answered."""
    return kind(code="X", description="", method="m", status=400, **more)


def standing(moved: Iterable[int], count: int) -> dict[EntityRef, Snapshot]:
    """A reading of deals 1 to ``count``, of which some have moved."""
    return {deal(number): NEXT if number in set(moved) else NEW for number in range(1, count + 1)}


def ledger_of(*refs: EntityRef, code: str | None = "c", expected: str | None = None, verify: bool = True) -> Ledger:
    """A firing that has not begun."""
    job = Job(code=code, expected=None if expected is None else frozenset({expected}), verify=verify)
    return Ledger(job, [Target(ref) for ref in refs])


def queued(*refs: EntityRef, before: Snapshot | None = NEW, expected: str | None = None, verify: bool = True) -> Ledger:
    """A firing whose targets were read, so that they are ready to be fired."""
    ledger = ledger_of(*refs, expected=expected, verify=verify)
    readings = StageReadings({} if before is None else dict.fromkeys(refs, before))
    ledger.record_before(ledger.take_window(len(refs)), readings, looked=before is not None)
    return ledger


def send(ledger: Ledger, *counts: int) -> list[list[Target]]:
    """Send requests of so many targets each."""
    requests = [ledger.take_for_request(count, read_back=False) for count in counts]
    ledger.record_sent()
    return requests


def fired(count: int, *, before: Snapshot | None = NEW, expected: str | None = None) -> tuple[Ledger, list[Target]]:
    """A firing whose deals 1 to ``count`` have just been sent in one request."""
    ledger = queued(*deals(*range(1, count + 1)), before=before, expected=expected)
    [targets] = send(ledger, count)
    return ledger, targets


def read_in_doubt(
    ledger: Ledger, found: Mapping[EntityRef, Snapshot], at: float, *, portal_now: float | None = None
) -> None:
    """Read all targets whose reading is due at a moment."""
    for request in ledger.take_due(at):
        ledger.resolve(request, StageReadings(found=dict(found)), ReadingMoment(at, portal_now, portal_now), SETTLE)
    ledger.record_after(found)


def numbers(targets: Iterable[Target | EntityRef]) -> list[int]:
    """Ids of targets, in order."""
    return [each.id if isinstance(each, EntityRef) else each.ref.id for each in targets]


def left_to_fire(ledger: Ledger) -> list[int]:
    """Ids of all targets that are ready to be fired, in order. Takes them."""
    return numbers(ledger.take_for_request(ledger.queued, read_back=False)) if ledger.queued else []


def outcomes(ledger: Ledger) -> list[str | None]:
    """Outcomes so far, in the caller's order."""
    return [target.outcome for target in ledger.targets]


class MemoryStore(dict[str, str]):
    """A checkpoint store that keeps JSON text, as Airflow does."""

    is_retry = False

    def load(self, part: str) -> Any:
        """What was saved last."""
        return json.loads(self[part]) if part in self else None

    def save(self, part: str, value: Mapping[str, Any], *, ahead: bool) -> None:
        """Keep a part."""
        assert not ahead or read_open(value["open"])
        self[part] = json.dumps(value)

    def wait(self, seconds: float, kind: str) -> None:
        """Let time pass."""


def saving(flow: Flow[Any], store: MemoryStore, now: float = 0.0, *, takes: Iterable[float] = ()) -> float:
    """Perform a flow that only saves; returns the time then.

    :param takes: seconds that each save takes; none where there are fewer.
    """
    seconds, result = iter(takes), None
    try:
        while True:
            effect = flow.send(result)
            assert isinstance(effect, Save)
            store.save(effect.part, effect.value, ahead=effect.ahead)
            result = now = now + next(seconds, 0.0)
    except StopIteration:
        return now


class Try:
    """One try of a firing, with its checkpoint in a store that outlives it.

    :param portal_ahead: seconds by which the portal's clock is ahead of this host's; ``None`` where unknown.
    """

    def __init__(
        self,
        *refs: EntityRef,
        store: MemoryStore,
        code: str | None = "c",
        expected: str | None = None,
        host: str = HOST,
        now: float = 0.0,
        portal_ahead: float | None = 2e9,
    ) -> None:
        self.store, self.now, self.portal_ahead = store, now, portal_ahead
        self.ledger = ledger_of(*refs, code=code, expected=expected)
        self.checkpoint = Checkpoint(host, self.ledger, self.portal_time)
        self.kept: KeptFiring | None = read_kept(store.load, host=host, code=code, refs=refs)
        if self.kept is not None:
            saving(self.checkpoint.restore(self.kept, now), store)

    def __getitem__(self, number: int) -> Target:
        return next(target for target in self.ledger.targets if target.ref.id == number)

    @property
    def unread(self) -> list[int]:
        """Ids of the targets that have to be read before they are fired."""
        return numbers(self.ledger.unread_refs())

    def portal_time(self, now: float) -> float | None:
        """The portal's clock."""
        return None if self.portal_ahead is None else now + self.portal_ahead

    def read(self, found: Mapping[int, Snapshot], *, looked: bool = True) -> None:
        """Read all deals that have to be read before a fire."""
        window = self.ledger.take_window(self.ledger.unread)
        self.record_window(window, {deal(number): snapshot for number, snapshot in found.items()}, looked=looked)

    def record_window(self, window: Sequence[Target], found: dict[EntityRef, Snapshot], *, looked: bool = True) -> None:
        """Take a reading before a fire into account, and keep it."""
        self.ledger.record_before(window, StageReadings(found), looked=looked)
        saving(self.checkpoint.save_snapshots(window), self.store)

    def send(self, *counts: int, takes: Iterable[float] = ()) -> list[list[Target]]:
        """Send requests of so many targets, written ahead."""
        requests = [self.ledger.take_for_request(count, read_back=False) for count in counts]
        self.now = saving(self.checkpoint.save_ahead(requests, self.now), self.store, self.now, takes=takes)
        self.ledger.record_sent()
        return requests

    def lose(self, targets: Sequence[Target], *, over: bool = False) -> None:
        """No answer came."""
        self.ledger.record_in_doubt(
            targets, LOST, sent_at=self.now, now=self.now, over=over, sent_by_portal=self.portal_time(self.now)
        )

    def accept(self, targets: Iterable[Target], found: Mapping[EntityRef, Snapshot] | None = None) -> None:
        """The portal answered true, and perhaps where they stand."""
        for target in targets:
            self.ledger.record_accepted(target)
        self.ledger.record_after(found or {})

    def save(self) -> None:
        """Save what is known."""
        saving(self.checkpoint.save(), self.store)

    def end(self) -> None:
        """Settle what was accepted, and save."""
        self.ledger.close()
        self.save()

    def read_in_doubt(self, found: Mapping[EntityRef, Snapshot], *, portal_known: bool = True) -> None:
        """Read the targets in doubt."""
        read_in_doubt(self.ledger, found, self.now, portal_now=self.portal_time(self.now) if portal_known else None)


def first_try(store: MemoryStore, *ids: int, **options: Any) -> Try:
    """A try that has read some deals, and is about to fire them."""
    made = Try(*deals(*ids), store=store, **options)
    made.read(dict.fromkeys(ids, NEW))
    return made


def finished_try(store: MemoryStore, *ids: int) -> Try:
    """A try that has fired all of these, of which the last did not move."""
    first = first_try(store, *ids)
    [targets] = first.send(len(ids))
    first.accept(targets, {deal(number): NEXT for number in ids[:-1]} | {deal(ids[-1]): NEW})
    first.end()
    return first
