"""Reads a copy of the warehouse: pages never keep a run waiting, and are there while a run holds the warehouse.

A run that judges holds it for minutes, and pages of many users would hold it for ever. It is copied whenever it has
changed and is free. What people decide meanwhile is in the store anyway. A lake is read itself, since
it keeps nobody waiting.
"""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, Warehouse, WarehouseBusyError, WarehouseError

logger = logging.getLogger(__name__)

FOLDER = "studio"
# While there is an older copy, a copy waits no longer for the warehouse; without one, as long as a person would.
PATIENCE_SECONDS = 0.2
WAIT_SECONDS = 120.0
# Copying a gigabyte takes a second: then a warehouse that changes all the time is copied once in 20 s.
SLOW_SECONDS, PAUSE_FACTOR = 0.5, 20


class SnapshotReader:
    """Reads the latest copy of a warehouse. Threads may share one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent / FOLDER
        self._latest_reading = threading.local()
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._kept: Path | None = None
        self._keeper = ExitStack()
        self._keeping = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Open a copy read-only. Raises WarehouseError if there is no warehouse, or no copy and it stays locked."""
        with ExitStack() as stack:
            yield self._open(stack)

    @property
    def outdated(self) -> datetime | None:
        """The time of the copy that this thread read last, if the warehouse has changed since; None if it had not."""
        return getattr(self._latest_reading, "outdated", None)

    def _open(self, stack: ExitStack) -> Database:
        while True:
            try:
                copy = self._current()
            except (OSError, subprocess.CalledProcessError) as error:
                logger.warning("the warehouse could not be copied for the Studio, which reads it itself: %s", error)
                copy = self.path
            try:
                database = stack.enter_context(FileWarehouse(copy, WAIT_SECONDS).reading())
                self._keep_open(copy)
            except WarehouseError:
                # A newer copy may have taken its place in the meantime.
                if copy == self.path or copy.exists():
                    raise
            else:
                return database

    def _keep_open(self, copy: Path) -> None:
        """Keep one idle connection to the latest copy: to open and close it anew takes 0.07 s of each page's 0.2."""
        with self._keeping:
            if copy not in (self._kept, self.path):
                self._keeper.close()
                self._keeper.enter_context(FileWarehouse(copy).reading())
                self._kept = copy

    def _current(self) -> Path:
        """The copy to read, made anew if the warehouse has changed."""
        if not self.path.exists():
            return self.path
        wanted, self._latest_reading.outdated = self._name(), None
        if wanted.exists():
            return wanted
        older = self._latest()
        if older is None:
            with self._lock:
                return self._copy(WAIT_SECONDS)
        if time.monotonic() >= self._not_before and self._lock.acquire(blocking=False):
            try:
                return self._copy(PATIENCE_SECONDS)
            except WarehouseBusyError:
                pass
            finally:
                self._lock.release()
        # Gone: another session has just made a newer one, and `_open` looks again.
        with suppress(FileNotFoundError):
            self._latest_reading.outdated = datetime.fromtimestamp(older.stat().st_mtime, UTC)
        return older

    def _copy(self, wait_seconds: float) -> Path:
        began = time.monotonic()
        with FileWarehouse(self.path, wait_seconds).reading():
            # Nobody writes now.
            target = self._name()
            if target.exists():
                return target
            self.folder.mkdir(exist_ok=True)
            new = target.with_suffix(".new")
            try:
                # What a killed run left is in a log beside the file, by which DuckDB completes it. By another process:
                # this one would lose its lock on the file as soon as it closed it.
                if (log := FileWarehouse(self.path).log).exists():
                    _run_cp(log, FileWarehouse(target).log)
                _run_cp(self.path, new)
                new.replace(target)
            finally:
                new.unlink(missing_ok=True)
        for older in self.folder.glob("warehouse-*.duckdb*"):
            if older not in (target, FileWarehouse(target).log):
                # Whoever reads it goes on reading it.
                older.unlink(missing_ok=True)
        seconds = time.monotonic() - began
        self._not_before = time.monotonic() + (PAUSE_FACTOR * seconds if seconds > SLOW_SECONDS else 0.0)
        return target

    def _name(self) -> Path:
        """The file of a copy of the warehouse as it is.

        Each has another name: DuckDB goes on reading a file that was replaced as long as somebody has it open.
        """
        return self.folder / f"warehouse-{FileWarehouse(self.path).version()}.duckdb"

    def _latest(self) -> Path | None:
        return max(self.folder.glob("warehouse-*.duckdb"), key=lambda copy: copy.stat().st_mtime, default=None)


class LakeReader:
    """Reads the latest snapshot of a lake."""

    outdated: datetime | None = None

    def __init__(self, warehouse: Warehouse) -> None:
        self.reading = warehouse.reading


def _run_cp(source: Path, target: Path) -> None:
    subprocess.run(["cp", "--reflink=auto", "--", str(source), str(target)], check=True)  # noqa: S603, S607 - our paths


def reader(settings: Settings) -> SnapshotReader | LakeReader:
    """Return the reader of the warehouse."""
    warehouse = warehouses.of(settings, WAIT_SECONDS)
    return _reader(warehouse.path) if isinstance(warehouse, FileWarehouse) else LakeReader(warehouse)


@lru_cache(maxsize=4)
def _reader(path: Path) -> SnapshotReader:
    """Shared by all sessions."""
    return SnapshotReader(path)
