"""The ledger: stores every model call with its raw answer, so that an answer is paid for once."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any, Literal, NamedTuple, Self, TypeAlias

import sqlalchemy as sa

from walmart_pipeline.llm.calls import Answer, CallError, ErrorClass, Purpose, Request
from walmart_pipeline.llm.ledger_claims import Claims, Want
from walmart_pipeline.llm.ledger_database import LedgerError, open_engine, transaction
from walmart_pipeline.llm.ledger_tables import cache_hits_table, calls_table

CallStatus: TypeAlias = Literal[
    "complete",  # `answer` is whole
    "final",  # the same request would fail again: no retry
    "failed",  # a retry may succeed
]
FINAL: frozenset[ErrorClass] = frozenset(("rejected", "too_long", "declined"))

# 1,000 hashes that are among 1,000,000 calls take 35 ms in SQLite, 1,000 that are not 6 ms; it takes 32,766 values in a
# statement.
LOOKUP_HASHES = 1_000

# Columns with text from outside.
FREE_TEXT = ("product_id", "endpoint", "model", "error", "answer")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

# After the endpoint of what a batch answered.
BATCHES = "/batches"

FOUND = (
    "endpoint",
    "answer",
    "error_class",
    "error",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "seconds_served",
)

OnCommit: TypeAlias = Callable[[Exception | None], None]


@dataclass(frozen=True, slots=True)
class Call:
    """A row of the ledger."""

    request_hash: str
    product_id: str
    provider: str
    endpoint: str
    model: str
    digest: str | None
    prompt_version: str
    parameters: dict[str, Any]
    status: CallStatus
    error_class: ErrorClass | None
    error: str | None
    attempt: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float
    seconds_queued: float
    seconds_served: float
    answer: str | None
    called_at: datetime
    purpose: Purpose

    @classmethod
    def of(
        cls,
        request: Request,
        request_hash: str,
        endpoint: str,
        *,
        outcome: Answer | CallError,
        attempt: int,
        seconds_queued: float,
        seconds_served: float,
        cost_usd: float | None = None,
    ) -> Self:
        """A call that just ended; an unusable answer that was paid for is stored too.

        cost_usd: with the server's time; None for what the answer says.
        """
        error = outcome if isinstance(outcome, CallError) else None
        answer = outcome if isinstance(outcome, Answer) else outcome.billed
        status: CallStatus = "complete" if not error else "final" if error.error_class in FINAL else "failed"
        paid = answer or Answer("")
        return cls(
            request_hash=request_hash,
            product_id=request.product_id,
            provider=request.provider,
            endpoint=endpoint,
            model=request.model,
            digest=request.digest,
            prompt_version=request.prompt_version,
            parameters=dict(request.parameters),
            status=status,
            error_class=error.error_class if error else None,
            error=str(error) if error else None,
            attempt=attempt,
            prompt_tokens=paid.prompt_tokens,
            completion_tokens=paid.completion_tokens,
            cost_usd=paid.cost_usd if cost_usd is None else cost_usd,
            seconds_queued=seconds_queued,
            seconds_served=seconds_served,
            answer=answer.text if answer else None,
            called_at=datetime.now(UTC),
            purpose=request.purpose,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A request's answer in the ledger, or its final failure. is_batch: a batch answered it."""

    answer: Answer | None
    error_class: ErrorClass | None
    error: str | None
    seconds_served: float
    is_batch: bool = False


class Claimed(NamedTuple):
    """What became of requests that a worker claimed; what is in neither is claimed by another worker.

    mine: to be sent. found: answered in between.
    """

    mine: set[str]
    found: dict[str, Found]


# A call to store, who is told, and the claim (request hash and worker) that ends with it.
_Entry: TypeAlias = tuple[Call | None, OnCommit | None, tuple[str, str] | None]


