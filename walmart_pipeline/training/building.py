"""Examples and the dataset, as the warehouse and the files have them.

Belongs here: which listings are learned from, on which side each product stands, and a version's tables and files.
Does not: what a family is (families.py), the side of one (split.py), fingerprints (dataset.py), formats (exports.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from walmart_pipeline.records import Listing, Product, TrainingExample
from walmart_pipeline.training import dataset, exports
from walmart_pipeline.training.families import family
from walmart_pipeline.training.split import Side, side
from walmart_pipeline.warehouse import Database, Row, struct

# Bumped when the same listings would give another dataset: the assets' code_version.
VERSION = "1"

# Any number does; this one stays, since another would move held-out products into the training side.
SPLIT_SEED = 2025

# The lowest quality that any tier learns from (DESIGN.md: basic).
QUALITY_AT_LEAST = 70.0

DUE = f"""
select
    {struct("products", Product)} as product,
    {struct("listings", Listing)} as listing,
    listings.score,
    listings.model,
    listings.content_hash,
    listings.accepted_at,
    content.seconds,
    products.facts_hash
from quality.listings
join catalog.products using (product_id)
join content.generated_content as content using (product_id, content_hash)
left join training.examples on
    examples.product_id = listings.product_id
    and examples.content_hash = listings.content_hash
    and examples.facts_hash = products.facts_hash
    and examples.quality_score = listings.score
where examples.product_id is null
order by listings.product_id
"""

FORGET_UNACCEPTED = """
delete from training.examples
where (product_id, content_hash) not in (select (product_id, content_hash) from quality.listings)
"""

IN_DATASET = """
select product_id, family, side, category, quality_score, example
from training.examples
join training.split using (product_id)
where quality_score >= $quality
order by product_id
"""


def learn(db: Database, *, advance: Callable[[int], None]) -> int:
    """Make an example of every accepted listing that has none yet; forget those no longer accepted. Returns how many.

    advance: told the number of examples since the last call.
    """
    db.execute(FORGET_UNACCEPTED)
    total = 0
    for due in db.pages(DUE):
        total += db.upsert("training.examples", [_example_row(row) for row in due], ["product_id"])
        db.checkpoint()
        advance(len(due))
    return total


def _example_row(row: Row) -> Row:
    product = Product(**row["product"])
    example = exports.example_from(
        product,
        Listing(**row["listing"]),
        row["score"],
        timestamp=row["accepted_at"],
        model_used=row["model"],
        generation_time=row["seconds"],
    )
    return {
        "product_id": product.product_id,
        "content_hash": row["content_hash"],
        "facts_hash": row["facts_hash"],
        "category": product.category[0] if product.category else "",
        "quality_score": row["score"],
        "example": example.model_dump_json(),
    }


def divide(db: Database) -> None:
    """Give every product of the catalog its family and its side."""
    db.execute("delete from training.split")
    for products in db.pages("select product_id, product_name, brand, attributes from catalog.products"):
        db.append("training.split", map(_split_row, products))


def _split_row(product: Row) -> Row:
    found = family(product["product_name"], product["brand"], product["attributes"])
    return {"product_id": product["product_id"], "family": found, "side": side(found, seed=SPLIT_SEED)}


def publish(db: Database, folder: Path, *, policy: str, system_prompt: str) -> tuple[dataset.Version, bool]:
    """The version of what is in the dataset now, and whether it is new; a new one gets its rows and its files.

    folder: where versions are kept, each in a folder of its name. The files are written before the version is known
    to the warehouse, so that a version never lacks them.
    """
    found = dataset.contents(_dataset_examples(db))
    previous = [_version(row) for row in db.query("select * from training.dataset_versions order by number")]
    version = dataset.next_version(previous, found, thresholds={"quality_score": QUALITY_AT_LEAST}, policy=policy)
    is_new = version not in previous
    target = folder / version.name
    if is_new or not target.is_dir():
        _write_files(db, target, system_prompt)
    if is_new:
        db.execute("delete from training.dataset")
        db.execute(
            "insert into training.dataset by name select $version as version, * from (" + IN_DATASET + ")",
            {"version": version.name, "quality": QUALITY_AT_LEAST},
        )
        db.append("training.dataset_versions", [_version_row(version, target)])
    return version, is_new


def _dataset_examples(db: Database) -> Iterator[dataset.DatasetExample]:
    for rows in db.stream(IN_DATASET, {"quality": QUALITY_AT_LEAST}):
        for row in rows:
            yield dataset.DatasetExample(
                product_id=row["product_id"],
                side=row["side"],
                example=TrainingExample.model_validate_json(row["example"]),
            )


def _write_files(db: Database, target: Path, system_prompt: str) -> None:
    exports.write_training_data(target / "training_data.json", (row.example for row in _dataset_examples(db)))
    for name in get_args(Side):
        examples = (row.example for row in _dataset_examples(db) if row.side == name)
        exports.write_chat(target / f"chat_{name}.jsonl", examples, system_prompt=system_prompt)


def _version(row: Row) -> dataset.Version:
    known = {name: row[name] for name in dataset.Version.model_fields}
    return dataset.Version(**known | {"counts": json.loads(row["counts"]), "thresholds": json.loads(row["thresholds"])})


def _version_row(version: dataset.Version, target: Path) -> Row:
    return version.model_dump() | {
        "counts": json.dumps(version.counts),
        "thresholds": json.dumps(version.thresholds),
        "folder": str(target),
        "created_at": datetime.now(UTC),
    }
