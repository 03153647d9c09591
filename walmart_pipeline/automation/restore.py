"""Brings a backup into a workspace: verified first, prepared beside what is there, and then moved into place.

While files are put in place a marker keeps every command from the warehouse, so that a half restore never looks whole.
"""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from walmart_pipeline.automation import backup, database_copies, live_runs
from walmart_pipeline.automation.backup import BackupError, Manifest
from walmart_pipeline.core.file_warehouse import UNFINISHED_RESTORE, FileWarehouse
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.settings import Settings

STAGING = ".restoring"

LEFT_BY_SETUP = ("dagster/dagster.yaml", "dagster/schedules.db")

TEXT_COLUMNS = """
select schema_name || '.' || table_name as table, column_name as column
from duckdb_columns()
where data_type = 'VARCHAR' and not internal and table_oid in (select table_oid from duckdb_tables())
order by all
"""

# Whatever begins with an old folder is a path in it: feeds, exports, datasets, Modelfiles. In one step: a new folder
# may be below an old one.
RELOCATE = """
update {table}
set {column} = case
    when starts_with({column}, $old_modelfiles) then $new_modelfiles || substr({column}, length($old_modelfiles) + 1)
    else $new || substr({column}, length($old) + 1)
end
where starts_with({column}, $old) or starts_with({column}, $old_modelfiles)
"""


class Restored(NamedTuple):
    """set_aside: folder with what was there before, if there was anything. weights: where they were, by file."""

    manifest: Manifest
    set_aside: Path | None
    weights: dict[str, str]


