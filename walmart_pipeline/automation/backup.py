"""Copies a workspace to a folder while runs go on: what can't be made again, with checksums.

Not in it: secrets (`.env`, the Studio's users and its sign-in), reports, exports, which are written from the warehouse,
and Dagster's history of runs. The keys that the Studio's users keep are in it, sealed with a key of `.env`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import Field, ValidationError

from walmart_pipeline.automation import database_copies
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.settings import Settings

# Of the folder's layout: raised when an earlier version could not restore it.
FORMAT = 1
MANIFEST = "manifest.json"
WAREHOUSE = "warehouse.duckdb"
POSTGRES = "postgres"
WEIGHTS = "weights"

ADAPTERS = """
select distinct recipe ->> 'adapter' as adapter
from models.versions
where recipe ->> 'adapter' is not null
order by adapter
"""


class BackupError(UserError):
    """A backup can't be written or is not whole."""


class BackupFile(Record):
    """A file of a backup."""

    path: str = Field(description="Relative to the backup.")
    bytes: int
    sha256: str


class Manifest(Record):
    """What a backup holds. It is written last: a folder without it is no backup."""

    format: int = FORMAT
    created_at: datetime
    program: str = Field(description="Version of walmart-pipeline.")
    workspace: str = Field(description="Where it was.")
    modelfiles: str = Field(description="Where the Modelfiles were.")
    postgres: dict[str, list[str]] = Field(description="Columns of the tables of a ledger in Postgres, by table.")
    weights: dict[str, str] = Field(description="Where the weights of registered models were, by file.")
    files: list[BackupFile]


def cursors(settings: Settings) -> dict[str, Path]:
    """What sensors and schedules have handled, in SQLite. Older than the warehouse: what is in between is repeated."""
    return {"dagster/schedules.db": settings.dagster_home / "schedules" / "schedules.db"}


def stores(settings: Settings) -> dict[str, Path]:
    """Ledger and reviewers' decisions in SQLite. Newer than the warehouse, which takes over what they hold."""
    ledger, reviews = map(database_copies.sqlite_file, (settings.ledger, settings.reviews_url))
    found = {"ledger.db": ledger} if ledger else {}
    return found | ({"reviews.db": reviews} if reviews and reviews != ledger else {})


def inbox_state(settings: Settings) -> dict[str, Path]:
    """Which feeds were read. As `cursors`."""
    return {"dagster/inbox_sensor.json": settings.dagster_home / "inbox_sensor.json"}


def folders(settings: Settings) -> dict[str, Path]:
    """Feeds and edits, Modelfiles, datasets, and what was sent to Walmart."""
    return {
        "inbox": settings.inbox,
        "modelfiles": settings.modelfiles,
        "datasets": settings.datasets,
        "item_feed": settings.exports / "item_feed",
    }


def configuration(settings: Settings) -> dict[str, Path]:
    """Files that the user edits."""
    return {
        "product_types.yaml": settings.product_types,
        "feed_values.yaml": settings.feed_values,
        "dagster/dagster.yaml": settings.dagster_home / "dagster.yaml",
    }


def create(settings: Settings, target: Path) -> Manifest:
    """Write a backup to a new folder, which appears when it is whole. Returns its manifest.

    Raises BackupError if there is something at `target`, WarehouseError and DatabaseCopyError.
    """
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(f"there is something at {target} already: a backup is never overwritten")
    if inside := [folder for folder in folders(settings).values() if target.is_relative_to(folder.absolute())]:
        raise BackupError(f"{target} would be a part of itself: choose a folder outside of {inside[0]}")
    partial = target.with_name(f".{target.name}.partial")
    # Of a backup that was killed.
    shutil.rmtree(partial, ignore_errors=True)
    # It holds the products of a retailer.
    partial.mkdir(mode=0o700, parents=True)
    try:
        manifest = _write(settings, partial)
        write_atomically(partial / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
        partial.replace(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return manifest


def _write(settings: Settings, folder: Path) -> Manifest:
    started = datetime.now(UTC)
    _copy_all(folder, inbox_state(settings))
    _copy_databases(folder, cursors(settings))
    weights = _copy_warehouse(settings, folder) if warehouses.of(settings).exists() else {}
    _copy_databases(folder, stores(settings))
    postgres = {}
    if database_copies.sqlite_file(settings.ledger) is None:
        postgres = database_copies.dump_postgres(settings.ledger, folder / POSTGRES)
    for name, path in folders(settings).items():
        _copy_all(folder / name, {file.relative_to(path).as_posix(): file for file in _files(path)})
    _copy_all(folder, configuration(settings))
    return Manifest(
        created_at=started,
        program=version("walmart-pipeline"),
        workspace=str(settings.workspace),
        modelfiles=str(settings.modelfiles),
        postgres=postgres,
        weights=weights,
        files=[described(file, folder) for file in _files(folder)],
    )


def _copy_warehouse(settings: Settings, folder: Path) -> dict[str, str]:
    """Copy the warehouse, and the weights that its registered models name. Returns where those were, by file."""
    copy = folder / WAREHOUSE
    warehouses.of(settings).copy_to(copy)
    # Also shows that the copy can be opened.
    with FileWarehouse(copy).reading() as db:
        adapters = {Path(row["adapter"]) for row in db.query(ADAPTERS)}
    for leftover in folder.glob("warehouse.before-*"):
        leftover.unlink()
    if settings.embedded_adapter:
        adapters.add(settings.embedded_adapter)
    found = {f"{WEIGHTS}/{number}-{path.name}": path for number, path in enumerate(sorted(adapters)) if path.is_file()}
    _copy_all(folder, found)
    return {name: str(path) for name, path in found.items()}


def _copy_databases(folder: Path, sources: Mapping[str, Path]) -> None:
    for name, path in sources.items():
        if path.exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            database_copies.copy_sqlite(path, folder / name)


def _copy_all(folder: Path, sources: Mapping[str, Path]) -> None:
    """Copy files with their times of change, by which sensors know them; those that are not there are left out."""
    for name, path in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copy2(path, folder / name)


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder without links, which may lead out of it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def described(file: Path, folder: Path) -> BackupFile:
    """Size and checksum of a file, which is on the disk afterwards."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return BackupFile(path=file.relative_to(folder).as_posix(), bytes=file.stat().st_size, sha256=digest)


def verify(folder: Path) -> Manifest:
    """Compare every file of a backup with its checksum. Returns the manifest. Raises BackupError."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        raise BackupError(f"{folder} is no backup: it has no {MANIFEST}") from None
    except ValidationError as error:
        raise BackupError(f"{folder / MANIFEST} can't be read: {error}") from error
    if manifest.format > FORMAT:
        raise BackupError(f"{folder} was written by walmart-pipeline {manifest.program}: upgrade this one")
    named = {file.path: file for file in manifest.files}
    present = {file.relative_to(folder).as_posix(): file for file in _files(folder)}
    problems = [f"{path} is missing" for path in sorted(named.keys() - present.keys())]
    problems += [f"{path} is not of this backup" for path in sorted(present.keys() - named.keys() - {MANIFEST})]
    problems += [
        f"{path} was changed"
        for path, file in sorted(present.items())
        if path in named and described(file, folder) != named[path]
    ]
    if problems:
        raise BackupError(f"{folder} is damaged: {'; '.join(problems)}")
    return manifest
