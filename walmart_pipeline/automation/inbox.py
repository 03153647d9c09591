"""The cursor of the inbox sensor. A file is done only when the run that was requested for it has succeeded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from walmart_pipeline.core.records import content_hash
from walmart_pipeline.stages.catalog import feeds

Outcome: TypeAlias = Literal["running", "succeeded", "failed", "unknown"]

# After this many failed runs a file is ignored until it changes.
ATTEMPTS = 3


class FileBatch(BaseModel):
    """The files that a run was requested for: name to signature at that time."""

    files: dict[str, str]
    attempt: int = 1

    @property
    def key(self) -> str:
        """Run key: Dagster launches it once for the same files, signatures and attempt."""
        return f"{content_hash(self.files)[:12]}-{self.attempt}"


class Cursor(BaseModel):
    """The state of the sensor between ticks."""

    done: dict[str, str] = Field(default_factory=dict)
    gave_up: dict[str, str] = Field(default_factory=dict)
    pending: FileBatch | None = None

    def settle(self, outcome: Outcome) -> None:
        """Record the outcome of the pending batch: done, retried or given up."""
        if self.pending is None or outcome in ("running", "unknown"):
            return
        if outcome == "succeeded":
            self.done |= self.pending.files
            self.pending = None
        elif self.pending.attempt < ATTEMPTS:
            self.pending = FileBatch(files=self.pending.files, attempt=self.pending.attempt + 1)
        else:
            self.gave_up |= self.pending.files
            self.pending = None

    def take(self, present: dict[str, str]) -> FileBatch | None:
        """Return the batch to request: the pending one, else all new or changed files, else None."""
        self.done = {name: signature for name, signature in self.done.items() if name in present}
        self.gave_up = {name: signature for name, signature in self.gave_up.items() if present.get(name) == signature}
        if self.pending is None:
            waiting = {
                name: signature
                for name, signature in present.items()
                if self.done.get(name) != signature and name not in self.gave_up
            }
            self.pending = FileBatch(files=waiting) if waiting else None
        return self.pending


def settled_files(inbox: Path, quiet_seconds: float) -> dict[str, str]:
    """Name and signature of every complete feed in the inbox."""
    found = feeds.find([inbox]) if inbox.is_dir() else []
    incomplete = {feed.name for feed in feeds.being_written(found, quiet_seconds)}
    return {feed.name: feed.signature() for feed in found if feed.name not in incomplete}
