"""The leakage check finds held-out examples that are also in the training split."""

from __future__ import annotations

import dagster as dg
import pytest

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.core.warehouse import Database, Warehouse
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import checks, examples, split_assignment
from walmart_pipeline.stages.training.leakage import leakage
from walmart_pipeline_tests.conftest import Pipeline
from walmart_pipeline_tests.stages.training.warehouse_rows import listing, product, words, write_all


def place(db: Database, judge: Judge, split: str, *texts: tuple[Product, Listing], **others: str) -> None:
    """Publish these products and texts in a split, whatever the assignment says."""
    write_all(db, [(about, text, 90.0) for about, text in texts])
    examples.learn(db, judge, advance=lambda *_: None)
    split_assignment.assign(db, judge, advance=lambda _: None)
    given = {"split": split, "family": None, "component": None} | others
    db.execute(
        "insert into training.dataset by name select 'v1' as version, product_id, $split as split, example, "
        "coalesce($family, family) as family, coalesce($component, component) as component "
        "from training.examples join training.split using (product_id) where product_id in (select unnest($ids))",
        given | {"ids": [about.product_id for about, _ in texts]},
    )


@pytest.fixture
def clean(db: Database, judge: Judge) -> Database:
    """Thirty examples of their own, in all splits."""
    for place_in, keys in {"train": range(15), "validation": range(15, 22), "test": range(22, 30)}.items():
        place(db, judge, place_in, *((product(f"P{key}"), listing(f"P{key}")) for key in keys))
    found = leakage(db)
    assert not found.found
    assert found.examples == 30
    return db


def test_a_near_copy_of_a_held_out_input_is_found(clean: Database, judge: Judge) -> None:
    place(clean, judge, "train", (product("N", text=f"{words('P23')} and more"), listing("N")))
    found = leakage(clean)
    assert (found.near_copies, found.divided_families) == (1, 0)
    assert {found.pairs[0]["one"], found.pairs[0]["other"]} == {"N (train)", "P23 (test)"}
    assert found.pairs[0]["of"] == "input"


def test_a_near_copy_of_a_held_out_text_is_found(clean: Database, judge: Judge) -> None:
    place(clean, judge, "validation", (product("N"), listing("P23").model_copy(update={"title": "Another"})))
    assert [row["of"] for row in leakage(clean).pairs] == ["output"]


def test_a_near_copy_in_its_own_split_is_no_leak(clean: Database, judge: Judge) -> None:
    place(clean, judge, "test", (product("N", text=words("P23")), listing("P23")))
    assert not leakage(clean).found


@pytest.mark.parametrize("unit", ["family", "component"])
def test_a_divided_family_or_component_is_found(clean: Database, judge: Judge, unit: str) -> None:
    held_out = clean.value(f"select {unit} from training.dataset where product_id = 'P23'")
    place(clean, judge, "train", (product("N"), listing("N")), **{unit: held_out})
    found = leakage(clean)
    assert {"family": found.divided_families, "component": found.divided_components}[unit] == 1
    assert found.found


def test_the_check_stops_what_is_built_from_a_leaking_dataset(pipeline: Pipeline, judge: Judge) -> None:
    with pipeline.warehouse.writing() as db:
        place(db, judge, "test", (product("P"), listing("P")))
        place(db, judge, "train", (product("N", text=words("P")), listing("N")))
    result = check(pipeline.warehouse)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert "1 near-copies" in (result.description or "")
    (spec,) = checks.no_leakage.check_specs
    assert spec.blocking
    with pipeline.warehouse.writing() as db:
        db.execute("delete from training.dataset where product_id = 'N'")
    assert check(pipeline.warehouse).passed


def check(warehouse: Warehouse) -> dg.AssetCheckResult:
    result = checks.no_leakage(warehouse=warehouse)
    assert isinstance(result, dg.AssetCheckResult)
    return result
