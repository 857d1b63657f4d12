"""Reads the ids of all entities that match a filter, 2,500 a request and several requests at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_bitrix24.client.entities.pages import (
    FULL_REQUEST,
    METHOD,
    Span,
    newest_id,
    pages_call,
    take_pages,
)
from airflow_provider_bitrix24.client.errors import Bitrix24Error, OperatingLimitError
from airflow_provider_bitrix24.client.flows.batches import read_batch
from airflow_provider_bitrix24.client.flows.calls import ready, send, sleep
from airflow_provider_bitrix24.client.flows.working_time import HeldTime
from airflow_provider_bitrix24.client.limits.operating import BATCH
from airflow_provider_bitrix24.client.limits.work import Work
from airflow_provider_bitrix24.client.protocol.batch import TARGET_SECONDS, BatchSizer
from airflow_provider_bitrix24.client.protocol.pagination import PAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_bitrix24.client.entities.filters import Filter
    from airflow_provider_bitrix24.client.flows.calls import Attempt, Channel
    from airflow_provider_bitrix24.client.flows.effects import Flow
    from airflow_provider_bitrix24.client.limits.retry import Backoff

WORTH_SPLITTING = 2 * FULL_REQUEST
"""Ids that are expected in a range from which on it is read by two requests at a time."""


def read_ids(channel: Channel, conditions: Filter, type_id: int, *, most: int, in_order: bool) -> Flow[list[int]]:
    """Read ids in rising order until there are no more, or more than ``most``.

    :param in_order: whether the first ``most`` are wanted, so that no later ones are read before them.
    :raises Bitrix24Error: the portal refused, failed or gave no answer.
    """
    search = _Search(
        channel=channel,
        conditions=conditions,
        type_id=type_id,
        most=most,
        in_order=in_order,
        backoff=channel.backoff(idempotent=True),
    )
    yield from search.run()
    return [number for span in search.spans for number in span.ids]


@dataclass(slots=True, kw_only=True)
class _Search:
    channel: Channel
    conditions: Filter
    type_id: int
    most: int
    in_order: bool
    backoff: Backoff
    sizer: BatchSizer = field(default_factory=BatchSizer)
    spans: list[Span] = field(init=False)
    newest: int | None = None
    """The greatest id when the search began, if it was read."""
    asks_newest: bool = field(init=False)

    def __post_init__(self) -> None:
        self.spans = [Span(self.conditions.after, self.conditions.until)]
        several = self.channel.settings.max_concurrency > 1 and not self.in_order
        self.asks_newest = several and self.most > WORTH_SPLITTING

    @property
    def found(self) -> int:
        return sum(len(span.ids) for span in self.spans)

    def run(self) -> Flow[None]:
        while (active := [span for span in self.spans if not span.done]) and self.found <= self.most:
            pages = self._pages()
            held = HeldTime(self.channel, Work(BATCH, (METHOD,) * (pages + self.asks_newest)))
            count = yield from ready(self.channel, held, 1 if self.in_order else self._capacity(active))
            yield from self._round(active[:count], pages, held)
            self._split()

    def _capacity(self, active: Sequence[Span]) -> int:
        return min(len(active), self.channel.settings.max_concurrency)

    def _pages(self) -> int:
        """How many pages the next requests read each."""
        return max(1, min(self.sizer.size - self.asks_newest, -(-(self.most + 1 - self.found) // PAGE)))

    def _round(self, active: Sequence[Span], pages: int, held: HeldTime) -> Flow[None]:
        """Send one request for each span."""
        before, asks = self.found, self.asks_newest
        calls = [pages_call(self.conditions, self.type_id, span, pages, newest=asks) for span in active]
        attempts = yield from send(self.channel, calls)
        problems = [self._take(span, pages, attempt) for span, attempt in zip(active, attempts, strict=True)]
        yield from held.settle(attempts)
        if self.found > before or all(problem is None for problem in problems):
            self.backoff = self.channel.backoff(idempotent=True)
        yield from self._recover([problem for problem in problems if problem is not None])

    def _take(self, span: Span, pages: int, attempt: Attempt) -> Bitrix24Error | None:
        commands, seconds = pages + self.asks_newest, attempt.received_at - attempt.sent_at
        if isinstance(attempt.reply, Bitrix24Error):
            if seconds > TARGET_SECONDS:
                self.sizer.note(seconds, commands)
            return attempt.reply
        self.sizer.note(seconds, commands)
        replies = read_batch(self.channel, [METHOD] * commands, attempt.reply, attempt)
        if isinstance(replies, Bitrix24Error):
            return replies
        if self.asks_newest:
            self.newest, self.asks_newest = newest_id(replies[0]), False
            replies = replies[1:]
        return take_pages(span, replies)

    def _recover(self, problems: Sequence[Bitrix24Error]) -> Flow[None]:
        """Wait where a request has to be repeated.

        :raises Bitrix24Error: repeating cannot help, or has not.
        """
        if not problems:
            return
        delays = self.backoff.after_each(dict(enumerate(problems)))
        for number, problem in enumerate(problems):
            if number not in delays:
                raise problem
        limited = any(isinstance(each, OperatingLimitError) for each in problems)
        yield from sleep(max(delays.values()), "operating" if limited else "retry", problems[0].message)

    def _split(self) -> None:
        """Let idle requests read the second half of a long span."""
        if self.newest is None:
            return
        while sum(not span.done for span in self.spans) < self.channel.settings.max_concurrency:
            longest = max(self.spans, key=self._expected)
            if self._expected(longest) <= WORTH_SPLITTING:
                return
            middle = (longest.after + self._end(longest)) // 2
            self.spans.insert(self.spans.index(longest) + 1, Span(middle, longest.until))
            longest.until = middle

    def _end(self, span: Span) -> int:
        newest = max(self.newest or 0, span.after)
        return newest if span.until is None else min(span.until, newest)

    def _expected(self, span: Span) -> float:
        """How many ids are left in a span, as dense as those that were read."""
        if span.done:
            return 0.0
        width = self._end(span) - span.after
        read = [each for each in self.spans if each.ids]
        seen = sum(each.after - each.ids[0] + 1 for each in read)
        return width * min(1.0, self.found / seen) if seen else 0.0
