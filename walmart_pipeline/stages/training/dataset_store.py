"""Publishes the dataset: its version, its rows in the warehouse, and its files in a folder named by the version."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from pathlib import Path
from typing import get_args

from walmart_pipeline.core.records import Listing, TrainingExample
from walmart_pipeline.core.warehouse import SPAN_ROWS, Database, Row
from walmart_pipeline.stages.training import data_card, dataset_versions, example_files, selection
from walmart_pipeline.stages.training.dataset_versions import DatasetManifest, DatasetVersion
from walmart_pipeline.stages.training.near_duplicates import NEAR_COPY
from walmart_pipeline.stages.training.split_assignment import Split

# Bumped when the same examples would give another dataset: the asset's code_version.
VERSION = "3"

THRESHOLDS = {
    "quality_score": selection.QUALITY_AT_LEAST,
    "near_copy": NEAR_COPY,
    "category_share": selection.CATEGORY_SHARE,
    "category_always": float(selection.CATEGORY_ALWAYS),
}

IN_DATASET = """
select product_id, source, family, component, split, category, quality_score, user_rating, content_key, example
from training.examples
join training.split using (product_id)
anti join training.excluded using (product_id)
"""

# The fingerprint covers what a model can learn, not times, scores and ratings: a second run over the same texts gives
# the same dataset. The order of the examples does not matter.
CONTENTS = f"""
select
    split,
    source,
    count(*) as examples,
    sum(quality_score) as quality,
    bit_xor(md5_number(concat_ws(chr(31), product_id, split, content_key)))::varchar as fingerprint
from ({IN_DATASET})
group by split, source
order by split, source
"""

# A reviewer's text of a training product, and what it replaced, while the product's facts are the same.
PREFERENCES = f"""
select chosen.example::varchar as example, edits.replaced::varchar as replaced
from ({IN_DATASET}) as chosen
join training.examples as learned using (product_id)
join content.edits as edits on edits.product_id = chosen.product_id and edits.facts_hash = learned.facts_hash
where chosen.split = 'train'
    and chosen.source = 'edit'
    and edits.replaced is not null
    and edits.replaced_content_hash <> learned.content_hash
