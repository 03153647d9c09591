"""The cursor of the inbox sensor: which files wait to be processed.

A file counts as done only when the run that was requested for it has succeeded: a run that fails loses nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from walmart_pipeline.core.records import content_hash
from walmart_pipeline.stages.catalog import feeds

Outcome: TypeAlias = Literal["running", "succeeded", "failed", "unknown"]

# After so many failed runs a file waits until it changes.
ATTEMPTS = 3


class FileBatch(BaseModel):
    """Files that one run was requested for, as they were then: name to signature."""

    files: dict[str, str]
    attempt: int = 1

    @property
    def key(self) -> str:
        """Equal for the same files in the same state at the same attempt: Dagster launches a run key once."""
        return f"{content_hash(self.files)[:12]}-{self.attempt}"


class Cursor(BaseModel):
    """The state of the sensor between ticks."""

    done: dict[str, str] = Field(default_factory=dict)
    gave_up: dict[str, str] = Field(default_factory=dict)
    pending: FileBatch | None = None

    def settle(self, outcome: Outcome) -> None:
        """Record the outcome of the pending batch: done, to be tried again, or given up."""
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
        """The batch to request: the pending one, else all files that are new or changed, else None."""
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
    """Name and signature of every feed in the inbox that is no longer being written."""
    found = feeds.find([inbox]) if inbox.is_dir() else []
    growing = {feed.name for feed in feeds.being_written(found, quiet_seconds)}
    return {feed.name: feed.signature() for feed in found if feed.name not in growing}
