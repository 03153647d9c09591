"""Copies of the ledger's and the reviewers' databases while they are in use: SQLite as a file, Postgres by COPY."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.llm import ledger_tables
from walmart_pipeline.llm.batch import store as batches
from walmart_pipeline.llm.ledger_database import BUSY_SECONDS, open_engine, transaction
from walmart_pipeline.reviews import store_tables

if TYPE_CHECKING:
    import sqlalchemy as sa

SUFFIX = ".copy"


class DatabaseCopyError(UserError):
    """A database can't be copied, or a copy can't be loaded."""


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite database; None for Postgres."""
    import sqlalchemy as sa

    parsed = sa.make_url(url)
    return Path(parsed.database or "") if parsed.drivername.startswith("sqlite") else None


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database as of one moment; writers go on. Raises DatabaseCopyError if the copy is damaged."""
    try:
        # rw: a write-ahead log that a killed process left is read only by a connection that may write.
        address = f"file:{quote(str(source.absolute()))}?mode=rw"
        with (
            closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as database,
            closing(sqlite3.connect(target)) as copy,
        ):
            database.backup(copy)
            # One file, without a log beside it.
            copy.execute("pragma journal_mode = delete")
            (found,) = copy.execute("pragma quick_check(1)").fetchone()
    except sqlite3.Error as error:
        raise DatabaseCopyError(f"{source} can't be copied: {error}") from error
    if found != "ok":
        raise DatabaseCopyError(f"{source} is damaged: {found}")


def is_open(file: Path) -> bool:
    """Whether a process has a ledger's or the reviewers' file open, even if it is idle. Damage counts as closed."""
    try:
        with closing(sqlite3.connect(file, timeout=0)) as database:
            # Only the last connection may leave the write-ahead log; the next one that opens the file returns to it.
            (mode,) = database.execute("pragma journal_mode = delete").fetchone()
    except sqlite3.DatabaseError as error:
        return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
    return bool(mode == "wal")


def dump_postgres(url: str, folder: Path) -> dict[str, list[str]]:
    """Write every table as of one moment to `<table>.copy`, in the text format of COPY. Returns their columns."""
    metadata = _tables()
    engine = open_engine(url, metadata).execution_options(isolation_level="REPEATABLE READ")
    folder.mkdir(parents=True)
    columns = {}
    try:
        with transaction(engine) as connection:
            for table in metadata.sorted_tables:
                columns[table.name] = [column.name for column in table.columns]
                query = f"copy {table.name} ({', '.join(columns[table.name])}) to stdout"
                with (
                    (folder / f"{table.name}{SUFFIX}").open("wb") as file,
                    _driver(connection).cursor() as cursor,
                    cursor.copy(query) as data,
                ):
                    for block in data:
                        file.write(block)
    finally:
        engine.dispose()
    return columns


def has_rows(url: str) -> bool:
    """Whether a ledger in Postgres has any row."""
    import sqlalchemy as sa

    metadata = _tables()
    engine = open_engine(url, metadata)
    try:
        with transaction(engine) as connection:
            return any(connection.scalar(sa.select(sa.exists().select_from(table))) for table in metadata.sorted_tables)
    finally:
        engine.dispose()


def load_postgres(url: str, folder: Path, columns: dict[str, list[str]]) -> None:
    """Load a dump in one transaction, in place of the rows that are there."""
    import sqlalchemy as sa

    metadata = _tables()
    if unknown := columns.keys() - metadata.tables.keys():
        raise DatabaseCopyError(f"the backup is of a newer walmart-pipeline, with the tables {', '.join(unknown)}")
    engine = open_engine(url, metadata)
    try:
        with transaction(engine) as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
            for table in metadata.sorted_tables:
                if table.name in columns:
                    _load(connection, table, folder / f"{table.name}{SUFFIX}", columns[table.name])
    finally:
        engine.dispose()


def _load(connection: sa.Connection, table: sa.Table, file: Path, columns: list[str]) -> None:
    import sqlalchemy as sa

    query = f"copy {table.name} ({', '.join(map(_checked, columns))}) from stdin"
    with file.open("rb") as dump, _driver(connection).cursor() as cursor, cursor.copy(query) as data:
        while block := dump.read(1 << 20):
            data.write(block)
    if (numbered := table.autoincrement_column) is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, numbered.name)
        following = sa.func.coalesce(sa.select(sa.func.max(numbered)).scalar_subquery(), 0) + 1
        connection.execute(sa.select(sa.func.setval(sequence, following, False)))


def _checked(column: str) -> str:
    if not column.isidentifier():
        raise DatabaseCopyError(f"the backup names a column {column!r}")
    return column


def _driver(connection: sa.Connection) -> Any:
    """The connection of psycopg: SQLAlchemy has no COPY."""
    return connection.connection.driver_connection


def _tables() -> sa.MetaData:
    import sqlalchemy as sa

    # Not those of workers at work (claims, endpoint_shares, workers): after a restore none is.
    metadata = sa.MetaData()
    ledger_tables.calls_table(metadata)
    ledger_tables.cache_hits_table(metadata)
    ledger_tables.run_budgets_table(metadata)
    batches.add_tables(metadata)
    store_tables.add_tables(metadata)
    return metadata
