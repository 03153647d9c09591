"""The dataset as the warehouse and the files have it.

Belongs here: a version's rows, and its files in a folder of its name.
Does not: which examples there are and which go in (examples.py, selection.py), splits (split_assignment.py),
fingerprints (dataset.py), formats (example_files.py), or the data card (data_card.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from walmart_pipeline.core.records import Listing, TrainingExample, content_hash
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.training import data_card, dataset, dataset_versions, example_files, selection
from walmart_pipeline.stages.training.dataset_versions import Manifest
from walmart_pipeline.stages.training.near_duplicates import NEAR_COPY
from walmart_pipeline.stages.training.split_assignment import Split

# Bumped when the same examples would give another dataset: the asset's code_version.
VERSION = "2"

THRESHOLDS = {
    "quality_score": selection.QUALITY_AT_LEAST,
    "near_copy": NEAR_COPY,
    "category_share": selection.CATEGORY_SHARE,
    "category_always": float(selection.CATEGORY_ALWAYS),
}

IN_DATASET = """
select product_id, source, family, component, split, category, quality_score, user_rating, example
from training.examples
join training.split using (product_id)
anti join training.excluded using (product_id)
order by product_id
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
) -> tuple[Manifest, bool]:
    """The version of what is in the dataset now, and whether it is new; a new one gets its rows and its files.

    folder: where versions are kept, each in a folder of its name. excluded: what `selecting.select` says. The files are
    written before the version is known to the warehouse, and version.json after all others, so that a version never
    lacks one.
    """
    found = dataset.contents(_dataset_examples(db))
    previous = [_version(row) for row in db.query("select * from training.dataset_versions order by number")]
    version = dataset.next_version(previous, found, thresholds=THRESHOLDS, policy=policy, excluded=dict(excluded))
    is_new = version not in previous
    target = folder / version.name
    manifest = dataset_versions.known(target)
    if is_new or manifest is None:
        manifest = _write_files(db, target, version, system_prompt)
    if is_new:
        db.append("training.dataset_versions", [_version_row(version, target, manifest.created_at)])
    _put_in_force(db, version)
    return manifest, is_new


def _put_in_force(db: Database, version: dataset.Version) -> None:
    """Mark the version as in force and make `training.dataset` hold its rows."""
    db.execute("update training.dataset_versions set in_force = number = $number", {"number": version.number})
    held = db.query("select version, count(*) as examples from training.dataset group by version")
    if held != [{"version": version.name, "examples": sum(version.counts.values())}]:
        db.execute("delete from training.dataset")
        db.execute(
            f"insert into training.dataset by name select $version as version, * from ({IN_DATASET})",
            {"version": version.name},
        )


def _dataset_examples(db: Database) -> Iterator[dataset.DatasetExample]:
    for rows in db.stream(IN_DATASET):
        for row in rows:
            yield dataset.DatasetExample(
                product_id=row["product_id"],
                split=row["split"],
                source=row["source"],
                example=TrainingExample.model_validate_json(row["example"]),
            )


def _write_files(db: Database, target: Path, version: dataset.Version, system_prompt: str) -> Manifest:
    target.mkdir(parents=True, exist_ok=True)
    example_files.write_training_data(target / "training_data.json", (row.example for row in _dataset_examples(db)))
    chat = {}
    for name in get_args(Split):
        examples = (row.example for row in _dataset_examples(db) if row.split == name)
        chat[name] = example_files.write_chat(target / f"chat_{name}.jsonl", examples, system_prompt=system_prompt).cost
    preferences = example_files.write_preferences(
        target / "preferences.jsonl", _preferences(db), system_prompt=system_prompt
    )
    _write_parquet(db, target / dataset_versions.PARQUET)
    manifest = Manifest(
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
    """One row an example, in columns of their types; batch by batch, whole or absent.

    Columns are taken apart here: DuckDB doing so, by `copy … to` or a query, held 330 MB for 3,046 examples.
    """
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
            for rows in db.stream(IN_DATASET):
                writer.write_table(pa.Table.from_pylist([_columns(row) for row in rows], schema=schema))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _columns(row: Row) -> Row:
    example = TrainingExample.model_validate_json(row["example"])
    told, output = example.input, example.output
    return row | {
        "model_used": example.metadata.model_used,
        "generation_seconds": example.metadata.generation_time,
        "made_at": example.timestamp,
        "product_name": told.product_name,
        "facts": told.features,
        "category_path": told.category,
        "user_preferences": json.dumps(told.user_preferences),
        "title": output.title,
        "key_features": output.features_formatted.split("\n"),
        "description": output.description,
        "seo_keywords": output.seo_keywords,
        "description_words": len(output.description.split()),
        "content_key": content_hash([told.model_dump(), output.model_dump()]),
    }


def _version(row: Row) -> dataset.Version:
    parsed = {name: json.loads(row[name] or "{}") for name in ("counts", "thresholds", "sources", "excluded")}
    return dataset.Version(**{name: row[name] for name in dataset.Version.model_fields} | parsed)


def _version_row(version: dataset.Version, target: Path, created_at: datetime) -> Row:
    told = {name: json.dumps(getattr(version, name)) for name in ("counts", "thresholds", "sources", "excluded")}
    return version.model_dump() | told | {"folder": str(target), "created_at": created_at}
