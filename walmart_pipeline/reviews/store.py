"""The store of what people do in the Studio: decisions on texts, saved texts, and preferences.

It is apart from the warehouse, which only one process may write: a decision is durable while a run goes on. The
pipeline takes it over (takeover.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

from pydantic import Field

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.records import Listing, Record
from walmart_pipeline.llm.ledger_database import LedgerError, open_engine, transaction
from walmart_pipeline.reviews.store_tables import decisions_table, preferences_table, texts_table

if TYPE_CHECKING:
    import sqlalchemy as sa

Action: TypeAlias = Literal["accept", "edit", "reject", "rate", "undo"]

# They decide what becomes of a text, so that the next reviewer must have seen them; a rating is its author's own.
VERDICTS: frozenset[Action] = frozenset(("accept", "edit", "reject"))

# SQLite takes 32,766 values in a statement.
LOOKUP_IDS = 10_000


class ConflictError(UserError):
    """Somebody else decided about the product in the meantime."""


class Decision(Record):
    """What one person decided about one text of a product."""

    decision_id: str = Field(default_factory=lambda: uuid.uuid4().hex)
    product_id: str
    content_hash: str | None = Field(description="Of the text that was decided on; None: the product had none.")
    facts_hash: str | None = Field(default=None, description="Of the record beside which it was read.")
    action: Action
    author: str = Field(min_length=1)
    decided_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    reason: str = ""
    stars: int | None = Field(default=None, ge=1, le=5)
    listing: Listing | None = Field(default=None, description="The edited text.")
    user_preferences: dict[str, str] = Field(default_factory=dict, description="That a model was told for this text.")
    undoes: str | None = Field(default=None, description="The decision that is undone.")


class Rejection(NamedTuple):
    """A rejection or the undo of one, and the text that it is about. number: its order among all decisions."""

    number: int
    decision_id: str
    product_id: str
    content_hash: str | None


class SavedText(Record):
    """A text that somebody saved on the page Write, with what it was made from."""

    text_id: str = Field(default_factory=lambda: uuid.uuid4().hex)
    product_id: str | None
    author: str
    saved_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    listing: Listing
    origin: dict[str, Any] = Field(default_factory=dict, description="Product, provider, model, preferences, …")


class ReviewStore(AbstractContextManager["ReviewStore"]):
    """Decisions in SQLite or Postgres. Threads may share one; every method is one transaction, or raises LedgerError.

    url: of SQLAlchemy, as `Settings.reviews_url`.
    """

    def __init__(self, url: str) -> None:
        import sqlalchemy as sa

        metadata = sa.MetaData()
        self._decisions = decisions_table(metadata)
        self._texts = texts_table(metadata)
        self._preferences = preferences_table(metadata)
        self._engine = open_engine(url, metadata, survives_power_cut=True)

    def decide(self, decisions: Sequence[Decision], *, seen: Mapping[str, int] | None = None) -> None:
        """Store decisions, all or none.

        seen: by product, the version (`versions`) that the author had on the screen; required for verdicts. Raises
        ConflictError if somebody decided about one of the products since then.
        """
        import sqlalchemy as sa

        rows = [_row(decision, (seen or {})) for decision in decisions]
        try:
            with transaction(self._engine) as connection:
                current = self._versions(connection, [row["product_id"] for row in rows if row["version"]])
                stale = [row for row in rows if row["version"] and row["version"] <= current.get(row["product_id"], 0)]
                if stale:
                    raise ConflictError(self._conflict(connection, stale))
                if rows:
                    connection.execute(sa.insert(self._decisions), rows)
        except LedgerError as error:
            if isinstance(error.__cause__, sa.exc.IntegrityError):
                raise ConflictError("somebody else decided at the same moment: look at the case again") from error
            raise

    def add_missing(self, decisions: Sequence[Decision]) -> int:
        """Add decisions of another store in their order, after its own; known ones are skipped. Returns how many."""
        import sqlalchemy as sa

        table = self._decisions
        with transaction(self._engine) as connection:
            known = set(connection.execute(sa.select(table.c.decision_id)).scalars())
            new = [each for each in decisions if each.decision_id not in known]
            seen = self._versions(connection, {each.product_id for each in new})
            verdicts = {each.decision_id for each in decisions if each.action in VERDICTS}
            for each in new:
                is_verdict = each.decision_id in verdicts or each.undoes in verdicts
                row = _row(each, {each.product_id: seen.get(each.product_id, 0)} if is_verdict else {})
                seen[each.product_id] = row["version"] or seen.get(each.product_id, 0)
                connection.execute(sa.insert(table), row)
        return len(new)

    def decisions(self, product_ids: Collection[str] | None = None) -> list[Decision]:
        """Return all decisions, or those about some products, oldest first."""
        import sqlalchemy as sa

        table = self._decisions
        query = sa.select(table).order_by(table.c.number)
        with transaction(self._engine) as connection:
            if product_ids is None:
                rows = list(connection.execute(query))
            else:
                rows = [
                    row
                    for ids in _chunks(product_ids)
                    for row in connection.execute(query.where(table.c.product_id.in_(ids)))
                ]
        return [_decision(row) for row in rows]

    def latest(self, limit: int) -> tuple[int, list[str]]:
        """Return how many decisions there are, and the ids of the latest of them, oldest first."""
        import sqlalchemy as sa

        table = self._decisions
        query = sa.select(table.c.decision_id).order_by(table.c.number.desc()).limit(limit)
        with transaction(self._engine) as connection:
            total: int = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            ids = list(connection.execute(query).scalars())
        return total, ids[::-1]

    def ids(self) -> list[str]:
        """Return the ids of all decisions, oldest first."""
        import sqlalchemy as sa

        with transaction(self._engine) as connection:
            query = sa.select(self._decisions.c.decision_id).order_by(self._decisions.c.number)
            return list(connection.execute(query).scalars())

    def of_ids(self, ids: Sequence[str]) -> list[Decision]:
        """Return the decisions with these ids. ids: oldest first."""
        import sqlalchemy as sa

        if not ids:
            return []
        table = self._decisions
        with transaction(self._engine) as connection:
            rows = [
                row
                for chunk in _chunks(ids)
                for row in connection.execute(
                    sa.select(table).where(table.c.decision_id.in_(chunk)).order_by(table.c.number)
                )
            ]
        return [_decision(row) for row in rows]

    def rejections(self, *, after: int = 0) -> list[Rejection]:
        """Return rejected texts, and those of which the rejection was undone, of later numbers, in their order."""
        import sqlalchemy as sa

        change, rejected = self._decisions.alias(), self._decisions.alias()
        of = rejected.c.decision_id == sa.func.coalesce(change.c.undoes, change.c.decision_id)
        columns = (change.c.number, change.c.decision_id, rejected.c.product_id, rejected.c.content_hash)
        query = (
            sa.select(*columns)
            .join_from(change, rejected, of)
            .where(change.c.number > after, rejected.c.action == "reject")
            .order_by(change.c.number)
        )
        with transaction(self._engine) as connection:
            return [Rejection(*row) for row in connection.execute(query)]

    def versions(self, product_ids: Collection[str]) -> dict[str, int]:
        """Return how many verdicts there are of each product; products without one are absent."""
        with transaction(self._engine) as connection:
            return self._versions(connection, product_ids)

    def state(self) -> dict[str, Any]:
        """Return how many decisions there are, by how many people, and the time of the latest."""
        import sqlalchemy as sa

        columns = self._decisions.c
        query = sa.select(sa.func.count(), sa.func.count(sa.distinct(columns.author)), sa.func.max(columns.decided_at))
        with transaction(self._engine) as connection:
            count, people, latest = connection.execute(query).one()
        return {"decisions": count, "reviewers": people, "latest": latest and f"{_utc(latest):%Y-%m-%d %H:%M} UTC"}

    def version_of(self, decision_id: str) -> int | None:
        """Return the number of a verdict among those on its product; None for a rating."""
        import sqlalchemy as sa

        table = self._decisions
        with transaction(self._engine) as connection:
            found: int | None = connection.execute(
                sa.select(table.c.version).where(table.c.decision_id == decision_id)
            ).scalar()
        return found

    def save_text(self, text: SavedText) -> None:
        """Keep a text of the page Write."""
        import sqlalchemy as sa

        with transaction(self._engine) as connection:
            connection.execute(sa.insert(self._texts), text.model_dump())

    def saved_texts(self, author: str, *, limit: int = 50) -> list[SavedText]:
        """Return a person's saved texts, the latest first."""
        import sqlalchemy as sa

        table = self._texts
        query = sa.select(table).where(table.c.author == author).order_by(table.c.saved_at.desc()).limit(limit)
        with transaction(self._engine) as connection:
            rows = [row._asdict() for row in connection.execute(query)]
        return [SavedText(**row | {"saved_at": _utc(row["saved_at"])}) for row in rows]

    def preferences(self, author: str) -> dict[str, Any]:
        """Return a person's preferences, as they were saved; empty without any."""
        import sqlalchemy as sa

        table = self._preferences
        with transaction(self._engine) as connection:
            found = connection.execute(sa.select(table.c.preferences).where(table.c.author == author)).scalar()
        return dict(found or {})

    def save_preferences(self, author: str, preferences: Mapping[str, Any]) -> None:
        """Replace a person's preferences."""
        import sqlalchemy as sa

        row = {"author": author, "preferences": dict(preferences), "saved_at": datetime.now(UTC)}
        table = self._preferences
        with transaction(self._engine) as connection:
            changed = connection.execute(sa.update(table).where(table.c.author == author).values(row))
            if not changed.rowcount:
                connection.execute(sa.insert(table), row)

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _versions(self, connection: sa.Connection, product_ids: Collection[str]) -> dict[str, int]:
        import sqlalchemy as sa

        table = self._decisions
        latest = sa.func.max(table.c.version)
        found: dict[str, int] = {}
        for ids in _chunks(product_ids):
            query = sa.select(table.c.product_id, latest).where(table.c.product_id.in_(ids), table.c.version > 0)
            rows = connection.execute(query.group_by(table.c.product_id))
            found |= {row[0]: row[1] for row in rows}
        return found

    def _conflict(self, connection: sa.Connection, stale: Sequence[Mapping[str, Any]]) -> str:
        import sqlalchemy as sa

        table, product = self._decisions, stale[0]["product_id"]
        query = sa.select(table).where(table.c.product_id == product, table.c.version > 0)
        latest = _decision(connection.execute(query.order_by(table.c.version.desc()).limit(1)).one())
        others = f" (and {len(stale) - 1} more)" if len(stale) > 1 else ""
        return (
            f"{latest.author} decided about {product}{others} in the meantime: {latest.action}"
            f"{f' ({latest.reason})' if latest.reason else ''}, {latest.decided_at:%H:%M} UTC. "
            "Nothing was overwritten: look at the case again"
        )


def _row(decision: Decision, seen: Mapping[str, int]) -> dict[str, Any]:
    is_verdict = decision.action in VERDICTS or (decision.action == "undo" and decision.product_id in seen)
    version = seen[decision.product_id] + 1 if is_verdict else None
    listing = decision.listing.model_dump() if decision.listing else None
    return decision.model_dump() | {"listing": listing, "version": version}


def _decision(row: sa.Row[Any]) -> Decision:
    given = {name: getattr(row, name) for name in Decision.model_fields}
    return Decision(**given | {"decided_at": _utc(row.decided_at)})


def _utc(moment: datetime) -> datetime:
    # SQLite keeps no time zone.
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _chunks(values: Iterable[str]) -> Iterable[list[str]]:
    known = list(values)
    return (known[start : start + LOOKUP_IDS] for start in range(0, len(known), LOOKUP_IDS))