class Ledger(AbstractContextManager["Ledger"]):
    """Calls in SQLite or Postgres. Threads may share one; so may processes, each with its own.

    url: of SQLAlchemy, such as `sqlite:///data/ledger.db` or `postgresql://host/ledger`.
    A writer thread commits all waiting calls at once: in SQLite a commit takes 0.2 ms for 1 call and 3 ms for 64, so
    batches form under load (14 calls at 256 in flight) and nothing is delayed without load.
    """

    def __init__(self, url: str) -> None:
        """Raises LedgerError if the database can't be opened."""
        metadata = sa.MetaData()
        self._table = calls_table(metadata)
        self._hits = cache_hits_table(metadata)
        self._claims = Claims(metadata)
        self._engine = open_engine(url, metadata)
        self._waiting: SimpleQueue[_Entry | None] = SimpleQueue()
        self._failure: LedgerError | None = None
        self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
        self._writer.start()

    def lookup(self, hashes: Iterable[str]) -> dict[str, Found]:
        """Latest answer or final failure of each known request, by hash. Raises LedgerError."""
        with transaction(self._engine) as connection:
            return self._find(connection, hashes)

    def _find(self, connection: sa.Connection, hashes: Iterable[str]) -> dict[str, Found]:
        calls = self._table.c
        query = (
            sa.select(calls.request_hash, *(calls[name] for name in FOUND))
            .where(
                calls.request_hash.in_(sa.bindparam("hashes", expanding=True)), calls.status.in_(("complete", "final"))
            )
            .order_by(calls.id)
        )
        keys, found = list(hashes), {}
        for start in range(0, len(keys), LOOKUP_HASHES):
            for row in connection.execute(query, {"hashes": keys[start : start + LOOKUP_HASHES]}):
                found[row.request_hash] = _found(row)
        return found

    def record(self, call: Call, on_commit: OnCommit | None = None, *, worker_id: str | None = None) -> None:
        """Queue a call to be stored. Raises LedgerError if an earlier call could not be stored.

        on_commit: called in the writer's thread with None after the commit, or with the error. worker_id: whose claim
        of the request is released by the same commit.
        """
        if self._failure:
            raise self._failure
        self._queue((call, on_commit, (call.request_hash, worker_id) if worker_id else None))

    def join(self, worker_id: str) -> None:
        """Enter a worker, whose claims and shares hold as long as it beats. Raises LedgerError."""
        with transaction(self._engine) as connection:
            self._claims.beat(connection, worker_id, (), ())

    def claim(self, worker_id: str, hashes: Iterable[str]) -> Claimed:
        """Claim requests for a worker, which is to send them and no other. Raises LedgerError."""
        with transaction(self._engine) as connection:
            mine = self._claims.take(connection, worker_id, hashes)
            # Who had one before released it with the commit of its answer.
            found = self._find(connection, mine)
            if found:
                self._claims.release(connection, [(key, worker_id) for key in found])
        return Claimed(mine - found.keys(), found)

    def release(self, worker_id: str, hashes: Iterable[str]) -> None:
        """Queue the release of claims whose requests were not sent, or end without an answer."""
        for key in hashes:
            self._queue((None, None, (key, worker_id)))

    def beat(self, worker_id: str, claimed: Iterable[str], wants: Sequence[Want]) -> list[float]:
        """Say that a worker is alive, free what dead ones held, and return what it may take of each limit.

        claimed: its claims; they are made again if it was taken for dead. Raises LedgerError.
        """
        with transaction(self._engine) as connection:
            return self._claims.beat(connection, worker_id, claimed, wants)

    def leave(self, worker_id: str, wants: Sequence[Want]) -> None:
        """Release all that a worker held, at the end of its run. Raises LedgerError."""
        with transaction(self._engine) as connection:
            self._claims.leave(connection, worker_id, wants)

    def draw(self, run_id: str, usd: float, limit_usd: float) -> bool:
        """Draw USD of a run's budget, or give them back (below 0); whether the limit allows it. Raises LedgerError."""
        with transaction(self._engine) as connection:
            return self._claims.draw(connection, run_id, usd, limit_usd)

    def drawn(self, run_id: str) -> float:
        """USD that all workers of a run have drawn. Raises LedgerError."""
        with transaction(self._engine) as connection:
            return self._claims.drawn(connection, run_id)

    def record_hits(self, answers: Iterable[tuple[Request, Answer]]) -> None:
        """Store that requests were answered from the ledger. Raises LedgerError."""
        now = datetime.now(UTC)
        rows = [
            {
                "product_id": _storable(request.product_id),
                "provider": request.provider,
                "model": _storable(request.model),
                "purpose": request.purpose,
                "tokens": answer.prompt_tokens + answer.completion_tokens,
                "cost_usd": answer.cost_usd,
                "found_at": now,
            }
            for request, answer in answers
        ]
        if rows:
            with transaction(self._engine) as connection:
                connection.execute(sa.insert(self._hits), rows)

    def counts(self) -> tuple[int, int]:
        """Number of calls, and of answers to requests that had one already."""
        calls = self._table.c
        complete = sa.select(sa.func.count(), sa.func.count(calls.request_hash.distinct())).where(
            calls.status == "complete"
        )
        with transaction(self._engine) as connection:
            answers, answered = connection.execute(complete).one()
            return int(connection.scalar(sa.select(sa.func.count(calls.id))) or 0), int(answers - answered)

    def latest_costs(self, provider: str, model: str, count: int) -> list[float]:
        """USD of a model's latest texts, of which each was one answer; of a candidate, those that it was tried with."""
        calls = self._table.c
        is_text = calls.purpose.in_(("listing", "trial"))
        of_model = (calls.provider == provider, calls.model == model, is_text)
        query = sa.select(calls.cost_usd).where(*of_model, calls.status == "complete").order_by(calls.id.desc())
        with transaction(self._engine) as connection:
            return [float(cost) for cost in connection.scalars(query.limit(count))]

    def spent(self, since: datetime) -> tuple[int, float]:
        """Number and cost in USD of calls since then."""
        calls = self._table.c
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(calls.cost_usd), 0.0))
        with transaction(self._engine) as connection:
            made, cost = connection.execute(query.where(calls.called_at >= since)).one()
        return int(made), float(cost)

    def prune_hits(self, before: datetime, *, dry_run: bool = False) -> int:
        """Delete earlier cache hits. Returns their number. Raises LedgerError."""
        return self._delete(self._hits, self._hits.c.found_at < before, dry_run=dry_run)

    def prune(self, before: datetime, *statuses: CallStatus, dry_run: bool = False) -> int:
        """Delete earlier calls of these statuses. Returns their number. Raises LedgerError.

        An answer that was deleted is paid for again.
        """
        old = sa.and_(self._table.c.called_at < before, self._table.c.status.in_(statuses))
        return self._delete(self._table, old, dry_run=dry_run)

    def _delete(self, table: Any, condition: Any, *, dry_run: bool) -> int:
        with transaction(self._engine) as connection:
            count = int(connection.scalar(sa.select(sa.func.count()).select_from(table).where(condition)) or 0)
            if count and not dry_run:
                connection.execute(sa.delete(table).where(condition))
        return count

    def last_errors(self, hashes: Sequence[str], since: datetime) -> dict[str, ErrorClass | None]:
        """Error class of each request's last call since then, or final failure; what was not called is absent."""
        calls = self._table.c
        counts = sa.or_(calls.called_at >= since, calls.status == "final")
        query = sa.select(calls.request_hash, calls.error_class).where(calls.request_hash.in_(hashes), counts)
        with transaction(self._engine) as connection:
            return {row.request_hash: row.error_class for row in connection.execute(query.order_by(calls.id))}

    def close(self) -> None:
        """Commit waiting calls and close the database. Raises LedgerError if a call could not be stored."""
        self._waiting.put(None)
        self._writer.join()
        self._engine.dispose()
        if self._failure:
            raise self._failure

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self) -> None:
        batch: list[_Entry] = []
        closed = False
        try:
            while not closed:
                entries = [self._waiting.get()]
                while not self._waiting.empty():
                    entries.append(self._waiting.get())
                closed = None in entries
                batch = [entry for entry in entries if entry is not None]
                self._commit(batch)
                batch = []
        finally:
            # Whatever ends this thread, no caller may wait for its commit forever.
            if not closed or batch:
                cause = sys.exception()
                self._failure = self._failure or LedgerError(f"the ledger's writer ended: {cause!r:.200}")
                self._notify(batch)
                self._reject_waiting()

    def _commit(self, batch: list[_Entry], *, is_retry: bool = False) -> None:
        if batch and not self._failure:
            try:
                with self._engine.begin() as connection:
                    if rows := [as_row(call) for call, _, _ in batch if call]:
                        connection.execute(sa.insert(self._table), rows)
                    self._claims.release(connection, [claim for _, _, claim in batch if claim])
            except sa.exc.SQLAlchemyError as error:
                if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated and not is_retry:
                    return self._commit(batch, is_retry=True)  # what is paid for is stored twice rather than lost
                # Without the row, which SQLAlchemy's own message includes.
                self._failure = LedgerError(f"the ledger can't store an answer: {error.args[0]}")
        return self._notify(batch)

    def _notify(self, batch: list[_Entry]) -> None:
        for _, on_commit, _ in batch:
            if on_commit:
                on_commit(self._failure)

    def _queue(self, entry: _Entry) -> None:
        self._waiting.put(entry)
        if self._failure:  # the writer ended in between
            self._reject_waiting()

    def _reject_waiting(self) -> None:
        with suppress(Empty):
            while True:
                if entry := self._waiting.get_nowait():
                    self._notify([entry])


def as_row(call: Call) -> dict[str, Any]:
    r"""Values of a call by column, with lone surrogates and NUL as JSON escapes (\ud83d, \u0000)."""
    # asdict copies deeply: 30 µs a call, this 2 µs.
    row = {field.name: getattr(call, field.name) for field in fields(call)}
    for name in FREE_TEXT:
        if (text := row[name]) and UNSTORABLE.search(text):
            row[name] = _storable(text)
    return row


def _found(row: Any) -> Found:
    answer = None
    if row.error_class is None:
        answer = Answer(row.answer, row.prompt_tokens, row.completion_tokens, row.cost_usd)
    return Found(answer, row.error_class, row.error, row.seconds_served, row.endpoint.endswith(BATCHES))


def _storable(text: str) -> str:
    r"""A text with lone surrogates and NUL as JSON escapes (\ud83d, \u0000)."""
    return UNSTORABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
