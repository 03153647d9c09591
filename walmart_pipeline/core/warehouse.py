"""The warehouse: connections to one DuckDB file, its migrations, and reading and writing rows.

DuckDB allows one writing process or many readers: keep transactions short, others wait for them.
"""

from __future__ import annotations

import logging
import random
import re
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core.errors import UserError

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import pyarrow as pa
    from pydantic import BaseModel

logger = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"

# Beside the file while a backup is being restored: what is there then is partly of before.
UNFINISHED_RESTORE = "restore-unfinished"

# Rows of a catalog are 1–5 kB: a batch takes up to 10 MB in Python.
BATCH_ROWS = 2_000

# Beyond it DuckDB spills to disk. Its default, 80 % of the machine, would leave little to a model server.
MEMORY_LIMIT = "1GB"

# Between checkpoints; otherwise memory grows with what was written (292 instead of 242 MB for 100,000 products).
RETAINED_MEMORY = "32MB"

# Between two attempts to open a locked file, and until the wait is announced.
PAUSE_SECONDS = (0.05, 0.25)
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
    """An open connection."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
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

    def replace(self, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Replace all rows of a table. Returns the number of rows."""
        self._connection.execute(f"delete from {table}")
        return self.append(table, rows)

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


class Warehouse:
    """The DuckDB file, opened on demand. Waits up to `wait_seconds` while another process has it locked."""

    def __init__(self, path: Path, wait_seconds: float = 0.0) -> None:
        self.path = path
        self.wait_seconds = wait_seconds

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Open a read-only connection; an older warehouse is migrated first.

        Raises WarehouseError if there is no warehouse yet, it is newer than this code, or it stays locked.
        """
        if not self.path.exists():
            raise WarehouseError(f"there is no warehouse at {self.path} yet: run `walmart-pipeline run` first")
        connection = self._connect(read_only=True)
        try:
            if _pending(connection, self.path):
                connection.close()
                with self.writing():
                    pass
                connection = self._connect(read_only=True)
            yield Database(connection)
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Open a connection and a transaction, committed when the block succeeds and rolled back otherwise.

        Creates and migrates the warehouse. Raises WarehouseError if it is newer than this code, or stays locked.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connect(read_only=False)
        try:
            if _migrate(connection, self.path):
                connection.close()
                connection = self._connect(read_only=False)
            connection.begin()
            try:
                yield Database(connection)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
        finally:
            connection.close()

    def copy_to(self, target: Path) -> None:
        """Copy the file as it is after some transaction; others wait for a copy as for a transaction.

        Raises WarehouseError if it stays locked, or can't be copied.
        """
        connection = self._connect(read_only=False)
        try:
            connection.execute("checkpoint")
            _copy(self.path, target)
        finally:
            connection.close()

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        import duckdb

        if self.path.with_name(UNFINISHED_RESTORE).exists():
            raise WarehouseError(
                f"a backup was not restored completely to {self.path.parent}: repeat `walmart-pipeline restore`"
            )
        started, is_announced = time.monotonic(), False
        while True:
            try:
                connection = duckdb.connect(str(self.path), read_only=read_only)
                break
            except (duckdb.IOException, duckdb.ConnectionException) as error:
                # A thread of this process that reads keeps another one from writing, with an error of its own.
                if "lock" not in str(error) and "different configuration" not in str(error):
                    raise WarehouseError(f"the warehouse {self.path} can't be opened: {error}") from error
                waited = time.monotonic() - started
                # DuckDB names the process that holds the file.
                found = re.search(r"held in (\S+) \(PID (\d+)\)", str(error))
                holder = f"process {found[2]} ({found[1]})" if found else "another process"
                if waited >= self.wait_seconds:
                    raise WarehouseBusyError(
                        f"the warehouse {self.path} is in use by {holder}: try again when that is done, "
                        "or raise WALMART_WAREHOUSE_WAIT_SECONDS"
                    ) from error
                if waited >= ANNOUNCE_SECONDS and not is_announced:
                    is_announced = True
                    logger.warning("waiting for %s, which holds the warehouse %s", holder, self.path)
            # Writers hold the file for seconds at most. Random pauses: two processes must not collide each time.
            time.sleep(random.uniform(*PAUSE_SECONDS))  # noqa: S311 - not for security
        # DuckDB's spinner would break our progress bars and the logs.
        connection.execute("set enable_progress_bar = false")
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        return connection


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


def _pending(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[int, Path]:
    """Return pending migrations by number. Raises WarehouseError if the warehouse has unknown ones."""
    scripts = {int(script.name[:4]): script for script in sorted(MIGRATIONS.glob("[0-9][0-9][0-9][0-9]_*.sql"))}
    applied = _applied(connection)
    if unknown := applied - scripts.keys():
        raise WarehouseError(
            f"{path} was written by a newer walmart-pipeline (version {max(unknown)}; this one knows {max(scripts)}): "
            "upgrade it"
        )
    return {number: script for number, script in scripts.items() if number not in applied}


def _applied(connection: duckdb.DuckDBPyConnection) -> set[int]:
    import duckdb

    try:
        return {number for (number,) in connection.execute("select version from main.migrations").fetchall()}
    except duckdb.CatalogException:
        return set()


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Apply pending migrations, all or nothing. Returns whether the file was replaced.

    A warehouse with data is migrated as a copy, which then replaces the file; a backup of the file stays beside it. One
    transaction would not do: DuckDB can't update a table that the same transaction has altered.
    """
    import duckdb

    pending = _pending(connection, path)
    if not pending:
        return False
    if not _applied(connection):
        _apply(connection, pending, path)
        return False
    connection.execute("checkpoint")
    old = path.with_name(f"{path.stem}.before-{max(pending):04}{path.suffix}")
    new = path.with_name(f"{path.stem}.migrating{path.suffix}")
    try:
        _copy(path, new)
        with duckdb.connect(str(new)) as migrated:
            _apply(migrated, pending, path)
        old.unlink(missing_ok=True)
        old.hardlink_to(path)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    logger.warning("migrated the warehouse to version %d; backup: %s", max(pending), old)
    return True


def _copy(source: Path, target: Path) -> None:
    # By another process: this one would lose its lock on the file as soon as it closed it.
    if subprocess.run(["cp", "--", str(source), str(target)], check=False).returncode:  # noqa: S603, S607 - our paths
        target.unlink(missing_ok=True)
        raise WarehouseError(f"{source} could not be copied to {target}")


def _apply(connection: duckdb.DuckDBPyConnection, scripts: Mapping[int, Path], path: Path) -> None:
    import duckdb

    connection.execute("create table if not exists main.migrations (version integer, name varchar)")
    for number, script in scripts.items():
        try:
            for statement in connection.extract_statements(script.read_text(encoding="utf-8")):
                connection.execute(statement)
        except duckdb.Error as error:
            raise WarehouseError(f"{path} could not be migrated, and is as it was: {script.name}: {error}") from error
        connection.execute("insert into main.migrations values (?, ?)", [number, script.name])
