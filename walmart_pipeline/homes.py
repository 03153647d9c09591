"""A home: the folder that holds inbox, warehouse, exports and Dagster's instance.

Belongs here: making one, opening its Dagster instance, and clearing up after a run that was killed. Does not: what is
in its parts.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from walmart_pipeline.settings import PROJECT, Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

DAGSTER_YAML = PROJECT / "data" / "dagster_home" / "dagster.yaml"


def prepare(settings: Settings) -> None:
    """Make what is missing of a home, and point this process and its children at it."""
    settings.inbox.mkdir(parents=True, exist_ok=True)
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    instance_yaml = settings.dagster_home / DAGSTER_YAML.name
    if not instance_yaml.exists():
        shutil.copyfile(DAGSTER_YAML, instance_yaml)
    os.environ["WALMART_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)


@contextmanager
def instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The Dagster instance of a home: the one that its UI shows."""
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
def alive(settings: Settings, run_id: str) -> Iterator[None]:
    """Let others see that this run is under way: by a lock, which the system lifts however the process ends."""
    path = _locks(settings) / run_id
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink()


def bury(settings: Settings, instance: DagsterInstance) -> list[str]:
    """End in Dagster's eyes what was killed. Returns the ids of those runs.

    A killed run keeps its place in the warehouse's pool, so that every later run would wait for it without end; only
    Dagster's daemon would free it, and a command line has none.
    """
    buried = []
    for path in sorted(_locks(settings).glob("*")):
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            run = instance.get_run_by_id(path.name)
            if run and not run.is_finished:
                instance.report_run_failed(run, "its process was killed; what it had done by then is kept")
                buried.append(run.run_id)
            instance.event_log_storage.free_concurrency_slots_for_run(path.name)
            path.unlink()
    return buried


def _locks(settings: Settings) -> Path:
    return settings.dagster_home / "under_way"
