"""Which files are feeds, what identifies one, and whether it changed since it was read.

Belongs here: finding feeds below a path, their name and digest. Does not: what is in them (readers, columns.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls")
MAPPING_SUFFIX = ".mapping.yaml"


@dataclass(frozen=True)
class Feed:
    """A file that was offered. `name` identifies it: a newer file of the same name replaces its rows."""

    name: str
    path: Path

    @property
    def mapping_path(self) -> Path:
        """`feed.mapping.yaml` beside `feed.csv` or `feed.csv.gz`."""
        return self.path.with_name(plain_path(self.path).stem + MAPPING_SUFFIX)

    @property
    def format(self) -> str:
        """The suffix that says how to read it, without the dot and without .gz."""
        return plain_path(self.path).suffix.lower().removeprefix(".")

    def digest(self) -> str:
        """Hash of the file and of the mapping beside it. Raises OSError if either can't be read."""
        digest = hashlib.blake2b(digest_size=16)
        for path in (self.path, self.mapping_path):
            if path == self.path or path.is_file():
                with path.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
        return digest.hexdigest()


def plain_path(path: Path) -> Path:
    """The path without .gz."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def is_feed(path: Path) -> bool:
    """Whether a file in a folder is taken for a feed. Hidden and temporary names are still being written."""
    return not path.name.startswith((".", "~$")) and plain_path(path).suffix.lower() in SUFFIXES


def find(paths: Iterable[Path]) -> list[Feed]:
    """The feeds at these paths: files as they are, folders searched with all below them, in the order of names.

    A file that was named is a feed whatever its suffix, also one that is missing: reading it says what is wrong.
    """
    found: list[Feed] = []
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and is_feed(file))
            found += [Feed(file.relative_to(path).as_posix(), file) for file in files]
        else:
            found.append(Feed(path.name, path))
    return found


def namesakes(feeds: Sequence[Feed]) -> dict[Path, Path]:
    """Feeds whose name an earlier, different file already has: {path: the earlier path}."""
    first: dict[str, Path] = {}
    return {
        feed.path: first[feed.name]
        for feed in feeds
        if first.setdefault(feed.name, feed.path).resolve() != feed.path.resolve()
    }
