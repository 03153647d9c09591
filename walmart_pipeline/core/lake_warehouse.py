"""The warehouse in a DuckLake: a catalog in Postgres, Parquet files in a folder or in a store that speaks S3.

One process writes at a time, under an advisory lock of Postgres: DuckLake sees conflicts by table, and a transaction
that fails when it commits can't be repeated from inside a `with`. Readers are never in the way: each sees one snapshot.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from itertools import chain, count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import SecretStr

from walmart_pipeline.core import schema
from walmart_pipeline.core.lake_catalog import INSTALL, LakeCatalog, LakeState
from walmart_pipeline.core.warehouse import BATCH_ROWS, MEMORY_LIMIT, Database, Warehouse, WarehouseError

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

EXTENSIONS = ("ducklake", "postgres_scanner")
STORE_EXTENSION = "httpfs"

# By then who reads a file that was replaced, or a snapshot that was forgotten, has ended.
READERS_GONE = timedelta(days=1)

# Every connection has a lake and secrets under names of its own: all connections of a process see them.
NUMBERS = count(1)


class ObjectStore(NamedTuple):
    """Access to a store that speaks S3; what is None is left to DuckDB's own defaults."""

    endpoint: str | None = None
    key_id: SecretStr | None = None
    secret: SecretStr | None = None
    session_token: SecretStr | None = None
    region: str | None = None

    def parts(self, address: str) -> str:
        """The parts of DuckDB's secret for an address. They are never to be shown."""
        given = {"key_id": self.key_id, "secret": self.secret, "session_token": self.session_token}
        values = {option: value.get_secret_value() for option, value in given.items() if value}
        if self.region:
            values["region"] = self.region
        written = [
            "type s3",
            f"scope {quoted(address)}",
            *(f"{option} {quoted(value)}" for option, value in values.items()),
        ]
        if self.endpoint:
            scheme, _, host = self.endpoint.rpartition("://")
            # The bucket is a part of the path: a name such as bucket.localhost seldom leads anywhere.
            written += [f"endpoint {quoted(host.rstrip('/'))}", "url_style 'path'", f"use_ssl {scheme != 'http'}"]
        return ", ".join(written)


class LakeMaintenance(NamedTuple):
    """What was done to a lake: snapshots forgotten, files merged into others, and files removed."""

    snapshots: int
    merged: int
    removed: int


class LakeDatabase(Database):
    """A connection to a lake, whose commits leave nothing in memory: its tables are files."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, version: str = "", still_locked: Callable[[], None] | None = None
    ) -> None:
        super().__init__(connection, version)
        self._still_locked = still_locked

    def pending(self, name: str) -> bool:
        """Whether the lake is of an older version. Raises WarehouseError if it is of a newer one."""
        return bool(schema.pending(self._connection, name))

    def append(self, table: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Insert rows; missing columns are null. Returns the number of rows.

        Each insert writes a file: more than one batch is collected first, in a temporary table.
        """
        remaining = iter(rows)
        first = list(islice(remaining, BATCH_ROWS + 1))
        if len(first) <= BATCH_ROWS:
            return super().append(table, first)
        self.execute(f"create or replace temp table appended_rows as from {table} limit 0")
        total = super().append("appended_rows", chain(first, remaining))
        self.execute(f"insert into {table} by name from appended_rows")
        self.execute("drop table appended_rows")
        return total

    def commit(self) -> None:
        """Commit, unless the lock was lost: others may have written since."""
        if self._still_locked:
            self._still_locked()
        self._connection.commit()

    def checkpoint(self) -> None:
        """Commit, and begin a new transaction."""
        self.commit()
        self._connection.begin()

    def _free_memory(self) -> None:
        """Nothing: the limit is that of all threads, and a lower one would fail another's statement."""


