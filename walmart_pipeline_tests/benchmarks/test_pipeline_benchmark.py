"""The synthetic catalog of the pipeline's benchmark, and how a failing step is reported."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline.benchmarks import pipeline


def records(path: Path, products: int, changed: int) -> list[dict[str, object]]:
    pipeline._written(path, products, changed=changed)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_the_second_night_differs_in_the_changed_products_alone(tmp_path: Path) -> None:
    first, second = (records(tmp_path / "feed.jsonl", 30, changed) for changed in (0, 3))
    assert [one == other for one, other in zip(first, second, strict=True)] == [False] * 3 + [True] * 27
    assert len({record["product_name"] for record in first}) == 30


def test_a_step_that_fails_is_named_with_its_reason(tmp_path: Path) -> None:
    @dg.asset
    def broken() -> None:
        raise ValueError("the disk is full")

    job = dg.Definitions(assets=[broken], jobs=[dg.define_asset_job("all")]).resolve_job_def("all")
    with pytest.raises(pipeline.StepError, match="broken: ValueError: the disk is full"):
        pipeline._measured(job, dg.AssetKey("broken"), tmp_path / "feed.jsonl")
