"""The warehouse: one DuckDB file, opened for as long as a step needs it and closed whatever happens.

Belongs here: connections, migrations, and how rows enter and leave a table. Does not: what a table means (the stages).
DuckDB lets one process write, or many read: whoever comes second waits for `wait_seconds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa
    from pydantic import BaseModel

MIGRATIONS = Path(__file__).parent / "migrations"

# Rows of a catalog are 1–5 kB: 2,000 keep a batch under 10 MB in Python while Arrow's cost a batch stays below 1 %.
BATCH_ROWS = 2_000

# What DuckDB keeps in memory before it goes on in files beside the warehouse: its own choice would be four fifths of
# the machine, which Python, a model server and Dagster share.
MEMORY_LIMIT = "1GB"

# What of it stays from one checkpoint to the next. Without, the blocks of all that was written so far and the
# allocator's free pages stay: writing 100,000 products peaked at 292 MB, so at 242 MB, and 4,000 at 204 MB.
KEPT_MEMORY = "32MB"

Row = dict[str, Any]

# For each span the tables are read once more, whole where they do not stand in the key's order. 200,000 products in
# any order took, 5,000 a span, 13.2 s of CPU time and 218 MB; 10,000 11.3 s, 234 MB; 20,000 10.8 s, 274 MB; all as one
# 10.5 s, 459 MB.
SPAN_ROWS = 10_000

# The first and the last key of each span; only the keys are gathered, whatever else the query selects.
SPAN_BOUNDS = """
select min(key) as first_key, max(key) as last_key
from (select {key} as key, row_number() over (order by {key}) - 1 as place from ({sql}))
group by place // {rows}
order by first_key
"""


class WarehouseError(Exception):
    """The warehouse can't be opened, or isn't the one that this code knows."""


class Database:
    """An open connection. `writing()` of Warehouse holds it in one transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._page_tables = 0

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        """Run one statement."""
        self._connection.execute(sql, parameters)

    def checkpoint(self) -> None:
        """Keep everything so far, whatever happens next, and give back the memory that it took.

        For loops that write batch by batch. DuckDB would merge what small commits leave into row groups of 122,880
        rows, uncompressed in memory: writing 100,000 products peaked at 475 MB, without at 242 MB. From the first
        checkpoint on the connection leaves that to the next one that writes and has none.
        """
        self._connection.execute("set max_vacuum_tasks = 0")
        self._connection.commit()
        self._free_memory()
        self._connection.begin()

    @contextmanager
    def on_one_thread(self) -> Iterator[None]:
        """For a block in which other processes have the cores: there more threads only take each other's time.

        Judging on two cores, the statements between took 80 µs of CPU time a listing with two threads, so 60 µs.
        """
        self._connection.execute("set threads = 1")
        yield
        # An error ends the connection with its settings.
        self._connection.execute("reset threads")

    def _free_memory(self) -> None:
        """A lower limit makes DuckDB drop blocks, move temporary tables to files and empty its allocator at once."""
        import duckdb

        # What is in use can't be dropped: the next checkpoint tries again.
        with suppress(duckdb.OutOfMemoryException):
            self._connection.execute(f"set memory_limit = '{KEPT_MEMORY}'")
        self._connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> list[Row]:
        """All rows as dictionaries: for results that are small by their nature."""
        return _rows(self._connection.execute(sql, parameters).to_arrow_table())

    def value(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row; None if there is no row."""
        row = self._connection.execute(sql, parameters).fetchone()
        return row[0] if row else None

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(self.value(f"select count(*) from {table}"))

    def stream(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None, batch_rows: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        """Rows in batches, so that memory does not grow with the result.

        The statement's result belongs to this connection: finish or close the stream before the next statement.
        """
        for batch in self._connection.execute(sql, parameters).to_arrow_reader(batch_rows):
            yield _rows(batch)

    def pages(
        self, sql: str, parameters: Mapping[str, Any] | None = None, rows: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        """The result as it is now, in batches, between which other statements may run and commit.

        For narrow rows, or where the tables that the query reads change in between; `pages_by_key` for wide ones.
        It is set down in a temporary table first and read by row number: a limit with an offset would read all that
        comes before it once more for each batch (300,000 rows: 1.2 s a batch at the end, so 0.01 s). DuckDB's own
        rowid does not serve: it changes when the transaction is committed.
        """
        self._page_tables += 1
        table = f"pages_{self._page_tables}"
        numbered = f"select *, row_number() over () as page_row from ({sql})"
        self._connection.execute(f"create temp table {table} as {numbered}", parameters)
        page = f"select * exclude (page_row) from {table} where page_row > ? and page_row <= ? order by page_row"
        for start in range(0, self.count(table), rows):
            yield self.query(page, [start, start + rows])
        self._connection.execute(f"drop table {table}")

    def pages_by_key(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, key: str, rows: int = BATCH_ROWS
    ) -> Iterator[list[Row]]:
        """The result in the order of `key`, in batches, between which other statements may run and commit.

        key: a column of the result, unique in it. Which keys there are is settled at the start; their rows are held in
        spans of SPAN_ROWS, so that memory does not grow with them.
        """
        given = dict(parameters or {})
        span = f"select * from ({sql}) where {key} between $first_key and $last_key order by {key}"
        for bounds in self.query(SPAN_BOUNDS.format(sql=sql, key=key, rows=SPAN_ROWS), given):
            held = self._connection.execute(span, given | bounds).to_arrow_table()
            for start in range(0, held.num_rows, rows):
                yield _rows(held.slice(start, rows))

    def frame(self, sql: str) -> pd.DataFrame:
        """All rows as a pandas frame, for libraries that take nothing else."""
        return self._connection.execute(sql).df()

    def append(self, table: str, rows: Iterable[Mapping[str, Any]], batch_rows: int = BATCH_ROWS) -> int:
        """Insert rows; a column that a row lacks is null. Returns how many rows were inserted."""
        schema = self.schema(table)
        names = ", ".join(f'"{name}"' for name in schema.names)
        total = 0
        for batch in batches(rows, batch_rows):
            # DuckDB finds it by its name. Registered instead, each batch would be held until the commit.
            incoming = _table(batch, schema)
            self._connection.execute(f"insert into {table} ({names}) select {names} from incoming")
            total += incoming.num_rows
        return total

    def replace(self, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """The table holds exactly these rows afterwards. Returns how many."""
        self._connection.execute(f"delete from {table}")
        return self.append(table, rows)

    def upsert(self, table: str, rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> int:
        """Replace the rows of the same key and add the others. Returns how many rows were given."""
        if not rows:
            return 0
        schema = self.schema(table)
        names = ", ".join(f'"{name}"' for name in schema.names)
        same = " and ".join(f'{table}."{column}" is not distinct from incoming."{column}"' for column in key)
        incoming = _table(rows, schema)
        self._connection.execute(f"delete from {table} using incoming where {same}")
        self._connection.execute(f"insert into {table} ({names}) select {names} from incoming")
        return incoming.num_rows

    def sync(self, table: str, wanted: str, *, key: str, stamp: str) -> tuple[int, int]:
        """Make `table` hold exactly the rows of the query `wanted`, but write only those that differ.

        key: column that is unique in both. stamp: a column that says when a row was written and makes no difference.
        Returns (rows written, rows removed because `wanted` no longer has their key).
        """
        execute = self._connection.execute
        execute(f"create or replace temp table wanted_rows as select * from ({wanted})")
        removed = self.value(f"select count(*) from {table} where {key} not in (select {key} from wanted_rows)")
        execute(f"delete from {table} where {key} not in (select {key} from wanted_rows)")
        execute(
            f"create or replace temp table changed_rows as select {key} from ("
            f"select * exclude ({stamp}) from wanted_rows except select * exclude ({stamp}) from {table})"
        )
        execute(f"delete from {table} where {key} in (from changed_rows)")
        execute(f"insert into {table} by name select * from wanted_rows where {key} in (from changed_rows)")
        return self.count("changed_rows"), int(removed)

    def schema(self, table: str) -> pa.Schema:
        """Arrow schema of a table."""
        return self._connection.execute(f"select * from {table} limit 0").to_arrow_table().schema


class Warehouse:
    """Where the warehouse is; opens it on demand."""

    def __init__(self, path: Path, wait_seconds: float = 0.0) -> None:
        self.path = path
        self.wait_seconds = wait_seconds

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """A read-only connection. Raises WarehouseError if there is no warehouse yet, or it stays locked."""
        if not self.path.exists():
            raise WarehouseError(f"there is no warehouse at {self.path} yet: run `walmart-pipeline run` first")
        connection = self._connect(read_only=True)
        try:
            _known(connection, self.path)
            yield Database(connection)
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """A connection in one transaction: committed when the block ends well, rolled back otherwise.

        Makes and migrates the warehouse. Raises WarehouseError if it stays locked or is newer than this code.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connect(read_only=False)
        try:
            _migrate(connection, self.path)
            connection.begin()
            try:
                yield Database(connection)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        finally:
            connection.close()

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        import duckdb
        import stamina

        def locked(error: Exception) -> bool:
            return isinstance(error, duckdb.IOException) and "lock" in str(error)

        try:
            for attempt in stamina.retry_context(
                on=locked,
                attempts=None if self.wait_seconds else 1,
                timeout=self.wait_seconds or None,
                wait_initial=0.2,
                wait_max=5.0,
            ):
                with attempt:
                    connection = duckdb.connect(str(self.path), read_only=read_only)
        except duckdb.IOException as error:
            raise WarehouseError(
                f"the warehouse {self.path} can't be opened: {error}. Another process may be writing to it: "
                "wait for its run to end, or raise WALMART_WAREHOUSE_WAIT_SECONDS."
            ) from error
        # A spinner over a query would break the progress bars and the logs.
        connection.execute("set enable_progress_bar = false")
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        return connection


def struct(table: str, record: type[BaseModel]) -> str:
    """SQL for a record of this kind as one column, from the columns of the same names in `table`."""
    return "{" + ", ".join(f"'{name}': {table}.{name}" for name in record.model_fields) + "}"


def batches(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    """Lists of at most `size` rows, in order."""
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pylist([dict(row) for row in rows], schema=schema)


def _rows(table: pa.Table | pa.RecordBatch) -> list[Row]:
    return table.to_pylist(maps_as_pydicts="strict")


def _migrations() -> list[tuple[int, Path]]:
    return [(int(path.name[:4]), path) for path in sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))]


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    kept = connection.execute("select count(*) from duckdb_tables() where table_name = 'migrations'").fetchone()
    if not kept or not kept[0]:
        return 0
    row = connection.execute("select coalesce(max(version), 0) from main.migrations").fetchone()
    return int(row[0]) if row else 0


def _known(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    newest = _migrations()[-1][0]
    version = _version(connection)
    if version > newest:
        raise WarehouseError(f"{path} is at version {version}, this code knows {newest}: update the code")
    if version < newest:
        raise WarehouseError(f"{path} is at version {version}, this code needs {newest}: run `walmart-pipeline run`")


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    version = _version(connection)
    for number, script in _migrations():
        if number <= version:
            continue
        connection.begin()
        connection.execute("create table if not exists main.migrations (version integer, name varchar)")
        connection.execute(script.read_text(encoding="utf-8"))
        connection.execute("insert into main.migrations values (?, ?)", [number, script.name])
        connection.commit()
    _known(connection, path)
