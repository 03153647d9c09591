"""The warehouse, as everything uses it: transactions that write, connections that read, and statements.

What opens one, by the settings: warehouses.py. A DuckDB file: file_warehouse.py. A DuckLake: lake_warehouse.py.
Statements run on both: no keys, indexes, sequences or enums, and no default of a map.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core.errors import UserError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa
    from pydantic import BaseModel

# Rows of a catalog are 1–5 kB: a batch takes up to 10 MB in Python.
BATCH_ROWS = 2_000

# Beyond it DuckDB spills to disk. Its default, 80 % of the machine, would leave little to a model server.
MEMORY_LIMIT = "1GB"

# Between checkpoints; otherwise memory grows with what was written (292 instead of 242 MB for 100,000 products).
RETAINED_MEMORY = "32MB"

# Until a wait for another process is announced.
ANNOUNCE_SECONDS = 2.0

Row = dict[str, Any]

# Each span scans the tables again. 200,000 products took 13.2 s of CPU time and 218 MB with spans of 5,000, 11.3 s and
# 234 MB with 10,000, 10.5 s and 459 MB in a single one.
SPAN_ROWS = 10_000

# The first and the last key of each span; only the keys are read.
SPAN_BOUNDS = """
select min(key) as first_key, max(key) as last_key
from (select {key} as key, row_number() over (order by {key}) - 1 as place from ({sql}))
group by place // {rows}
order by first_key
"""


class WarehouseError(UserError):
    """The warehouse can't be opened, or was written by a newer version."""


class WarehouseBusyError(WarehouseError):
    """Another process has the warehouse locked."""


