"""What a store of a pair must offer, and what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from airflow_provider_bitrix24.client.values import number, text, whole

if TYPE_CHECKING:
    from airflow_provider_bitrix24.client.oauth.pair import Pair

_END: Final = 32_503_680_000.0
"""The end of the year 2999, in seconds since the epoch; messages show moments as dates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A process's announcement that it refreshes a pair now. It holds no secret.

    :param at: when, by the clock of its host, in seconds since the epoch.
    :param pair: the fingerprint of the pair that it replaces.
    """

    host: str
    pid: int
    at: float
    pair: str

    def as_record(self) -> dict[str, Any]:
        """The claim as plain JSON."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: object) -> Self | None:
        """Read what :meth:`as_record` has written; ``None`` where it is something else."""
        if not isinstance(record, Mapping):
            return None
        host, pid, at, pair = (record.get(name) for name in ("host", "pid", "at", "pair"))
        moment, process = number(at), whole(pid)
        if not text(host) or not text(pair) or moment is None or process is None or not 0 <= moment < _END:
            return None
        return cls(host=str(host), pid=process, at=moment, pair=str(pair))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a store keeps: a pair, and the claim of the process that is replacing it or was the last to do so."""

    pair: Pair | None = None
    claim: Claim | None = None


class TokenStore(Protocol):
    """Keeps one application's pair for one portal. Its methods may block.

    Pair and claim are two values: :meth:`update` writes only the one that has changed, so that a claim never
    overwrites a pair that somebody else has stored meanwhile.
    """

    @property
    def atomic(self) -> bool:
        """Whether nothing can come between reading and writing in :meth:`update`."""

    @property
    def identity(self) -> str:
        """Names what is kept, without a secret: processes, threads and coroutines with the same one refresh in turn."""

    def load(self) -> Kept:
        """Read what is kept.

        :raises Bitrix24Error: the store cannot be used, or what it keeps cannot be read.
        """

    def update(self, change: Callable[[Kept], Kept]) -> Kept:
        """Replace what is kept by what ``change`` makes of it, in one step or as near to that as the store gets.

        :param change: pure; it may be called again with a newer value.
        :returns: what is kept now.
        :raises Bitrix24Error: the store cannot be used.
        """
