"""A copy of the warehouse for the Studio to read while a run writes: judging a catalog holds the warehouse for minutes.

It is made whenever the warehouse is free and has changed. What people decide meanwhile is in the store anyway.
"""

from __future__ import annotations

import logging
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from walmart_pipeline.core.warehouse import Database, Warehouse, WarehouseBusyError, WarehouseError

logger = logging.getLogger(__name__)

# A run that writes a batch lets readers in sooner than that; one that judges does not.
PATIENCE_SECONDS = 1.0
# Where there is no copy yet.
WAIT_SECONDS = 120.0

_copying = threading.Lock()


class SnapshotReader:
    """Reads a warehouse, or its copy while that is locked. `is_copy`: whether the last reading was of the copy."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.copy = path.with_name(f"{path.stem}.studio{path.suffix}")
        self.is_copy = False
        self._version: tuple[int, int] | None = None

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Open the warehouse read-only, or its copy. Raises WarehouseError if there is neither."""
        has_copy = self.copy.exists()
        with ExitStack() as stack:
            try:
                source = Warehouse(self.path, PATIENCE_SECONDS if has_copy else WAIT_SECONDS)
                db = stack.enter_context(source.reading())
                self.is_copy = False
                self._copy_in_background()
            except WarehouseBusyError:
                if not has_copy:
                    raise
                db = stack.enter_context(Warehouse(self.copy, PATIENCE_SECONDS).reading())
                self.is_copy = True
            yield db

    def copied_at(self) -> datetime:
        """Return the time of the copy."""
        return datetime.fromtimestamp(self.copy.stat().st_mtime, UTC)

    def _copy_in_background(self) -> None:
        found = self.path.stat()
        version = found.st_mtime_ns, found.st_size
        if version == self._version and self.copy.exists():
            return
        if _copying.acquire(blocking=False):
            threading.Thread(target=self._make_copy, args=(version,), name="warehouse copy", daemon=True).start()

    def _make_copy(self, version: tuple[int, int]) -> None:
        new = self.copy.with_name(f"{self.copy.stem}.new{self.copy.suffix}")
        try:
            with Warehouse(self.path, 0).reading():
                # What a killed run left is in a log beside the file: the next writer merges it.
                if self.path.with_name(f"{self.path.name}.wal").exists():
                    return
                # By another process: this one would lose its lock on the file as soon as it closed it.
                copy = ["cp", "--reflink=auto", "--", str(self.path), str(new)]
                subprocess.run(copy, check=True)  # noqa: S603 - our paths
            new.replace(self.copy)
            self._version = version
        except WarehouseError:
            # A run was faster: the next reader tries again.
            pass
        except (OSError, subprocess.CalledProcessError) as error:
            logger.warning("the warehouse could not be copied for the Studio: %s", error)
        finally:
            new.unlink(missing_ok=True)
            _copying.release()


@lru_cache(maxsize=4)
def reader(path: Path) -> SnapshotReader:
    """Return the reader of a warehouse, shared by all sessions."""
    return SnapshotReader(path)
