"""Workers that share a ledger: which of them sends a request, and how much of an endpoint's limits each may take."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from walmart_pipeline.llm.ledger_database import clock, insert_into
from walmart_pipeline.llm.ledger_tables import claims_table, run_budgets_table, shares_table, workers_table

# A worker that was silent for so long is dead: 10 missed heartbeats, and all that a run waits for after a kill.
BEAT_SECONDS, DEAD_SECONDS = 1.0, 10.0
# The advisory lock for heartbeats: any number that is not used for another lock in this database.
BEATING = 0x6C656468


@dataclass(frozen=True, slots=True)
class Want:
    """A limit that workers share, as one of them sees it.

    held: what it uses, or may come to use before its next heartbeat. counts_seconds: how long the server counts what
    was used: a minute for requests a minute, 0 for calls in flight. is_whole: can't be divided below 1.
    """

    resource: str
    limit: float
    held: float
    counts_seconds: float = 0.0
    is_whole: bool = True


class Claims:
    """The tables that workers share. Every method is part of the caller's transaction."""

    def __init__(self, metadata: sa.MetaData) -> None:
        self._workers = workers_table(metadata)
        self._claims = claims_table(metadata)
        self._shares = shares_table(metadata)
        self._budgets = run_budgets_table(metadata)
        columns = self._claims.c
        # A row at a time: to write out `in (…)` takes SQLAlchemy longer than SQLite takes for the rows of a batch.
        self._release = sa.delete(self._claims).where(
            columns.request_hash == sa.bindparam("key"), columns.worker_id == sa.bindparam("worker")
        )

    def take(self, connection: sa.Connection, worker_id: str, hashes: Iterable[str]) -> set[str]:
        """Claim requests; returns those that nobody had claimed."""
        # In one order: of two workers that claim the same ones, none waits for the other in a circle.
        rows = [{"request_hash": key, "worker_id": worker_id} for key in sorted(hashes)]
        if not rows:
            return set()
        statement = insert_into(connection, self._claims).on_conflict_do_nothing()
        return set(connection.scalars(statement.returning(self._claims.c.request_hash), rows))

    def release(self, connection: sa.Connection, claims: Sequence[tuple[str, str]]) -> None:
        """Release claims, each a request's hash and the worker that made it."""
        if claims:
            connection.execute(self._release, [{"key": key, "worker": worker} for key, worker in sorted(claims)])

    def beat(
        self, connection: sa.Connection, worker_id: str, claimed: Iterable[str], wants: Sequence[Want]
    ) -> list[float]:
        """See Ledger.beat. At least the first statement writes, so that SQLite too lets one worker at a time in."""
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(BEATING)))
        workers = self._workers.c
        now = clock(connection)
        alive = sa.update(self._workers).where(workers.worker_id == worker_id).values(heartbeat_at=now)
        if not connection.execute(alive).rowcount:
            connection.execute(sa.insert(self._workers).values(worker_id=worker_id, heartbeat_at=now))
            self.take(connection, worker_id, claimed)
        dead = sa.delete(self._workers).where(workers.heartbeat_at < now - DEAD_SECONDS)
        if connection.execute(dead).rowcount:
            orphaned = self._claims.c.worker_id.not_in(sa.select(workers.worker_id))
            connection.execute(sa.delete(self._claims).where(orphaned))
        return self._share(connection, worker_id, wants) if wants else []

    def leave(self, connection: sa.Connection, worker_id: str, wants: Sequence[Want]) -> None:
        """See Ledger.leave. What it used of a rate stays taken as long as the server counts it."""
        connection.execute(sa.delete(self._claims).where(self._claims.c.worker_id == worker_id))
        connection.execute(sa.delete(self._workers).where(self._workers.c.worker_id == worker_id))
        connection.execute(sa.delete(self._shares).where(self._shares.c.worker_id == worker_id))
        now = float(connection.scalar(sa.select(clock(connection))) or 0.0)
        rows = [
            {
                "resource": want.resource,
                "worker_id": worker_id,
                "granted": want.held,
                "live_until": now,
                "expires_at": now + want.counts_seconds,
            }
            for want in wants
            if want.held and want.counts_seconds
        ]
        if rows:
            connection.execute(sa.insert(self._shares), rows)

    def draw(self, connection: sa.Connection, run_id: str, usd: float, limit_usd: float) -> bool:
        """See Ledger.draw."""
        budgets = self._budgets.c
        opened = insert_into(connection, self._budgets).values(run_id=run_id, drawn_usd=0.0)
        connection.execute(opened.on_conflict_do_nothing())
        drawn = sa.update(self._budgets).where(budgets.run_id == run_id)
        if usd > 0:
            drawn = drawn.where(budgets.drawn_usd + usd <= limit_usd)
        return connection.execute(drawn.values(drawn_usd=budgets.drawn_usd + usd)).rowcount == 1

    def drawn(self, connection: sa.Connection, run_id: str) -> float:
        """See Ledger.drawn."""
        query = sa.select(self._budgets.c.drawn_usd).where(self._budgets.c.run_id == run_id)
        return float(connection.scalar(query) or 0.0)

    def _share(self, connection: sa.Connection, worker_id: str, wants: Sequence[Want]) -> list[float]:
        """What the worker may take of each limit: an equal part, out of what no other one holds.

        What it holds beyond that stays its own until it reports that it holds less, so that the sum of all never
        exceeds the limit.
        """
        shares = self._shares.c
        now = float(connection.scalar(sa.select(clock(connection))) or 0.0)
        connection.execute(sa.delete(self._shares).where(shares.expires_at <= now))
        others = sa.select(shares.resource, shares.granted, shares.live_until).where(
            shares.resource.in_([want.resource for want in wants]), shares.worker_id != worker_id
        )
        found = connection.execute(others).all()
        allowed, rows = [], []
        for want in wants:
            mine = [row for row in found if row.resource == want.resource]
            part = want.limit / (1 + sum(row.live_until > now for row in mine))
            free = max(0.0, want.limit - sum(row.granted for row in mine))
            if want.is_whole:
                part, free = max(1.0, math.floor(part)), math.floor(free)
            allowed.append(min(part, free))
            rows.append(
                {
                    "resource": want.resource,
                    "worker_id": worker_id,
                    "granted": max(want.held, allowed[-1]),
                    "live_until": now + DEAD_SECONDS,
                    "expires_at": now + DEAD_SECONDS + want.counts_seconds,
                }
            )
        statement = insert_into(connection, self._shares)
        changed = {name: statement.excluded[name] for name in ("granted", "live_until", "expires_at")}
        connection.execute(
            statement.on_conflict_do_update(index_elements=["resource", "worker_id"], set_=changed), rows
        )
        return allowed
