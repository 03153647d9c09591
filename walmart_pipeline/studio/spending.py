"""What each user's texts cost a day, kept in the Studio's store: a shared limit for all their sessions and runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from walmart_pipeline.llm.ledger_database import open_engine, transaction
from walmart_pipeline.reviews.store_tables import spending_table

if TYPE_CHECKING:
    import sqlalchemy as sa


class Spending:
    """The days of all users. Threads may share one; processes each have their own.

    url: of SQLAlchemy, as `Settings.reviews_url`. limit_usd: of one user and day. Raises LedgerError.
    """

    def __init__(self, url: str, limit_usd: float) -> None:
        import sqlalchemy as sa

        self.limit_usd = limit_usd
        metadata = sa.MetaData()
        self._table = spending_table(metadata)
        self._engine = open_engine(url, metadata, survives_power_cut=True)

    def account(self, author: str, day: date | None = None) -> UserAccount:
        """The account of a user, of today (UTC) unless told otherwise."""
        return UserAccount(self, author, day or datetime.now(UTC).date())

    def spent(self, author: str, day: date | None = None) -> float:
        """USD that are spent or reserved; a call that was killed counts with what was reserved for it."""
        import sqlalchemy as sa

        days = self._table.c
        query = sa.select(days.spent_usd + days.reserved_usd).where(
            days.author == author, days.day == (day or datetime.now(UTC).date())
        )
        with transaction(self._engine) as connection:
            return float(connection.scalar(query) or 0.0)

    def reserve(self, author: str, day: date, usd: float) -> bool:
        """Reserve an amount if the limit of the day allows it: one statement, which two runs can't both pass."""
        import sqlalchemy as sa

        days = self._table.c
        fits = days.spent_usd + days.reserved_usd + usd <= self.limit_usd
        with transaction(self._engine) as connection:
            self._open(connection, author, day)
            reserved = sa.update(self._table).where(days.author == author, days.day == day, fits)
            return connection.execute(reserved.values(reserved_usd=days.reserved_usd + usd)).rowcount == 1

    def settle(self, author: str, day: date, reserved_usd: float, cost_usd: float) -> None:
        """Replace a reservation by what the call cost."""
        import sqlalchemy as sa

        days = self._table.c
        settled = sa.update(self._table).where(days.author == author, days.day == day)
        with transaction(self._engine) as connection:
            connection.execute(
                settled.values(reserved_usd=days.reserved_usd - reserved_usd, spent_usd=days.spent_usd + cost_usd)
            )

    def close(self) -> None:
        """Close its connections."""
        self._engine.dispose()

    def _open(self, connection: sa.Connection, author: str, day: date) -> None:
        from sqlalchemy.dialects import postgresql, sqlite

        insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        row = {"author": author, "day": day, "spent_usd": 0.0, "reserved_usd": 0.0}
        connection.execute(insert(self._table).values(row).on_conflict_do_nothing())


class UserAccount:
    """A user's budget of one day; see `Account` in llm/dispatch/budget.py."""

    def __init__(self, spending: Spending, author: str, day: date) -> None:
        self._spending, self._author, self._day = spending, author, day

    @property
    def reached(self) -> str:
        """Why nothing more is reserved."""
        limit, spent = self._spending.limit_usd, self._spending.spent(self._author, self._day)
        return (
            f"your budget of {limit:.2f} USD a day is reached: {spent:.4f} USD are spent or reserved, and the next "
            "call could cost more than what is left. Choose a model that is free, or go on tomorrow (UTC); an admin "
            "can raise WALMART_STUDIO_BUDGET_USD"
        )

    def reserve(self, usd: float) -> bool:
        """See Account."""
        return self._spending.reserve(self._author, self._day, usd)

    def settle(self, reserved_usd: float, cost_usd: float) -> None:
        """See Account."""
        self._spending.settle(self._author, self._day, reserved_usd, cost_usd)
