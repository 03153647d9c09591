"""Atomic writes, and a lock between processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO


@contextmanager
def atomic_writer(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file that takes its name only when the block ends well; after an error nothing is left.

    Lines end as they are written (no translation). Missing folders are made. Readers see the old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            temporary.unlink()
            raise
    # NamedTemporaryFile makes files that only their owner may read; exports are for others.
    temporary.chmod(0o644)
    temporary.replace(path)


def write_atomically(path: Path, text: str) -> Path:
    """Write a text so that no reader ever sees half of it."""
    with atomic_writer(path) as file:
        file.write(text)
    return path


@contextmanager
def file_lock(path: Path, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Let one process at a time into the block; the system releases the lock however a process ends.

    on_wait: called once if another process is in the block.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
