"""Reads dataset versions from their folders, without the warehouse, and compares them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, ValidationError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.training.example_files import FineTuning
from walmart_pipeline.stages.training.split_assignment import Split

MANIFEST = "version.json"
PARQUET = "dataset.parquet"
# Examples of each kind listed in a difference; counts are of all.
NAMED = 20

COMPARED = """
create or replace temp table compared as
select
    product_id,
    one.split as was,
    other.split as present,
    coalesce(other.category, one.category) as category,
    case
        when one.product_id is null then 'added'
        when other.product_id is null then 'removed'
        when one.content_key <> other.content_key then 'changed'
        when one.split <> other.split then 'moved'
        else 'same'
    end as difference
from ({one}) as one
full join ({other}) as other using (product_id)
"""

QUALITY = """
select
    avg(quality_score) as mean,
    quantile_cont(quality_score, 0.1) as p10,
    quantile_cont(quality_score, 0.5) as p50,
    quantile_cont(quality_score, 0.9) as p90
from read_parquet($path)
"""

BY = """
select
    coalesce({group}, '') as name,
    count(*) filter (where was is not null) as before,
    count(*) filter (where present is not null) as after,
    count(*) filter (where difference = 'added') as added,
    count(*) filter (where difference = 'removed') as removed,
    count(*) filter (where difference = 'changed') as changed
from compared
group by all
having added + removed + changed + count(*) filter (where difference = 'moved') > 0
order by added + removed + changed desc, name
"""

NAMES = """
select product_id, was, present, category
from compared
where difference = $difference
order by product_id
limit $named
"""


class VersionsError(UserError, ValueError):
    """A version does not exist, or its files can't be read."""


class DatasetVersion(Record):
    """A dataset that models are built from, identified by its content."""

    number: int = Field(ge=1)
    fingerprint: str
    parent: int | None = Field(description="Number of the previous version; None for the first.")
    counts: dict[Split, int] = Field(description="Examples of each split, including empty ones.")
    mean_quality: float | None = Field(description="0 to 100; None for a dataset without examples.")
    thresholds: dict[str, float] = Field(description="Selection thresholds at the time of creation.")
    policy: str = Field(description="Profile and version, such as walmart-2025@3f2a….")
    sources: dict[str, int] = Field(default_factory=dict, description="Examples from each source.")
    excluded: dict[str, int] = Field(
        default_factory=dict,
        # A version.json of an earlier release has `left_out`.
        validation_alias=AliasChoices("excluded", "left_out"),
        description="Excluded examples by reason.",
    )

    @property
    def name(self) -> str:
        """The name, such as v3."""
        return f"v{self.number}"


class DatasetManifest(DatasetVersion):
    """The contents of version.json: a version, and statistics of its files."""

    created_at: datetime
    fine_tuning: dict[Split, FineTuning] = Field(description="Size and training cost of each chat file.")
    preference_pairs: int = Field(description="Pairs of preferences.jsonl, which is not written without any.")


class DatasetDifference(Record):
    """The differences between two versions."""

    versions: tuple[str, str]
    counts: dict[str, int] = Field(description="Examples added, removed, changed, moved between splits, and unchanged.")
    examples: dict[str, list[Row]] = Field(description="The first ones added, removed, changed and moved.")
    by_category: list[Row]
    by_split: list[Row]
    quality: dict[str, dict[str, float | None]] = Field(description="Of each version: mean and quantiles.")
    settings: dict[str, tuple[Any, Any]] = Field(description="Policy and thresholds that differ.")
    excluded: dict[str, tuple[int, int]]


def write(folder: Path, manifest: DatasetManifest) -> None:
    """Write version.json."""
    write_atomically(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


def known(folder: Path) -> DatasetManifest | None:
    """Return the manifest in a version's folder; None if the version is incomplete."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        return DatasetManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise VersionsError(f"{path}: not readable ({error.error_count()} errors): restore it, or remove it") from error


def all_versions(datasets: Path) -> list[DatasetManifest]:
    """Return all complete versions, the newest first."""
    found = (known(path.parent) for path in datasets.glob(f"v*/{MANIFEST}"))
    return sorted((manifest for manifest in found if manifest), key=lambda manifest: -manifest.number)


def get(datasets: Path, name: str) -> DatasetManifest:
    """Return one version by its name, such as v3. Raises VersionsError."""
    if Path(name).name == name and (manifest := known(datasets / name)):
        return manifest
    available = ", ".join(manifest.name for manifest in all_versions(datasets)) or "none"
    raise VersionsError(f"there is no dataset version {name} in {datasets}; available: {available}")


def difference(datasets: Path, before: str, after: str) -> DatasetDifference:
    """Compare two versions. Raises VersionsError."""
    import duckdb

    one, other = get(datasets, before), get(datasets, after)
    paths = {manifest.name: str(datasets / manifest.name / PARQUET) for manifest in (one, other)}
    if missing := [path for path in paths.values() if not Path(path).is_file()]:
        raise VersionsError(f"{missing[0]} is missing: restore it to compare this version")
    with duckdb.connect() as connection:
        db = Database(connection)
        db.execute(COMPARED.format(one=_rows(db, paths[one.name]), other=_rows(db, paths[other.name])))
        counted = db.query("select difference, count(*) as examples from compared group by difference")
        counts = {row["difference"]: row["examples"] for row in counted}
        kinds = ("added", "removed", "changed", "moved")
        return DatasetDifference(
            versions=(one.name, other.name),
            counts={kind: counts.get(kind, 0) for kind in (*kinds, "same")},
            examples={kind: db.query(NAMES, {"difference": kind, "named": NAMED}) for kind in kinds},
            by_category=db.query(BY.format(group="category")),
            by_split=db.query(BY.format(group="coalesce(present, was)")),
            quality={name: db.query(QUALITY, {"path": path})[0] for name, path in paths.items()},
            settings=_differing(_settings(one), _settings(other)),
            excluded=_differing(one.excluded, other.excluded, missing=0),
        )


def _rows(db: Database, path: str) -> str:
    """Return SQL for the rows of a Parquet file; earlier releases named the split `side`."""
    rows = "from read_parquet('{}')".format(path.replace("'", "''"))
    return f"select * rename (side as split) {rows}" if "side" in db.schema(f"({rows})").names else rows


def _settings(manifest: DatasetManifest) -> dict[str, Any]:
    return {"policy": manifest.policy, **manifest.thresholds}


def _differing(one: dict[str, Any], other: dict[str, Any], missing: Any = None) -> dict[str, tuple[Any, Any]]:
    pairs = {name: (one.get(name, missing), other.get(name, missing)) for name in one | other}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
