"""Rows that processes leave as Parquet files side by side, and that one committer moves into the warehouse.

The warehouse has one writer at a time, and a lake sees conflicts by table: workers only read it. A file is whole or not
there, and belongs to one run, table and share of the catalog. Which files are in the warehouse is recorded in the
transaction that adds their rows, so that a committer may die at any point.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from walmart_pipeline.core.buckets import Share
from walmart_pipeline.core.files import atomic_path
from walmart_pipeline.core.warehouse import Database, Warehouse

if TYPE_CHECKING:
    import pyarrow as pa

Put: TypeAlias = Callable[[Sequence[Mapping[str, Any]]], None]

# What a killed process was writing is removed after it; a living one writes to its file more often.
ABANDONED_SECONDS = 24 * 3600.0


class Staging:
    """A folder of staged files that all processes of a workspace see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, run_id: str, table: str, share: Share) -> Path:
        """Where a run leaves the rows of a table for a share."""
        return self.folder / run_id / f"{table}.{share.name}.parquet"

    def waiting(self, table: str = "*") -> list[Path]:
        """The files of a table, of whatever run."""
        return sorted(self.folder.glob(f"*/{table}.b*.parquet"))

    def commit(self, warehouse: Warehouse, table: str, store: Callable[[Database, str], None]) -> int:
        """Add the rows of a table's files to the warehouse in one transaction, each file once. Returns their number.

        Those that a dead run left are among them: they are paid for. store: adds the rows of a SQL relation.
        """
        waiting = self.waiting(table)
        if not waiting:
            return 0
        with warehouse.writing() as db:
            named = {self._name(path) for path in self.waiting()}
            db.execute("delete from main.staged_files where not list_contains($named, name)", {"named": list(named)})
            known = {row["name"] for row in db.query("select name from main.staged_files")}
            # Another committer may have removed one in the meantime.
            new = [path for path in waiting if self._name(path) in named - known]
            if new:
                quoted = ", ".join("'" + str(path).replace("'", "''") + "'" for path in new)
                # By name: an earlier version of the table may lack columns.
                store(db, f"read_parquet([{quoted}], union_by_name = true)")
                now = datetime.now(UTC)
                db.append("main.staged_files", ({"name": self._name(path), "committed_at": now} for path in new))
        for path in waiting:
            path.unlink(missing_ok=True)
        self._sweep()
        return len(new)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _sweep(self) -> None:
        """Remove what killed processes left, and empty folders."""
        for folder in self.folder.iterdir():
            for path in folder.glob(".*"):
                if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink(missing_ok=True)
            with suppress(OSError):
                folder.rmdir()


@contextmanager
def staged(path: Path, schema: pa.Schema) -> Iterator[Put]:
    """Write a staged file: give a function that adds rows; the file is there when the block succeeds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as file:
        yield lambda rows: file.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
