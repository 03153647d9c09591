"""What became of a run that a sensor requested, and when a failed one is requested again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG
from pydantic import BaseModel, Field

Outcome: TypeAlias = Literal["running", "succeeded", "failed", "unknown"]

# 5 minutes for a server that restarts, then 20, 80, 320; once a day for an error that waits for a person.
FIRST_PAUSE = timedelta(minutes=5)
PAUSE_FACTOR = 4
LONGEST_PAUSE = timedelta(days=1)

# The daemon repeats a run whose process died within seconds. One that it lost must not be waited for.
DAEMON_RETRY_SECONDS = 900


def outcome(instance: dg.DagsterInstance, tag: str, key: str, now: datetime) -> Outcome:
    """Return the outcome of the latest run with a tag; `running` also while the daemon is about to repeat it."""
    records = instance.get_run_records(dg.RunsFilter(tags={tag: key}), limit=1)
    if not records:
        return "unknown"
    run = records[0].dagster_run
    if not run.is_finished:
        return "running"
    if run.is_success:
        return "succeeded"
    ended = records[0].end_time or records[0].update_timestamp.timestamp()
    will_retry = run.tags.get(WILL_RETRY_TAG) == "true" and now.timestamp() - ended < DAEMON_RETRY_SECONDS
    return "running" if will_retry else "failed"


def pause(failures: int) -> timedelta:
    """Return how long to wait after so many failed runs in a row."""
    return min(FIRST_PAUSE * float(PAUSE_FACTOR ** min(failures - 1, 8)), LONGEST_PAUSE)


class Requested(BaseModel):
    """The run that a sensor requested last. mark: what it is for. not_before: set while it waits after a failure."""

    mark: str
    reason: str
    run_config: dict[str, Any] = Field(default_factory=dict)
    failures: int = 0
    not_before: datetime | None = None

    def key(self, sensor: str) -> str:
        """Run key: Dagster launches it once for the same mark and attempt."""
        return f"{sensor}-{self.mark}-{self.failures + 1}"


class RequestCursor(BaseModel):
    """The cursor of a sensor that requests one run at a time: `handled` moves on only when a run has succeeded."""

    handled: str = ""
    pending: Requested | None = None

    def settle(self, found: Outcome, now: datetime) -> str | None:
        """Record the outcome of the pending run. Returns why the sensor has to wait; None if it has not to.

        A pending run that is left has to be requested: it never was launched, or failed and is due again.
        """
        if self.pending is None:
            return None
        if self.pending.not_before is None:
            if found == "running":
                return f"its run has not finished yet: {self.pending.reason}"
            if found == "succeeded":
                self.handled, self.pending = self.pending.mark, None
                return None
            if found == "unknown":
                return None
            self.pending.failures += 1
            self.pending.not_before = now + pause(self.pending.failures)
        if now < self.pending.not_before:
            due = f"{self.pending.not_before:%Y-%m-%d %H:%M} UTC"
            return f"{self.pending.failures} failed runs, the next one from {due}: {self.pending.reason}"
        self.pending.not_before = None
        return None
