"""What models are built from: enough good examples for each tier, and the best of them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import TrainingExample
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.models.material import MAX_CANDIDATES, material
from walmart_pipeline_tests.stages.models.examples import example


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as opened:
        yield opened


def fill(db: Database, *examples: TrainingExample) -> None:
    for number, each in enumerate(examples, db.count("training.dataset")):
        row = {"version": "v1", "product_id": f"p{number:05}", "split": "train", "category": each.input.category}
        quality = {"quality_score": each.metadata.quality_score, "user_rating": each.metadata.user_rating}
        db.append("training.dataset", [row | quality | {"example": each.model_dump_json()}])


def multiply(db: Database, times: int, categories: int) -> None:
    """So many rows for each that there is, in so many categories."""
    db.execute(
        "create or replace temp table many as select examples.*, numbers.range as number "
        f"from training.dataset as examples, range({times}) as numbers"
    )
    db.execute(
        "insert into training.dataset by name select * exclude (number) replace (product_id || '-' || number as "
        f"product_id, 'c' || number % {categories} as category) from many"
    )


def test_a_tier_with_too_few_examples_gives_the_number_of_missing_ones(db: Database) -> None:
    fill(db, example(quality=95), example(quality=70), example(quality=69.9))
    multiply(db, 59, 1)
    found = material(db)
    assert found.missing == {"basic": 0, "advanced": 140, "expert": 440}
    assert list(found.examples) == ["basic"]
    assert {each.metadata.quality_score for each in found.examples["basic"]} == {95, 70}


def test_an_empty_dataset_lacks_all_examples(db: Database) -> None:
    found = material(db)
    assert (found.missing, found.examples, found.sizes) == ({"basic": 50, "advanced": 200, "expert": 500}, {}, None)


def test_of_more_examples_than_are_compared_no_category_is_lost(db: Database) -> None:
    fill(db, example("Kettle", quality=99))
    multiply(db, 2 * MAX_CANDIDATES, 1)
    fill(db, example("Doll", category="Toys", quality=85))
    candidates = material(db).examples["advanced"]
    assert len(candidates) == MAX_CANDIDATES
    assert "Doll" in {each.input.product_name for each in candidates}


def test_what_a_reviewer_liked_is_a_candidate_before_a_better_score(db: Database) -> None:
    fill(db, example("Unseen", quality=94), example("Disliked", quality=98, stars=1), example("Liked", stars=5))
    multiply(db, 20, 1)
    found = [each.input.product_name for each in material(db).examples["basic"]]
    assert list(dict.fromkeys(found)) == ["Liked", "Unseen", "Disliked"]


def test_memory_for_the_examples_does_not_grow_with_the_dataset(db: Database) -> None:
    fill(db, example(quality=95, description="It boils water. " * 50))
    multiply(db, 20_000, 5_000)
    tracemalloc.start()
    material(db)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000
