"""Feed files: discovery, identity, and completeness."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from walmart_pipeline.core.workspace import EDITS_FILE

SUFFIXES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".xlsx", ".xls")
MAPPING_SUFFIX = ".mapping.yaml"

# 2026-11-02, 20261102 or 2026_11_02, with or without a time of day; a longer number is no date.
DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])(?:[T_-]?(\d{4}(?:\d\d)?)Z?)?(?!\d)"
)


@dataclass(frozen=True)
class Feed:
    """A feed file. `name` identifies it: a newer file of the same name replaces its rows.

    named: the path itself was given, not its folder. growing: it is still being written.
    """

    name: str
    path: Path
    named: bool = False
    growing: bool = False

    @property
    def mapping_path(self) -> Path:
        """`feed.mapping.yaml` beside `feed.csv` or `feed.csv.gz`; one without the date serves all dated feeds."""
        stem = _plain_path(self.path).stem
        own = self.path.with_name(stem + MAPPING_SUFFIX)
        shared = self.path.with_name(re.sub(r"[-_. ]?" + DATE.pattern, "", stem) + MAPPING_SUFFIX)
        return own if own.is_file() else shared

    @property
    def format(self) -> str:
        """The suffix of its format, without the dot and without .gz."""
        return _plain_path(self.path).suffix.lower().removeprefix(".")

    @property
    def source(self) -> str:
        """The name with a date replaced by `*`: feeds of one source replace each other."""
        return DATE.sub("*", re.sub(r"\.gz$", "", self.name, flags=re.IGNORECASE)) if self.date else self.name

    @property
    def date(self) -> str:
        """The date and time in the name, digits only; empty if there is none."""
        return date_of(self.name)

    def digest(self) -> str:
        """Hash of the file and of its mapping. Raises OSError if either can't be read."""
        digest = hashlib.blake2b(digest_size=16)
        for path in (self.path, self.mapping_path):
            if path == self.path or path.is_file():
                with path.open("rb") as file:
                    while block := file.read(1 << 20):
                        digest.update(block)
        return digest.hexdigest()

    def signature(self) -> str:
        """Size and time of change of the file and of its mapping: cheaper than the digest. Empty if it is missing."""
        return "+".join(f"{stat.st_size}@{stat.st_mtime_ns}" for stat in self._stats())

    def seconds_since_change(self, now: float) -> float:
        """Seconds since the last write to the file or its mapping; infinite if it is missing.

        Absolute, because the clock of a network share may be ahead.
        """
        return min((abs(now - stat.st_mtime) for stat in self._stats()), default=float("inf"))

    def _stats(self) -> list[os.stat_result]:
        stats = []
        for path in (self.path, self.mapping_path):
            with suppress(FileNotFoundError):
                stats.append(path.stat())
        return stats


def date_of(name: str) -> str:
    """Return the first date and time in a feed's name, digits only; empty if there is none."""
    match = DATE.search(name)
    return "".join(filter(None, match.groups())) if match else ""


def find(paths: Iterable[Path]) -> list[Feed]:
    """Find the feeds at these paths: files, and folders recursively, sorted by name.

    A named file is a feed whatever its suffix, even if it is missing: reading it gives the reason.
    """
    found: list[Feed] = []
    for path in paths:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and _is_feed(file))
            found += [Feed(file.relative_to(path).as_posix(), file) for file in files]
        else:
            found.append(Feed(path.name, path, named=True))
    return found


def being_written(found: Iterable[Feed], quiet_seconds: float, now: float | None = None) -> list[Feed]:
    """Return feeds that were written to in the last `quiet_seconds` and may be incomplete."""
    now = time.time() if now is None else now
    return [feed for feed in found if feed.seconds_since_change(now) < quiet_seconds]


def wait_until_written(found: Iterable[Feed], quiet_seconds: float) -> list[Feed]:
    """Wait up to `quiet_seconds` until recently written feeds are complete. Returns those that are not."""
    recent = being_written(found, quiet_seconds)
    if not recent:
        return []
    now = time.time()
    time.sleep(max(quiet_seconds - feed.seconds_since_change(now) for feed in recent))
    return being_written(recent, quiet_seconds)


def same_names(found: Sequence[Feed]) -> dict[Path, Path]:
    """Return feeds with the name of an earlier, different file: {path: the earlier path}."""
    first: dict[str, Path] = {}
    return {
        feed.path: first[feed.name]
        for feed in found
        if first.setdefault(feed.name, feed.path).resolve() != feed.path.resolve()
    }


def _plain_path(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def _is_feed(path: Path) -> bool:
    """Whether a file in a folder is a feed; hidden and temporary names are files in progress."""
    is_other = path.name.startswith((".", "~$")) or path.name == EDITS_FILE
    return not is_other and _plain_path(path).suffix.lower() in SUFFIXES
