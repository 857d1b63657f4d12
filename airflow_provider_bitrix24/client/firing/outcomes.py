"""Which outcome a target gets: the rules, without the state. Pure; :mod:`.ledger` applies them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.errors import (
    ApiError,
    Bitrix24Error,
    Executed,
    PermissionDeniedError,
    ServerError,
)
from airflow_provider_bitrix24.client.firing.job import MAX_FIRES, Job, Target
from airflow_provider_bitrix24.client.flows.readings import TOO_OLD, is_too_old
from airflow_provider_bitrix24.client.report import MISSING, Outcome, TargetError

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.flows.readings import StageReadings
    from airflow_provider_bitrix24.client.stages import Snapshot

NO_OWN_STAGE = "Bitrix24 acts on other entities for a contact or company, and orders cannot be read."
NOT_ASKED = "Verification is off."
NOT_ALLOWED = "The webhook may not read entities."
NOT_READ_BACK = "It could not be read back."


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one target is settled."""

    outcome: Outcome
    error: TargetError | None = None
    reason: str | None = None


def refused(error: Bitrix24Error, executed: Executed | None = None) -> Settlement:
    """It failed; ``executed`` says whether the portal acted, unless the error does."""
    return Settlement("failed", TargetError.from_error(error, executed))


def lost(error: Bitrix24Error, *, permanently: bool = False) -> Settlement:
    """Nobody can tell what the portal did with it.

    :param permanently: whether nobody will be able to look later either.
    """
    failure = TargetError.from_error(error, "unknown")
    return Settlement("failed", replace(failure, permanent=failure.permanent or permanently))


def missing(executed: Executed) -> Settlement:
    """It does not exist."""
    return Settlement("failed", TargetError("NOT_FOUND", MISSING, executed))


def at_expected(job: Job, seen: Snapshot) -> Settlement | None:
    """A target that already stands where it should is not fired."""
    return Settlement("already") if job.expected is not None and seen.stage in job.expected else None


def without_reading(target: Target, readings: StageReadings, *, looked: bool) -> Settlement | None:
    """A reading does not hold the target; ``None`` where it is fired all the same, without a stage before.

    :param looked: whether anybody could look.
    """
    refusal = readings.error(target.ref)
    if not looked or not target.ref.readable or isinstance(refusal, PermissionDeniedError) or is_too_old(refusal):
        return None
    # Whether the reading ran does not matter, but whether this target was fired.
    executed: Executed = "unknown" if target.fires else "no"
    return missing(executed) if refusal is None else refused(refusal, executed)


def unverified(job: Job, target: Target) -> Settlement:
    """The portal accepted it, and it has no stage before with which a reading could be compared."""
    if not target.ref.readable:
        return Settlement("unverified", reason=NO_OWN_STAGE)
    return Settlement("unverified", reason=(target.reason or NOT_ALLOWED) if job.verify else NOT_ASKED)


def why_nobody_reads(readings: StageReadings) -> str | None:
    """Why a reading of these entities is of no use to anybody, if it is."""
    return TOO_OLD if any(map(is_too_old, readings.refused.values())) else None


def would_fire(job: Job, target: Target) -> Settlement:
    """It would be fired; the reason says why its outcome would stay unverified."""
    return Settlement("would_fire", reason=None if target.before else unverified(job, target).reason)


def without_effect(job: Job, target: Target, error: Bitrix24Error, after: Snapshot | None) -> Settlement | None:
    """The request in doubt is over and the target has not moved; ``None`` where it is fired again."""
    if after is None:
        return missing("unknown")
    if isinstance(error, ApiError) and not isinstance(error, ServerError):
        return refused(error)  # a refusal, only that its code proved nothing
    if target.fires >= MAX_FIRES:
        return lost(error)
    return at_expected(job, after)


def not_arrived(job: Job, target: Target) -> Settlement:
    """It was accepted, and nothing more is read."""
    if target.before is None or target.after is None:
        return Settlement("unverified", reason=NOT_READ_BACK)
    return Settlement("elsewhere" if job.expected is not None and target.shows_a_move else "unmoved")


def interrupted(target: Target, error: Bitrix24Error, *, sent: bool) -> Settlement:
    """The try ends in the middle; ``sent`` says whether anything has left."""
    return refused(error, "unknown" if target.fires and sent else "no")
