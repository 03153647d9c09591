"""The database of a ledger: SQLite or Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from walmart_pipeline.core.errors import UserError

# Other processes hold the file for milliseconds at a time.
BUSY_SECONDS = 60
# 16 MB of log. A checkpoint blocks the writer: at SQLite's default of 1,000 pages for 20 ms every 300 calls, at 4,000
# for 50 ms every 1,300.
CHECKPOINT_PAGES = 4_000
# The advisory lock for making tables: any number that is not used for another lock in this database.
MAKING_TABLES = 0x6C656467


class LedgerError(UserError):
    """The ledger can't be read or written."""


def open_engine(url: str, metadata: sa.MetaData, *, survives_power_cut: bool = False) -> sa.Engine:
    """The database of a ledger, with these tables. Raises LedgerError.

    survives_power_cut: SQLite syncs each commit to the disk, for rows that no model can be asked for again.
    """
    try:
        engine = _engine(sa.make_url(url), survives_power_cut=survives_power_cut)
        with engine.begin() as connection:
            _make_tables(connection, metadata)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise LedgerError(f"the ledger can't be opened: {error}") from error
    return engine


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction in a ledger's database. Raises LedgerError, without the rows that SQLAlchemy's message includes."""
    try:
        with engine.begin() as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        raise LedgerError(f"the ledger can't be read or written: {error.args[0]}") from error


def ping(url: str, timeout_seconds: int) -> None:
    """Raise LedgerError if the database of a ledger does not answer; nothing is made in it."""
    parsed = sa.make_url(url)
    if not parsed.drivername.startswith("sqlite"):
        parsed = parsed.update_query_dict({"connect_timeout": str(timeout_seconds)})
    engine = _engine(parsed, survives_power_cut=False)
    try:
        with transaction(engine) as connection:
            connection.execute(sa.select(1))
    finally:
        engine.dispose()


def clock(connection: sa.Connection) -> sa.ColumnElement[Any]:
    """The database's own time in seconds: one clock for all machines."""
    if connection.dialect.name == "postgresql":
        return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
    return (sa.func.julianday("now") - 2_440_587.5) * 86_400.0


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """An insert statement that can take conflicts into account."""
    from sqlalchemy.dialects import postgresql, sqlite

    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)


def _engine(parsed: sa.URL, *, survives_power_cut: bool) -> sa.Engine:
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if not parsed.drivername.startswith("sqlite"):
        # A connection that the server closed in between is replaced: a restart of the database ends no run.
        return sa.create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS})

    @sa.event.listens_for(engine, "connect")
    def durable(connection: Any, _: object) -> None:
        # With a write-ahead log and NORMAL, a killed process loses nothing; a power cut may lose the last commits.
        connection.execute("pragma journal_mode = wal")
        connection.execute(f"pragma synchronous = {'full' if survives_power_cut else 'normal'}")
        connection.execute(f"pragma wal_autocheckpoint = {CHECKPOINT_PAGES}")

    return engine


def _make_tables(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Create missing tables, indexes, and columns that a ledger of an earlier version lacks.

    The lock is for concurrent processes, in which "if not exists" alone may fail in PostgreSQL.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MAKING_TABLES)))
    for table in metadata.sorted_tables:
        connection.execute(sa.schema.CreateTable(table, if_not_exists=True))
        _add_columns(connection, table)
        for index in table.indexes:
            connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))


def _add_columns(connection: sa.Connection, table: sa.Table) -> None:
    def missing() -> list[sa.Column[Any]]:
        present = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
        return [column for column in table.columns if column.name not in present]

    for column in missing():
        definition = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
        try:
            connection.execute(sa.text(f"alter table {table.name} add column {definition}"))
        except sa.exc.OperationalError:
            # SQLite has no "if not exists": another process may have added it in between.
            if column in missing():
                raise
