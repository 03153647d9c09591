"""What was used of models, read from a ledger: sums, and the figures of each call without its texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.llm.ledger_database import open_engine, transaction
from walmart_pipeline.llm.ledger_tables import cache_hits_table, calls_table

FIGURES = (
    "id",
    "product_id",
    "provider",
    "model",
    "purpose",
    "status",
    "error_class",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "seconds_queued",
    "seconds_served",
    "called_at",
)
# Rows of figures in memory at a time: 10 MB.
PAGE_ROWS = 10_000


class LedgerUsage(NamedTuple):
    """What was used of models in a time. Cache hits are answers from the ledger; saved_usd is what they had cost."""

    calls: int = 0
    failed_calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float = 0.0
    cache_hits: int = 0
    saved_usd: float = 0.0


class LedgerStatistics(AbstractContextManager["LedgerStatistics"]):
    """Statistics of the ledger at this URL."""

    def __init__(self, url: str) -> None:
        """Raises LedgerError if the database can't be opened."""
        metadata = sa.MetaData()
        self._calls = calls_table(metadata)
        self._hits = cache_hits_table(metadata)
        self._engine = open_engine(url, metadata)

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def usage(self, since: datetime) -> LedgerUsage:
        """Calls, tokens, cost and cache hits since then."""
        calls, hits = self._calls.c, self._hits.c
        failed = sa.case((calls.status == "complete", 0), else_=1)
        sums = [sa.func.coalesce(sa.func.sum(each), 0) for each in (failed, calls.prompt_tokens)]
        sums += [sa.func.coalesce(sa.func.sum(each), 0) for each in (calls.completion_tokens, calls.cost_usd)]
        made = sa.select(sa.func.count(), *sums).where(calls.called_at >= since)
        spared = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(hits.cost_usd), 0.0))
        with transaction(self._engine) as connection:
            count, failures, prompt, completion, cost = connection.execute(made).one()
            found, saved = connection.execute(spared.where(hits.found_at >= since)).one()
        return LedgerUsage(count, int(failures), int(prompt), int(completion), float(cost), found, float(saved))

    def calls_since(self, since: datetime) -> Iterator[list[dict[str, Any]]]:
        """Yield FIGURES of the calls since then, oldest first, in pages. Raises LedgerError."""
        calls = self._calls.c
        yield from self._pages([calls[name] for name in FIGURES], calls.called_at, calls.id, since)

    def hits_since(self, since: datetime) -> Iterator[list[dict[str, Any]]]:
        """Yield the cache hits since then, oldest first, in pages. Raises LedgerError."""
        yield from self._pages([*self._hits.c], self._hits.c.found_at, self._hits.c.id, since)

    def _pages(
        self, columns: Sequence[Any], moment: sa.Column[Any], number: sa.Column[Any], since: datetime
    ) -> Iterator[list[dict[str, Any]]]:
        """A transaction for each page: who takes them may wait in between."""
        query = sa.select(*columns).where(moment >= since).order_by(moment, number).limit(PAGE_ROWS)
        following = query
        while True:
            with transaction(self._engine) as connection:
                page = connection.execute(following).mappings().all()
            if not page:
                return
            yield [dict(row) | {moment.name: _in_utc(row[moment.name])} for row in page]
            last = page[-1][moment.name], page[-1][number.name]
            following = query.where(sa.tuple_(moment, number) > last)


def _in_utc(moment: datetime) -> datetime:
    """A time of the ledger; SQLite has no time zones and stores UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def usage_since(settings: Settings, since: datetime) -> LedgerUsage:
    """What a workspace has used of models since then; a workspace without a ledger used nothing."""
    if settings.ledger_url is None and not settings.ledger_file.exists():
        return LedgerUsage()
    with LedgerStatistics(settings.ledger) as statistics:
        return statistics.usage(since)