class Database:
    """An open connection. version: of what is read, as the key of what is kept of it; empty while it may change."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, version: str = "") -> None:
        self.version = version
        self._connection = connection
        self._page_tables = 0

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        """Run one statement."""
        self._connection.execute(sql, parameters)

    def checkpoint(self) -> None:
        """Commit, free memory, and begin a new transaction: for loops over batches.

        Turns vacuum off: DuckDB would merge small commits into row groups, uncompressed in memory (475 instead of
        242 MB for 100,000 products).
        """
        self._connection.execute("set max_vacuum_tasks = 0")
        self._connection.commit()
        self._free_memory()
        self._connection.begin()

    def _free_memory(self) -> None:
        """Lower the limit for a moment: DuckDB drops blocks and moves temporary tables to disk immediately."""
        import duckdb

        # Memory in use can't be freed: the next checkpoint tries again.
        with suppress(duckdb.OutOfMemoryException):
            self._connection.execute(f"set memory_limit = '{RETAINED_MEMORY}'")
        self._connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> list[Row]:
        """Return all rows as dictionaries: for small results."""
        return _rows(self._connection.execute(sql, parameters).to_arrow_table())

    def value(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the first row; None without rows."""
        row = self._connection.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        return int(self.value(f"select count(*) from {table}"))

    def fingerprint(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> str:
        """Hash the rows of a query, whatever their order."""
        hashed = f"select md5(concat_ws(':', count(*), sum(hash(found)::hugeint))) from ({sql}) as found"
        return str(self.value(hashed, parameters))

    def stream(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Iterator[list[Row]]:
        """Yield rows in batches. Finish or close the stream before the next statement on this connection."""
        for batch in self._connection.execute(sql, parameters).to_arrow_reader(BATCH_ROWS):
            yield _rows(batch)

    def pages(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[list[Row]]:
        """Yield a snapshot of the result in batches; other statements may run and commit in between.

        It is copied to a temporary table with row numbers: an offset would scan all earlier rows for each batch, and
        DuckDB's rowid changes on commit. For wide rows use `pages_by_key`.
        """
        self._page_tables += 1
        table = f"pages_{self._page_tables}"
        numbered = f"select *, row_number() over () as page_row from ({sql})"
        self._connection.execute(f"create temp table {table} as {numbered}", parameters)
        page = f"select * exclude (page_row) from {table} where page_row > ? and page_row <= ? order by page_row"
        for start in range(0, self.count(table), BATCH_ROWS):
            yield self.query(page, [start, start + BATCH_ROWS])
        self._connection.execute(f"drop table {table}")

    def pages_by_key(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, key: str, rows: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        """Yield the result in batches by its unique column `key`; other statements may run and commit in between.

        The keys are fixed at the start; their rows are read in spans of SPAN_ROWS to bound memory.
        """
        given = dict(parameters or {})
        span = f"select * from ({sql}) where {key} between $first_key and $last_key order by {key}"
        for bounds in self.query(SPAN_BOUNDS.format(sql=sql, key=key, rows=SPAN_ROWS), given):
            table = self._connection.execute(span, given | bounds).to_arrow_table()
            for start in range(0, table.num_rows, rows):
                yield _rows(table.slice(start, rows))
            # DuckDB would otherwise cache what it has read, up to the limit.
            del table
            self._free_memory()

    def frame(self, sql: str) -> pd.DataFrame:
        """Return all rows as a pandas DataFrame."""
        return self._connection.execute(sql).df()

    def append(self, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert rows; missing columns are null. Returns the number of rows."""
        schema = self.schema(table)
        names = ", ".join(f'"{name}"' for name in schema.names)
        total = 0
        for batch in batches(rows, BATCH_ROWS):
            # DuckDB finds the variable by its name. If registered, each batch would be held until the commit.
            incoming = _table(batch, schema)
            self._connection.execute(f"insert into {table} ({names}) select {names} from incoming")
            total += incoming.num_rows
        return total

    def hold(self, name: str, rows: Sequence[Mapping[str, Any]], *, like: str) -> int:
        """Put rows into the temporary table `name`, with the columns of the table `like`. Returns their number."""
        incoming = _table(rows, self.schema(like))
        self._connection.execute(f"create or replace temp table {name} as select * from incoming")
        return incoming.num_rows

    def replace(self, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Replace all rows of a table. Returns the number of rows."""
        self._connection.execute(f"delete from {table}")
        return self.append(table, rows)

    def insert_from(self, other: Database, table: str) -> None:
        """Insert the rows of a table of another warehouse, a batch in memory at a time."""
        incoming = other._connection.execute(f"from {table}").to_arrow_reader(BATCH_ROWS)  # noqa: F841 - DuckDB finds it
        self._connection.execute(f"insert into {table} by name from incoming")

    def upsert(self, table: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> int:
        """Insert rows, replacing those with the same key. Returns the number of rows."""
        if not rows:
            return 0
        schema = self.schema(table)
        names = ", ".join(f'"{name}"' for name in schema.names)
        same = " and ".join(f'{table}."{column}" is not distinct from incoming."{column}"' for column in key)
        incoming = _table(rows, schema)
        self._connection.execute(f"delete from {table} using incoming where {same}")
        self._connection.execute(f"insert into {table} ({names}) select {names} from incoming")
        return incoming.num_rows

    def sync(self, table: str, query: str, *, key: str, stamp: str) -> tuple[int, int]:
        """Make `table` equal to the result of `query`, writing only rows that differ.

        key: a unique column of both. stamp: the column with the time of writing, which is not compared.
        Returns the numbers of rows written and removed.
        """
        execute = self._connection.execute
        execute(f"create or replace temp table target_rows as select * from ({query})")
        removed = self.value(f"select count(*) from {table} where {key} not in (select {key} from target_rows)")
        execute(f"delete from {table} where {key} not in (select {key} from target_rows)")
        execute(
            f"create or replace temp table changed_rows as select {key} from ("
            f"select * exclude ({stamp}) from target_rows except select * exclude ({stamp}) from {table})"
        )
        execute(f"delete from {table} where {key} in (from changed_rows)")
        execute(f"insert into {table} by name select * from target_rows where {key} in (from changed_rows)")
        return self.count("changed_rows"), int(removed)

    def schema(self, table: str) -> pa.Schema:
        """Return the Arrow schema of a table."""
        return self._connection.execute(f"select * from {table} limit 0").to_arrow_table().schema


class Warehouse(ABC):
    """Where the tables are, opened on demand. Waits up to `wait_seconds` for others who write."""

    def __init__(self, wait_seconds: float = 0.0) -> None:
        self.wait_seconds = wait_seconds

    def check(self) -> None:
        """Raise WarehouseError if the warehouse can't be used: before any work."""
        self.exists()

    @abstractmethod
    def exists(self) -> bool:
        """Whether anything was ever written. Raises WarehouseError if it does not answer."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[Database]:
        """Open a read-only connection, for one state of the tables; an older warehouse is migrated first.

        Raises WarehouseError if there is no warehouse yet, it is newer than this code, or it stays locked.
        """

    @abstractmethod
    def writing(self) -> AbstractContextManager[Database]:
        """Open a connection and a transaction, committed when the block succeeds and rolled back otherwise.

        Creates and migrates the warehouse. Raises WarehouseError if it is newer than this code, or stays locked.
        """

    @abstractmethod
    def copy_to(self, target: Path) -> None:
        """Write a DuckDB file with the tables as they are after some transaction.

        Raises WarehouseError if it stays locked, or can't be copied.
        """

    @abstractmethod
    def version(self) -> str:
        """Return what changes with every transaction. Raises WarehouseError if there is no warehouse yet."""


def struct(table: str, record: type[BaseModel]) -> str:
    """SQL for a struct with a record's fields, from the columns of the same names in `table`."""
    return "{" + ", ".join(f"'{name}': {table}.{name}" for name in record.model_fields) + "}"


def batches(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    """Yield lists of at most `size` rows, in order."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _rows(table: pa.Table | pa.RecordBatch) -> list[Row]:
    return table.to_pylist(maps_as_pydicts="strict")
