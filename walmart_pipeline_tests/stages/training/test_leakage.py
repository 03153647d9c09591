"""The check of the dataset finds what is held out and told on the training split too."""

from __future__ import annotations

import dagster as dg
import pytest

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.warehouse import Database, Warehouse
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import checks, example_files
from walmart_pipeline.stages.training.leakage import leakage
from walmart_pipeline_tests.conftest import Pipeline
from walmart_pipeline_tests.stages.training.warehouse_rows import AT, listing, product, words


def place(db: Database, about: Product, text: Listing, split: str, **others: str) -> None:
    key = about.product_id
    example = example_files.example_from(about, text, 90.0, timestamp=AT, model_used="m", generation_time=1.0)
    row = {"version": "v1", "product_id": key, "split": split, "example": example.model_dump_json()}
    db.append("training.dataset", [row | {"family": f"family {key}", "component": f"component {key}"} | others])


@pytest.fixture
def clean(db: Database, judge: Judge) -> Database:
    """Thirty examples of their own, on all splits."""
    for number in range(30):
        key = f"P{number}"
        place(db, product(key), listing(key), ("train", "train", "validation", "test")[number % 4])
    found = leakage(db, judge)
    assert not found.found
    assert found.examples == 30
    return db


def test_a_near_copy_of_a_held_out_input_is_found(clean: Database, judge: Judge) -> None:
    place(clean, product("N", text=f"{words('P3')} and more"), listing("N"), "train")
    found = leakage(clean, judge)
    assert (found.near_copies, found.divided_families) == (1, 0)
    assert {found.pairs[0]["one"], found.pairs[0]["other"]} == {"N (train)", "P3 (test)"}
    assert found.pairs[0]["of"] == "input"


def test_a_near_copy_of_a_held_out_text_is_found(clean: Database, judge: Judge) -> None:
    place(clean, product("N"), listing("P3").model_copy(update={"title": "Another"}), "validation")
    assert [row["of"] for row in leakage(clean, judge).pairs] == ["output"]


def test_a_near_copy_on_its_own_side_is_no_leak(clean: Database, judge: Judge) -> None:
    place(clean, product("N", text=words("P3")), listing("P3"), "test")
    assert not leakage(clean, judge).found


@pytest.mark.parametrize("unit", ["family", "component"])
def test_a_divided_family_or_component_is_found(clean: Database, judge: Judge, unit: str) -> None:
    place(clean, product("N"), listing("N"), "train", **{unit: f"{unit} P3"})
    found = leakage(clean, judge)
    assert {"family": found.divided_families, "component": found.divided_components}[unit] == 1
    assert found.found


def test_the_check_stops_what_is_built_from_a_leaking_dataset(pipeline: Pipeline, judge: Judge) -> None:
    with pipeline.warehouse.writing() as db:
        place(db, product("P"), listing("P"), "test")
        place(db, product("N", text=words("P")), listing("N"), "train")
    result = check(pipeline.warehouse, judge)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert "1 near-copies" in (result.description or "")
    (spec,) = checks.no_leakage.check_specs
    assert spec.blocking
    with pipeline.warehouse.writing() as db:
        db.execute("delete from training.dataset where product_id = 'N'")
    assert check(pipeline.warehouse, judge).passed


def check(warehouse: Warehouse, judge: Judge) -> dg.AssetCheckResult:
    result = checks.no_leakage(warehouse=warehouse, judge=judge)
    assert isinstance(result, dg.AssetCheckResult)
    return result