class LakeWarehouse(Warehouse):
    """A DuckLake. Waits up to `wait_seconds` while another process writes.

    url: as LakeCatalog's. data: a folder, or `s3://bucket/path`; needed to create the lake, which then knows it.
    """

    def __init__(
        self, url: str, data: str | None = None, store: ObjectStore | None = None, wait_seconds: float = 0.0
    ) -> None:
        super().__init__(wait_seconds)
        self.catalog = LakeCatalog(url)
        if data and "://" not in data:
            data = str(Path(data).expanduser().resolve())
        # As DuckLake keeps it.
        self.data = data and f"{data.rstrip('/')}/"
        self._store = store or ObjectStore()

    def exists(self) -> bool:
        """Whether the lake has our tables. Raises WarehouseError if its catalog does not answer."""
        state = self.catalog.state()
        return state is not None and state.has_tables

    def version(self) -> str:
        """The number of the latest snapshot."""
        return _version(self._existing())

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Open the latest snapshot, which stays as it is while others write."""
        with self._snapshot() as db:
            is_migrated = not db.pending(self.catalog.name)
            if is_migrated:
                yield db
        if not is_migrated:
            with self.writing():
                pass
            with self._snapshot() as db:
                yield db

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Take the lock, open the lake and a transaction; what it lacks of the schema is a transaction before that."""
        with (
            self.catalog.locked(self.wait_seconds) as still_locked,
            self._attached(self.catalog.state()) as connection,
        ):
            db = LakeDatabase(connection, still_locked=still_locked)
            if pending := schema.pending(connection, self.catalog.name):
                with _transaction(connection, db):
                    if schema.applied(connection):
                        schema.apply(connection, pending, self.catalog.name)
                        logger.warning("migrated the lake to version %d", max(pending))
                    else:
                        schema.create(connection, self.catalog.name)
            with _transaction(connection, db):
                yield db

    def copy_to(self, target: Path) -> None:
        """Write the tables of the latest snapshot to a new DuckDB file."""
        from walmart_pipeline.core import warehouse_copy
        from walmart_pipeline.core.file_warehouse import FileWarehouse

        warehouse_copy.copy(self, FileWarehouse(target))

    @contextmanager
    def _snapshot(self) -> Iterator[LakeDatabase]:
        state = self._existing()
        with self._attached(state, "read_only", f"snapshot_version {state.snapshot}") as connection:
            yield LakeDatabase(connection, _version(state))

    def _existing(self) -> LakeState:
        state = self.catalog.state()
        if state is None or not state.has_tables:
            raise WarehouseError(f"there is no warehouse at {self.catalog.name} yet: run `walmart-pipeline run` first")
        return state

    def maintain(self, before: datetime, *, dry_run: bool) -> LakeMaintenance:
        """Forget snapshots from before then, merge small files, and remove those that nothing needs any more.

        With `dry_run` it only counts; what would be merged is not known then.
        """
        with self.catalog.locked(self.wait_seconds), self._attached(self._existing()) as connection:
            lake = Database(connection).value("select current_database()")

            def call(function: str, **options: object) -> list[Any]:
                given = "".join(f", {name} => ${name}" for name in options)
                # Each is a transaction of its own: DuckLake does not compact in one that changes something.
                return connection.execute(f"call {function}($lake{given})", {"lake": lake, **options}).fetchall()

            snapshots = call("ducklake_expire_snapshots", older_than=before, dry_run=dry_run)
            merged = []
            if not dry_run:
                call("ducklake_flush_inlined_data")
                call("ducklake_rewrite_data_files")
                merged = call("ducklake_merge_adjacent_files")
            # Only what the lake itself has replaced: other files beside them may be somebody's.
            unused = datetime.now(UTC) - READERS_GONE
            removed = call("ducklake_cleanup_old_files", older_than=unused, dry_run=dry_run)
        return LakeMaintenance(len(snapshots), sum(row[2] for row in merged), len(removed))

    def load_extensions(self) -> str:
        """Load what DuckDB needs; returns what it has."""
        _engine(os.getpid())
        loaded = [*EXTENSIONS]
        if self.data and "://" in self.data:
            _load(_engine(os.getpid()), STORE_EXTENSION)
            loaded.append(STORE_EXTENSION)
        return ", ".join(loaded)

    def reach_data(self, state: LakeState | None) -> str:
        """Look for the folder or the store of the files; returns its address."""
        import duckdb

        data = self._address(state)
        if "://" not in data:
            folder = next(path for path in (Path(data), *Path(data).parents) if path.exists())
            if not os.access(folder, os.W_OK) or (state and not Path(data).exists()):
                raise WarehouseError(f"the files of the lake are in {data}, where this process can't write")
            return data
        with self._connected(data) as connection:
            try:
                # Nothing is called so: the store only has to answer.
                connection.execute(f"from glob({quoted(f'{data}doctor-*')})")
            except duckdb.Error as error:
                raise WarehouseError(f"the files of the lake are in {data}, which can't be read: {error}") from None
        return data

    def check(self) -> None:
        """Load the extensions, and look for the catalog, the files and the version of the schema."""
        self.load_extensions()
        state = self.catalog.state()
        self.reach_data(state)
        if state and state.has_tables:
            with self._snapshot() as db:
                db.pending(self.catalog.name)

    def _address(self, state: LakeState | None) -> str:
        if state:
            return state.data
        if self.data is None:
            raise WarehouseError(
                f"there is no lake at {self.catalog.name} yet: set WALMART_WAREHOUSE_DATA to the folder or the s3:// "
                "address of its files"
            )
        return self.data

    @contextmanager
    def _connected(self, data: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that can read and write the files."""
        connection = _engine(os.getpid()).cursor()
        try:
            # DuckDB's spinner would break our progress bars and the logs.
            connection.execute("set enable_progress_bar = false")
            connection.execute("set timezone = 'UTC'")
            if "://" not in data:
                yield connection
                return
            _load(connection, STORE_EXTENSION)
            with _secret(connection, self._store.parts(data)):
                yield connection
        finally:
            connection.close()

    @contextmanager
    def _attached(self, state: LakeState | None, *options: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection whose database is the lake. Raises WarehouseError."""
        import duckdb

        name, given = f"lake_{next(NUMBERS)}", [*options]
        given.append(f"data_path {quoted(self.data or self._address(state))}")
        with ExitStack() as stack:
            connection = stack.enter_context(self._connected(self._address(state)))
            if self.catalog.password:
                # In the address it would be in every error that DuckDB prints.
                parts = f"type postgres, password {quoted(self.catalog.password.get_secret_value())}"
                given.append(f"meta_secret {quoted(stack.enter_context(_secret(connection, parts)))}")
            try:
                connection.execute(f"attach {quoted(self.catalog.name)} as {name} ({', '.join(given)})")
                connection.execute(f"use {name}")
            except duckdb.Error as error:
                raise WarehouseError(f"the lake {self.catalog.name} can't be opened: {error}") from None
            try:
                yield connection
            finally:
                # What a server that died leaves of a transaction must not hide the error that tells of it.
                with suppress(duckdb.Error):
                    connection.execute("use memory")
                    connection.execute(f"detach {name}")


def _version(state: LakeState) -> str:
    return f"snapshot-{state.snapshot}"


@contextmanager
def _secret(connection: duckdb.DuckDBPyConnection, parts: str) -> Iterator[str]:
    """A secret of DuckDB for as long as the block runs. Yields its name."""
    import duckdb

    name = f"secret_{next(NUMBERS)}"
    try:
        connection.execute(f"create temporary secret {name} ({parts})")
    except duckdb.Error:
        # Its message may have the statement.
        raise WarehouseError("DuckDB does not take the access to the lake: see WALMART_WAREHOUSE_URL, AWS_*") from None
    try:
        yield name
    finally:
        with suppress(duckdb.Error):
            connection.execute(f"drop secret {name}")


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection, db: LakeDatabase) -> Iterator[None]:
    import duckdb

    connection.begin()
    try:
        yield
        db.commit()
    except BaseException:
        with suppress(duckdb.Error):
            connection.rollback()
        raise


