"""Atomic writes, YAML, and a lock between processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import yaml


@contextmanager
def atomic_path(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Give the path of a file that replaces `path` when the block succeeds; an error leaves the old file as it was.

    Missing folders are created. mode: of the new file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # NamedTemporaryFile creates files that only their owner can read; exports are for others.
    temporary.chmod(mode)
    temporary.replace(path)


@contextmanager
def atomic_writer(path: Path, *, mode: int = 0o644) -> Iterator[IO[str]]:
    """Open a UTF-8 text file that replaces `path` when the block succeeds; see atomic_path.

    Newlines are not translated.
    """
    with atomic_path(path, mode=mode) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        yield file


def write_atomically(path: Path, text: str, *, mode: int = 0o644) -> Path:
    """Write a text file atomically. mode: of the file."""
    with atomic_writer(path, mode=mode) as file:
        file.write(text)
    return path


def read_yaml(path: Path) -> Any:
    """The content of a YAML file in UTF-8. Raises yaml.YAMLError, UnicodeDecodeError."""
    # libyaml's loader is 30 times as fast as the one in Python, but not in every build of PyYAML.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - both are safe


@contextmanager
def file_lock(path: Path, on_wait: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Lock a file between processes; the operating system releases the lock when a process dies.

    on_wait: called once if another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
