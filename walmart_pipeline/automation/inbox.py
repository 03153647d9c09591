"""The state of the inbox sensor. A file is done only when a run that was requested for it has succeeded and loaded it.

The state is in a file, and Dagster's cursor only counts requests: Dagster keeps the cursor of each tick for a week, and
that of 5,000 files has 500 kB. 5,000 new files take 0.5 CPU seconds, later ticks 0.3.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, model_validator

from walmart_pipeline.automation import run_tags
from walmart_pipeline.automation.run_outcomes import Outcome, pause
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.records import content_hash
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.stages.catalog import feeds
from walmart_pipeline.stages.catalog.feeds import Feed

# A tick is killed after 60 s. At 1 GB/s the content of 20 GB is hashed; more is left for the next tick.
HASHING_SECONDS = 20.0


class SeenFile(BaseModel):
    """A version of a file: size and time of change, and the hash of its content."""

    signature: str
    digest: str

    @model_validator(mode="before")
    @classmethod
    def _earlier_cursor(cls, value: Any) -> Any:
        """Accept a bare signature, as earlier versions stored it."""
        return {"signature": value, "digest": ""} if isinstance(value, str) else value


class FailedFile(SeenFile):
    """A version of a file whose runs failed, and when the next one is due."""

    failures: int
    not_before: datetime


class RefusedFile(SeenFile):
    """A version of a file that lost too many rows to be loaded, and the reason as `catalog.feeds` has it."""

    reason: str


class FileBatch(BaseModel):
    """The files that a run was requested for, as they were then. number: of the request, for a key that is new."""

    files: dict[str, SeenFile]
    number: int = 0

    @property
    def key(self) -> str:
        """Run key: Dagster launches it once."""
        return f"{content_hash({name: seen.digest for name, seen in self.files.items()})[:12]}-{self.number}"


class InboxState(BaseModel):
    """What the sensor knows of each file between ticks."""

    done: dict[str, SeenFile] = Field(default_factory=dict)
    failed: dict[str, FailedFile] = Field(default_factory=dict)
    refused: dict[str, RefusedFile] = Field(default_factory=dict)
    pending: FileBatch | None = None
    number: int = 0

    @classmethod
    def load(cls, path: Path, cursor: str | None) -> InboxState:
        """Read the state. Without a cursor, which was reset then, every file is new."""
        if not cursor:
            return cls()
        # Earlier versions had the state in the cursor.
        return cls.model_validate_json(path.read_text(encoding="utf-8") if path.exists() else cursor)

    def save(self, path: Path) -> str:
        """Write the state and return the cursor. If the daemon dies before it has it, the next tick is the same."""
        write_atomically(path, self.model_dump_json())
        return f'{{"number": {self.number}}}'

    def settle(self, outcome: Outcome, now: datetime, refused: Mapping[str, Row]) -> None:
        """Record the outcome of the pending batch: done, refused, or due again after a pause that grows.

        refused: digest and reason by name, as the catalog has them now. Another run would refuse the same version
        again, and succeed by leaving it out; so it waits until the file changes, or until it is gone from `refused`,
        because a run with `accept_shrinkage` has loaded it or the feed was withdrawn.
        """
        for name, was in [*self.refused.items()]:
            if not _is(was, refused.get(name)):
                self.done[name] = SeenFile(signature=was.signature, digest=self.refused.pop(name).digest)
        if self.pending is None or outcome in ("running", "unknown"):
            return
        for name, seen in self.pending.files.items():
            before = self.failed.pop(name, None)
            self.refused.pop(name, None)
            row = refused.get(name)
            if row and _is(seen, row):
                self.refused[name] = RefusedFile(**seen.model_dump(), reason=row["detail"])
            elif outcome == "succeeded":
                self.done[name] = seen
            else:
                failures = 1 + (before.failures if before and before.digest == seen.digest else 0)
                self.failed[name] = FailedFile(**seen.model_dump(), failures=failures, not_before=now + pause(failures))
        self.pending = None

    def take(
        self,
        present: Mapping[str, Feed],
        now: datetime,
        incomplete: Collection[str] = (),
        seconds: float = HASHING_SECONDS,
    ) -> Seen:
        """Compare the files with those that are done, and set `pending` to the new, changed and due ones.

        present: complete files by name. incomplete: names of files that are still being written: what is known of them
        stays. seconds: after which no further content is hashed in this tick.
        """
        gone = sorted({*self.done, *self.failed, *self.refused} - {*present, *incomplete})
        for name in gone:
            for known in (self.done, self.failed, self.refused):
                known.pop(name, None)
        seen = Seen(gone=gone, refused=self.refused)
        if self.pending is not None:
            # It was requested, but not launched: the daemon died in between.
            seen.batch = self.pending
            return seen
        until = time.monotonic() + seconds
        versions = {name: self._due(name, feed, now, until, seen) for name, feed in present.items()}
        due = {name: version for name, version in versions.items() if version}
        if due:
            self.number += 1
            self.pending = seen.batch = FileBatch(files=due, number=self.number)
        return seen

    def _due(self, name: str, feed: Feed, now: datetime, until: float, seen: Seen) -> SeenFile | None:
        """Return the version of a file that a run is needed for; None if there is none. Notes in `seen` why."""
        signature = feed.signature()
        # A version that needs nothing more.
        settled, failed = self.refused.get(name) or self.done.get(name), self.failed.get(name)
        if settled and settled.signature == signature:
            return None
        if failed and failed.signature == signature:
            if now >= failed.not_before:
                return SeenFile(signature=signature, digest=failed.digest)
            seen.paused[name] = failed
            return None
        if time.monotonic() > until:
            seen.later += 1
            return None
        try:
            version = SeenFile(signature=signature, digest=feed.digest())
        except OSError:
            # Removed or unreadable just now.
            seen.later += 1
            return None
        if settled and settled.digest == version.digest:
            settled.signature = signature
            seen.touched += 1
            return None
        return version


@dataclass
class Seen:
    """What a tick found. touched: files with another time but the same content. later: left for the next tick."""

    batch: FileBatch | None = None
    gone: list[str] = field(default_factory=list)
    paused: dict[str, FailedFile] = field(default_factory=dict)
    refused: dict[str, RefusedFile] = field(default_factory=dict)
    touched: int = 0
    later: int = 0

    @property
    def notes(self) -> list[str]:
        """What is remarkable, in sentences."""
        notes = []
        if self.gone:
            notes.append(
                f"gone: {run_tags.shortened(self.gone)}; their rows stay until `walmart-pipeline feeds remove`"
            )
        if self.paused:
            due = [
                f"{name} (failed {each.failures}×, again {each.not_before:%d %b %H:%M} UTC)"
                for name, each in self.paused.items()
            ]
            notes.append(f"waiting after failed runs: {run_tags.shortened(due)}")
        if self.refused:
            reasons = [f"{name} ({each.reason})" for name, each in self.refused.items()]
            notes.append(f"refused until they change or are accepted: {run_tags.shortened(reasons)}")
        if self.touched:
            notes.append(f"touched, but unchanged: {self.touched}")
        if self.later:
            notes.append(f"left for the next tick: {self.later}")
        return notes


def _is(seen: SeenFile, refused: Row | None) -> bool:
    """Whether this version of a file is the refused one."""
    return refused is not None and refused["digest"] == seen.digest


def complete_files(inbox: Path, quiet_seconds: float) -> tuple[dict[str, Feed], list[str]]:
    """Return the complete feeds of the inbox by name, and the names of those that are still being written."""
    found = feeds.find([inbox]) if inbox.is_dir() else []
    incomplete = {feed.name for feed in feeds.being_written(found, quiet_seconds)}
    return {feed.name: feed for feed in found if feed.name not in incomplete}, sorted(incomplete)
