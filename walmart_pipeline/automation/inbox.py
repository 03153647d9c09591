"""Which files of the inbox wait to be processed, and what became of those that did.

Belongs here: the cursor and how it moves. Does not: dagster (sensors.py), or reading feeds (catalog).
A file counts as done only when the run that was asked for it has succeeded: a run that fails in between loses nothing.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, Field

from walmart_pipeline.core.records import content_hash
from walmart_pipeline.stages.catalog import feeds

Outcome: TypeAlias = Literal["running", "succeeded", "failed", "unknown"]

# A file that was written to in the last seconds may still be growing.
SETTLED_SECONDS = 5.0

# A file that fails each time would start runs for ever; after these it waits until it changes.
ATTEMPTS = 3


class Batch(BaseModel):
    """Files that one run was asked to process, as they were then: name to signature."""

    files: dict[str, str]
    attempt: int = 1

    @property
    def key(self) -> str:
        """The same files in the same state, tried as often, have the same key: they are not asked for twice."""
        return f"{content_hash(self.files)[:12]}-{self.attempt}"


class Cursor(BaseModel):
    """What the sensor remembers between ticks."""

    done: dict[str, str] = Field(default_factory=dict)
    gave_up: dict[str, str] = Field(default_factory=dict)
    pending: Batch | None = None

    def settle(self, outcome: Outcome) -> None:
        """Note what became of the pending batch: done, to be tried again, or given up."""
        if self.pending is None or outcome in ("running", "unknown"):
            return
        if outcome == "succeeded":
            self.done |= self.pending.files
            self.pending = None
        elif self.pending.attempt < ATTEMPTS:
            self.pending = Batch(files=self.pending.files, attempt=self.pending.attempt + 1)
        else:
            self.gave_up |= self.pending.files
            self.pending = None

    def take(self, present: dict[str, str]) -> Batch | None:
        """The batch to ask for: the pending one, else all files that are new or changed, else None."""
        self.done = {name: signature for name, signature in self.done.items() if name in present}
        self.gave_up = {name: signature for name, signature in self.gave_up.items() if present.get(name) == signature}
        if self.pending is None:
            waiting = {
                name: signature
                for name, signature in present.items()
                if self.done.get(name) != signature and name not in self.gave_up
            }
            self.pending = Batch(files=waiting) if waiting else None
        return self.pending


def present_files(inbox: Path, now: float | None = None) -> dict[str, str]:
    """Name and signature of every feed in the inbox that is no longer being written to.

    The signature is size and time of change, also of the mapping beside it: a look at 10,000 files has to fit a tick.
    """
    latest = (time.time() if now is None else now) - SETTLED_SECONDS
    found = {}
    for feed in feeds.find([inbox]) if inbox.is_dir() else []:
        stats = [path.stat() for path in (feed.path, feed.mapping_path) if path.exists()]
        if stats and max(stat.st_mtime for stat in stats) <= latest:
            found[feed.name] = "+".join(f"{stat.st_size}@{stat.st_mtime_ns}" for stat in stats)
    return found