order by chosen.product_id, edits.edited_at
"""


def publish(
    db: Database, folder: Path, *, policy: str, system_prompt: str, excluded: Mapping[str, int]
) -> tuple[DatasetManifest, bool]:
    """Activate the version of the current dataset. Returns it, and whether it is new.

    folder: of all versions. excluded: number of excluded examples by reason. Files are written before the warehouse
    lists the version, and version.json after all others, so that no version is incomplete.
    """
    contents = _contents(db)
    previous = [_version(row) for row in db.query("select * from training.dataset_versions order by number")]
    same = [version for version in previous if version.fingerprint == contents["fingerprint"]]
    latest = previous[-1].number if previous else None
    version = (
        same[0]
        if same
        else DatasetVersion(
            number=(latest or 0) + 1,
            parent=latest,
            thresholds=THRESHOLDS,
            policy=policy,
            excluded=dict(excluded),
            **contents,
        )
    )
    is_new = not same
    target = folder / version.name
    manifest = dataset_versions.known(target)
    if is_new or manifest is None:
        manifest = _write_files(db, target, version, system_prompt)
    if is_new:
        db.append("training.dataset_versions", [_version_row(version, target, manifest.created_at)])
    _put_in_force(db, version)
    return manifest, is_new


def _put_in_force(db: Database, version: DatasetVersion) -> None:
    """Fill `training.dataset` with the rows of the version, and mark it as active."""
    held = db.query("select version, count(*) as examples from training.dataset group by version")
    if held != [{"version": version.name, "examples": sum(version.counts.values())}]:
        db.execute("delete from training.dataset")
        keys = f"select product_id from ({IN_DATASET})"
        for page in db.pages_by_key(keys, key="product_id", rows=SPAN_ROWS):
            db.execute(
                "insert into training.dataset by name "
                f"select $version as version, * exclude (content_key) from ({IN_DATASET}) "
                "where product_id between $first and $last",
                {"version": version.name, "first": page[0]["product_id"], "last": page[-1]["product_id"]},
            )
            # After a crash, the next run finds too few rows and writes all of them again.
            db.checkpoint()
    db.execute("update training.dataset_versions set in_force = number = $number", {"number": version.number})


def _contents(db: Database) -> Row:
    """Return the fields of a DatasetVersion that depend on the current dataset."""
    groups = db.query(CONTENTS)
    counts: dict[Split, int] = dict.fromkeys(get_args(Split), 0)
    sources: Counter[str] = Counter()
    for group in groups:
        counts[group["split"]] += group["examples"]
        sources[group["source"]] += group["examples"]
    total = sources.total()
    return {
        "fingerprint": f"{reduce(xor, (int(group['fingerprint']) for group in groups), 0):032x}",
        "counts": counts,
        "sources": dict(sorted(sources.items())),
        # Rounded, because DuckDB's order of summation varies.
        "mean_quality": round(sum(group["quality"] for group in groups) / total, 6) if total else None,
    }


def _examples(db: Database, where: str = "true") -> Iterator[Row]:
    for page in db.pages_by_key(f"from ({IN_DATASET}) where {where}", key="product_id"):
        yield from page


def _write_files(db: Database, target: Path, version: DatasetVersion, system_prompt: str) -> DatasetManifest:
    target.mkdir(parents=True, exist_ok=True)
    example_files.write_training_data(target / "training_data.json", (row["example"] for row in _examples(db)))
    chat = {}
    for name in get_args(Split):
        rows = _examples(db, f"split = '{name}'")
        examples = (TrainingExample.model_validate_json(row["example"]) for row in rows)
        chat[name] = example_files.write_chat(target / f"chat_{name}.jsonl", examples, system_prompt=system_prompt)
    preferences = example_files.write_preferences(
        target / "preferences.jsonl", _preferences(db), system_prompt=system_prompt
    )
    _write_parquet(db, target / dataset_versions.PARQUET)
    manifest = DatasetManifest(
        **version.model_dump(), created_at=datetime.now(UTC), fine_tuning=chat, preference_pairs=preferences
    )
    data_card.write(target, manifest)
    dataset_versions.write(target, manifest)
    return manifest


def _preferences(db: Database) -> Iterator[tuple[TrainingExample, Listing]]:
    for rows in db.stream(PREFERENCES):
        for row in rows:
            example = TrainingExample.model_validate_json(row["example"])
            yield example, Listing.model_validate_json(row["replaced"])


def _write_parquet(db: Database, path: Path) -> None:
    """Write one row per example, in typed columns; DuckDB's `copy … to` took 330 MB for 3,046 examples."""
    import pyarrow as pa
    from pyarrow import parquet

    texts = "product_id source family component split category model_used product_name category_path user_preferences"
    texts += " title description content_key"
    schema = pa.schema(
        [(name, pa.string()) for name in texts.split()]
        + [(name, pa.list_(pa.string())) for name in ("facts", "key_features", "seo_keywords")]
        + [(name, pa.float64()) for name in ("quality_score", "user_rating", "generation_seconds")]
        + [("description_words", pa.int64()), ("made_at", pa.timestamp("us", tz="UTC"))]
    )
    temporary = path.with_name(f".{path.name}.part")
    try:
        with parquet.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for rows in db.pages_by_key(IN_DATASET, key="product_id"):
                writer.write_table(pa.Table.from_pylist([_columns(row) for row in rows], schema=schema))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _columns(row: Row) -> Row:
    example = TrainingExample.model_validate_json(row["example"])
    given, output = example.input, example.output
    return row | {
        "model_used": example.metadata.model_used,
        "generation_seconds": example.metadata.generation_time,
        "made_at": example.timestamp,
        "product_name": given.product_name,
        "facts": given.features,
        "category_path": given.category,
        "user_preferences": json.dumps(given.user_preferences),
        "title": output.title,
        "key_features": output.features_formatted.split("\n"),
        "description": output.description,
        "seo_keywords": output.seo_keywords,
        "description_words": len(output.description.split()),
    }


def _version(row: Row) -> DatasetVersion:
    parsed = {name: json.loads(row[name] or "{}") for name in ("counts", "thresholds", "sources", "excluded")}
    return DatasetVersion(**{name: row[name] for name in DatasetVersion.model_fields} | parsed)


def _version_row(version: DatasetVersion, target: Path, created_at: datetime) -> Row:
    counts = {name: json.dumps(getattr(version, name)) for name in ("counts", "thresholds", "sources", "excluded")}
    return version.model_dump() | counts | {"folder": str(target), "created_at": created_at}
