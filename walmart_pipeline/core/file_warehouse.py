"""The warehouse in one DuckDB file.

DuckDB allows one writing process or many readers: keep transactions short, others wait for them.
"""

from __future__ import annotations

import logging
import random
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from walmart_pipeline.core import schema
from walmart_pipeline.core.warehouse import (
    ANNOUNCE_SECONDS,
    MEMORY_LIMIT,
    Database,
    Warehouse,
    WarehouseBusyError,
    WarehouseError,
)

if TYPE_CHECKING:
    import duckdb

logger = logging.getLogger(__name__)

# Beside the file while a backup is being restored: what is there then is partly of before.
UNFINISHED_RESTORE = "restore-unfinished"

# Between two attempts to open a locked file.
PAUSE_SECONDS = (0.05, 0.25)


class FileWarehouse(Warehouse):
    """A DuckDB file, opened on demand. Waits up to `wait_seconds` while another process has it locked."""

    def __init__(self, path: Path, wait_seconds: float = 0.0) -> None:
        super().__init__(wait_seconds)
        self.path = path

    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def version(self) -> str:
        """Time of change and size, of the file and of the log beside it."""
        self._require()
        states = [self.path.stat(), *(log.stat() for log in [self.log] if log.exists())]
        return "-".join(f"{state.st_mtime_ns:x}-{state.st_size:x}" for state in states)

    @property
    def log(self) -> Path:
        """What a killed process left beside the file: DuckDB completes it by that."""
        return self.path.with_name(f"{self.path.name}.wal")

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Open the file read-only; nobody writes meanwhile."""
        self._require()
        connection = self._connect(read_only=True)
        try:
            if schema.pending(connection, str(self.path)):
                connection.close()
                with self.writing():
                    pass
                connection = self._connect(read_only=True)
            yield Database(connection, self.version())
        finally:
            connection.close()

    @contextmanager
    def writing(self) -> Iterator[Database]:
        """Open the file, which no other process can open meanwhile, and a transaction."""
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
        """Copy the file as it is after some transaction; others wait for a copy as for a transaction."""
        connection = self._connect(read_only=False)
        try:
            connection.execute("checkpoint")
            _copy(self.path, target)
        finally:
            connection.close()

    def _require(self) -> None:
        if not self.path.exists():
            raise WarehouseError(f"there is no warehouse at {self.path} yet: run `walmart-pipeline run` first")

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


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Apply pending migrations, all or nothing. Returns whether the file was replaced.

    A warehouse with data is migrated as a copy, which then replaces the file; a backup of the file stays beside it. One
    transaction would not do: DuckDB can't update a table that the same transaction has altered.
    """
    import duckdb

    pending = schema.pending(connection, str(path))
    if not pending:
        return False
    if not schema.applied(connection):
        schema.apply(connection, pending, str(path))
        return False
    connection.execute("checkpoint")
    old = path.with_name(f"{path.stem}.before-{max(pending):04}{path.suffix}")
    new = path.with_name(f"{path.stem}.migrating{path.suffix}")
    try:
        _copy(path, new)
        with duckdb.connect(str(new)) as migrated:
            schema.apply(migrated, pending, str(path))
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