_engine_lock = threading.Lock()


def _engine(process: int) -> duckdb.DuckDBPyConnection:
    """The DuckDB of this process, with the extensions loaded: 0.4 s of CPU time, which each transaction would pay."""
    with _engine_lock:
        return _engine_of(process)


@cache
def _engine_of(process: int) -> duckdb.DuckDBPyConnection:
    import duckdb

    engine = duckdb.connect()
    engine.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
    # In memory it would spill to the working directory.
    engine.execute(f"set temp_directory = {quoted(f'{tempfile.gettempdir()}/walmart-lake-{process}')}")
    for extension in EXTENSIONS:
        _load(engine, extension)
    return engine


def _load(connection: duckdb.DuckDBPyConnection, extension: str) -> None:
    """Load an extension from its wheel: nothing is downloaded or installed below HOME. Raises WarehouseError."""
    import duckdb

    found = find_spec(f"duckdb_extension_{extension}")
    if found is None or found.origin is None:
        raise WarehouseError(f"a lake needs DuckDB's extension {extension}: {INSTALL}")
    file = Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{extension}.duckdb_extension"
    if not file.exists():
        raise WarehouseError(f"DuckDB is {duckdb.__version__}, its extension {extension} is not: {INSTALL}")
    try:
        connection.execute(f"load {quoted(str(file))}")
    except duckdb.Error as error:
        raise WarehouseError(f"DuckDB's extension {extension} can't be loaded: {error}") from error


def quoted(text: str) -> str:
    """A string of SQL, where a statement takes no parameters."""
    return "'" + text.replace("'", "''") + "'"