def restore(settings: Settings, source: Path, *, force: bool = False) -> Restored:
    """Restore a backup; with `force` also over data, which is set aside.

    Raises BackupError if the backup is damaged, the workspace has data or is in use, or its ledger is of another kind
    than the backup's; nothing is changed then.
    """
    manifest = backup.verify(source)
    marker = settings.workspace / UNFINISHED_RESTORE
    _check(settings, manifest, may_replace=force or marker.exists())
    targets = _targets(settings, manifest)
    staging = settings.workspace / STAGING
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for name in targets:
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, staging / name)
    if backup.WAREHOUSE in targets:
        _relocate(staging / backup.WAREHOUSE, settings, manifest)
    if not marker.exists():
        write_atomically(marker, f"before-restore-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    aside = settings.workspace / marker.read_text(encoding="utf-8")
    if manifest.postgres:
        _dump_aside(settings, aside / backup.POSTGRES)
        database_copies.load_postgres(settings.ledger, source / backup.POSTGRES, manifest.postgres)
    _set_aside(settings, targets, staging, aside)
    for name, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        # A ledger may be on another disk, to which a file can't be renamed.
        shutil.move(staging / name, target)
    os.sync()
    marker.unlink()
    shutil.rmtree(staging)
    weights = {str(targets[name]): was for name, was in manifest.weights.items() if not Path(was).exists()}
    return Restored(manifest, aside if aside.exists() else None, weights)


def _parts(settings: Settings) -> dict[str, Path]:
    """Every file and folder that a restore replaces, by its name in a backup."""
    return {
        backup.WAREHOUSE: settings.warehouse,
        **backup.stores(settings),
        **backup.folders(settings),
        backup.WEIGHTS: settings.workspace / backup.WEIGHTS,
        **backup.configuration(settings),
        **backup.inbox_state(settings),
        **backup.cursors(settings),
    }


def _targets(settings: Settings, manifest: Manifest) -> dict[str, Path]:
    """Where each file belongs. Raises BackupError for one that belongs nowhere or would leave its folder."""
    parts = _parts(settings)
    targets = {}
    for file in manifest.files:
        if file.path.startswith(f"{backup.POSTGRES}/"):
            continue
        part = next((name for name in parts if file.path == name or file.path.startswith(f"{name}/")), None)
        if part is None or ".." in Path(file.path).parts:
            raise BackupError(f"the backup has a file that belongs nowhere here: {file.path}")
        targets[file.path] = parts[part] / Path(file.path).relative_to(part) if file.path != part else parts[part]
    return targets


def _check(settings: Settings, manifest: Manifest, *, may_replace: bool) -> None:
    if settings.warehouse_url is not None:
        raise BackupError(
            "a backup is restored to files: unset WALMART_WAREHOUSE_URL and restore; `walmart-pipeline warehouse copy "
            f"{settings.warehouse} LAKE` then fills an empty lake, to which WALMART_WAREHOUSE_URL may be set"
        )
    is_postgres = database_copies.sqlite_file(settings.ledger) is None
    if is_postgres != bool(manifest.postgres):
        one, other = ("Postgres", "SQLite") if manifest.postgres else ("SQLite", "Postgres")
        raise BackupError(f"the backup's ledger is in {one}, this workspace's in {other}: see WALMART_LEDGER_URL")
    if not may_replace and _has_data(settings):
        raise BackupError(f"{settings.workspace} has data: --force sets it aside; or restore to another --home")
    if running := live_runs.processes(settings):
        raise BackupError(f"a run is going on (process {running[0]}): stop it and Dagster first")
    if settings.warehouse.exists():
        with settings.warehouse.open("rb+") as file:
            try:
                # As DuckDB does; a damaged warehouse, which it could not open, must not keep the backup out.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise BackupError(f"{settings.warehouse} is in use: stop Dagster and the Studio first") from None
    for store in backup.stores(settings).values():
        # What it wrote from then on would go to the file that was set aside.
        if store.exists() and database_copies.is_open(store):
            raise BackupError(f"{store} is in use: stop Dagster and the Studio first")


def _has_data(settings: Settings) -> bool:
    """Whether there is more than what setting up a workspace leaves."""
    parts = [path for name, path in _parts(settings).items() if name not in LEFT_BY_SETUP]
    if any(path.is_file() or (path.is_dir() and any(path.iterdir())) for path in parts):
        return True
    is_postgres = database_copies.sqlite_file(settings.ledger) is None
    return is_postgres and database_copies.has_rows(settings.ledger)


def _relocate(warehouse: Path, settings: Settings, manifest: Manifest) -> None:
    """Let stored paths lead to this workspace. Also shows that this version can open the warehouse."""
    folders = {
        "old": manifest.workspace,
        "new": settings.workspace,
        "old_modelfiles": manifest.modelfiles,
        "new_modelfiles": settings.modelfiles,
    }
    with FileWarehouse(warehouse).writing() as db:
        for text in db.query(TEXT_COLUMNS):
            db.execute(RELOCATE.format(**text), {name: f"{folder}/" for name, folder in folders.items()})


def _dump_aside(settings: Settings, target: Path) -> None:
    """Dump what Postgres holds before it is replaced; once, though a restore that was interrupted is repeated."""
    if target.exists() or not database_copies.has_rows(settings.ledger):
        return
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    database_copies.dump_postgres(settings.ledger, partial)
    partial.rename(target)


def _set_aside(settings: Settings, targets: dict[str, Path], staging: Path, aside: Path) -> None:
    """Move what is there to a folder of its own; only what the backup has just so is deleted."""
    found = _parts(settings)
    # Copies of the warehouse for readers and from before migrations, and the logs of databases, are of the same past.
    copies = settings.warehouse.parent.glob(f"{settings.warehouse.stem}.*{settings.warehouse.suffix}")
    found |= {copy.name: copy for copy in copies}
    for name, path in list(found.items()):
        found |= {f"{name}{suffix}": path.with_name(path.name + suffix) for suffix in (".wal", "-wal", "-shm")}
    for name, path in found.items():
        if not path.exists():
            continue
        is_same = name in targets and path.is_file() and filecmp.cmp(path, staging / name, shallow=False)
        if is_same or (path.is_dir() and not any(path.iterdir())):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        else:
            place = aside / name
            # Since a restore that was interrupted, other files may have come.
            while place.exists():
                place = place.with_name(f"{place.name}.later")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, place)
