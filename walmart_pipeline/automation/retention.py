"""Removal of old runs, Data Docs, superseded datasets, users' exports, backups of the warehouse and ledger calls.

A lake forgets its old snapshots, and its files are merged.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from walmart_pipeline.core import warehouses
from walmart_pipeline.core.lake_warehouse import LakeWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.llm.ledger import CallStatus, Ledger

if TYPE_CHECKING:
    from dagster import DagsterInstance

# The data of a registered model is retained.
DATASETS_IN_USE = """
select 'v' || number as version from training.dataset_versions where in_force
union
select dataset_version from models.versions
union
select dataset_version from models.fine_tunes
"""


class Removal(BaseModel):
    """An item that was removed, or would be in a dry run."""

    kind: str
    name: str
    bytes: int


def prune(
    settings: Settings, instance: DagsterInstance, *, dry_run: bool, now: datetime | None = None
) -> list[Removal]:
    """Remove what is older than `retention_days` and all but the newest datasets; only list them if `dry_run`.

    The active dataset, datasets that a model was built from, and the latest run of each asset are never removed;
    answers of models only if `ledger_retention_days` is set.
    """
    now = now or datetime.now(UTC)
    before = now - timedelta(days=settings.retention_days)
    found = [
        *_runs(settings, instance, before),
        *_files(settings.reports / "data_docs", "*/validations/**/*.html", before, "Data Docs"),
        *_files(settings.workspace, "warehouse.before-*.duckdb", before, "backup of the warehouse"),
        *_files(settings.studio_exports, "*", before, "export of a user"),
        *_datasets(settings),
    ]
    for _, remove in found:
        if not dry_run:
            remove()
    removals = [removal for removal, _ in found]
    return [*removals, *_calls(settings, now, dry_run=dry_run), *_lake(settings, now, dry_run=dry_run)]


def _runs(
    settings: Settings, instance: DagsterInstance, before: datetime
) -> Iterator[tuple[Removal, Callable[[], None]]]:
    import dagster as dg

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    latest = instance.get_latest_materialization_events(instance.get_asset_keys())
    needed = {event.run_id for event in latest.values() if event}
    for record in instance.get_run_records(dg.RunsFilter(statuses=finished, created_before=before)):
        run = record.dagster_run
        if run.run_id in needed:
            continue
        events = settings.dagster_home / "history" / "runs" / f"{run.run_id}.db"
        logs = settings.dagster_home / "storage" / run.run_id

        def remove(run_id: str = run.run_id, events: Path = events, logs: Path = logs) -> None:
            instance.delete_run(run_id)
            events.unlink(missing_ok=True)
            shutil.rmtree(logs, ignore_errors=True)

        yield Removal(kind="Dagster run", name=run.run_id, bytes=_size(events) + _size(logs)), remove


def _files(folder: Path, pattern: str, before: datetime, kind: str) -> Iterator[tuple[Removal, Callable[[], None]]]:
    for path in sorted(folder.glob(pattern)):
        if path.stat().st_mtime < before.timestamp():
            remove = partial(shutil.rmtree, path) if path.is_dir() else path.unlink
            yield Removal(kind=kind, name=str(path), bytes=_size(path)), remove


def _datasets(settings: Settings) -> Iterator[tuple[Removal, Callable[[], None]]]:
    folders = sorted(settings.datasets.glob("v[0-9]*"), key=lambda folder: int(folder.name[1:]), reverse=True)
    superseded = folders[settings.keep_datasets :]
    if not superseded:
        return
    with warehouses.of(settings).reading() as db:
        in_use = {row["version"] for row in db.query(DATASETS_IN_USE)}
    for folder in superseded:
        if folder.name not in in_use:
            removal = Removal(kind="dataset", name=str(folder), bytes=_size(folder))
            yield removal, partial(shutil.rmtree, folder)


def _calls(settings: Settings, now: datetime, *, dry_run: bool) -> Iterator[Removal]:
    if settings.ledger_url is None and not settings.ledger_file.exists():
        return
    kept: dict[str, tuple[int | None, tuple[CallStatus, ...]]] = {
        "failed calls": (settings.retention_days, ("failed",)),
        "answers": (settings.ledger_retention_days, ("complete", "final")),
    }
    with Ledger(settings.ledger) as ledger:
        for name, (days, statuses) in kept.items():
            if days and (count := ledger.prune(now - timedelta(days=days), *statuses, dry_run=dry_run)):
                yield Removal(kind="ledger", name=f"{count:,} {name} older than {days} days", bytes=0)
        if count := ledger.prune_hits(now - timedelta(days=settings.retention_days), dry_run=dry_run):
            name = f"{count:,} cache hits older than {settings.retention_days} days"
            yield Removal(kind="ledger", name=name, bytes=0)


def _lake(settings: Settings, now: datetime, *, dry_run: bool) -> Iterator[Removal]:
    warehouse = warehouses.of(settings)
    if not isinstance(warehouse, LakeWarehouse) or not warehouse.exists():
        return
    done = warehouse.maintain(now - timedelta(days=settings.lake_retention_days), dry_run=dry_run)
    for count, what in ((done.snapshots, "snapshots"), (done.merged, "files merged"), (done.removed, "unused files")):
        if count:
            yield Removal(kind="lake", name=f"{count:,} {what}", bytes=0)


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
