"""Runs of this workspace: the Dagster instance, a lock for each live run, and the end of runs that were killed."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.workspace import prepare

if TYPE_CHECKING:
    from dagster import DagsterInstance


@contextmanager
def instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The Dagster instance of a workspace: the one that its UI shows."""
    import dagster as dg

    prepare(settings)
    # Not entered as a context manager: dagster 1.13 enters it again for a run or a tick, and an instance that was
    # entered twice stays behind as the one that later definitions are loaded with, though it is closed.
    opened = dg.DagsterInstance.from_config(str(settings.dagster_home))
    try:
        yield opened
    finally:
        opened.dispose()


@contextmanager
def run_lock(settings: Settings, run_id: str) -> Iterator[None]:
    """Let others see that this run is under way: by a lock, which the system lifts however the process ends."""
    path = _locks(settings) / run_id
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink()


def reap_dead_runs(settings: Settings, instance: DagsterInstance) -> list[str]:
    """End in Dagster's eyes what was killed. Returns the ids of those runs.

    A killed run keeps its place in the warehouse's pool, so that every later run would wait for it without end; only
    Dagster's daemon would free it, and a command line has none.
    """
    reaped = []
    for path in sorted(_locks(settings).glob("*")):
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            run = instance.get_run_by_id(path.name)
            if run and not run.is_finished:
                instance.report_run_failed(run, "its process was killed; what it had done by then is kept")
                reaped.append(run.run_id)
            instance.event_log_storage.free_concurrency_slots_for_run(path.name)
            path.unlink()
    return reaped


def _locks(settings: Settings) -> Path:
    return settings.dagster_home / "under_way"
