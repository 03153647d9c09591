"""The job `feeds`: one feed is withdrawn, or read again."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from dagster._core.system_config.objects import ResolvedRunConfig

from walmart_pipeline.definitions import build_defs
from walmart_pipeline.stages.catalog import loading
from walmart_pipeline_tests.conftest import KETTLE, Pipeline, skip_reports, warehouses_open


def change(pipeline: Pipeline, **config: Any) -> dg.ExecuteInProcessResult:
    """Run the catalog's part of the job; the others only carry it on."""
    return (
        build_defs({"settings": pipeline.settings})
        .resolve_job_def("feeds")
        .execute_in_process(
            run_config=config,
            asset_selection=[dg.AssetKey(["catalog", "raw_products"])],
            instance=dg.DagsterInstance.ephemeral(),
            raise_on_error=False,
        )
    )


def active(pipeline: Pipeline) -> dict[str, int]:
    rows = pipeline.query("select source_file, count(*) as count from catalog.raw_products group by all")
    return {row["source_file"]: row["count"] for row in rows}


def kettles(count: int) -> list[dict[str, Any]]:
    return [KETTLE | {"item_id": f"K-{number}"} for number in range(count)]


def test_a_feed_is_withdrawn_and_read_again_and_a_refused_one_is_accepted_and_no_other_file_is_touched(
    pipeline: Pipeline,
) -> None:
    pipeline.ingest(kettles(30), "a.jsonl")
    pipeline.ingest(kettles(2), "b.jsonl")
    assert not change(pipeline, feeds=["a.jsonl"], action="read_again").success, "it is not in the catalog yet"
    with pipeline.warehouse.writing() as db:
        loading.load(db, loading.offered([], pipeline.settings.inbox, 0), limit=None, advance=lambda _: None)
    before = pipeline.query("select source_file, ordinal from catalog.feeds")
    pipeline.ingest([KETTLE], "new.jsonl")

    assert change(pipeline, feeds=["b.jsonl"], action="withdraw").success
    assert active(pipeline) == {"a.jsonl": 30}
    assert change(pipeline, feeds=["b.jsonl"], action="read_again").success
    assert active(pipeline) == {"a.jsonl": 30, "b.jsonl": 2}

    read = change(pipeline, feeds=["a.jsonl"], action="read_again")
    metadata = read.asset_materializations_for_node("catalog__raw_products")[0].metadata
    assert metadata["feeds read"].value == 1
    after = {row["source_file"]: row["ordinal"] for row in pipeline.query("select * from catalog.feeds")}
    assert after["a.jsonl"] == {row["source_file"]: row["ordinal"] for row in before}["a.jsonl"], "it became newer"

    pipeline.ingest(kettles(1), "a.jsonl")
    assert not change(pipeline, feeds=["a.jsonl"], action="read_again").success
    assert active(pipeline)["a.jsonl"] == 30
    assert change(pipeline, feeds=["a.jsonl"], action="read_again", accept_shrinkage=True).success
    assert active(pipeline) == {"a.jsonl": 1, "b.jsonl": 2}


def test_a_product_whose_record_has_changed_stays_in_the_exports_when_its_feed_is_read_again(
    pipeline: Pipeline,
) -> None:
    pipeline.ingest([KETTLE])
    pipeline.run()
    pipeline.ingest([KETTLE | {"specs": KETTLE["specs"] | {"Finish": "brushed"}}])
    exporting = ("catalog/raw_products", "catalog/products", "quality/scores", "quality/listings", "delivery/exports")
    with pytest.MonkeyPatch.context() as patch, warehouses_open():
        skip_reports(patch)
        job = build_defs({"settings": pipeline.settings}).resolve_job_def("feeds")
        job.execute_in_process(
            {"feeds": ["feed.jsonl"], "action": "read_again"},
            asset_selection=[dg.AssetKey.from_user_string(key) for key in exporting],
            instance=dg.DagsterInstance.ephemeral(),
        )
    assert pipeline.query("from catalog.products semi join content.generated_content using (facts_hash)") == []
    assert len((pipeline.settings.exports / "listings.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize("action", ["read_again", "withdraw"])
def test_without_a_name_nothing_is_done(action: str) -> None:
    with pytest.raises(dg.DagsterInvalidInvocationError, match="name at least one feed"):
        ResolvedRunConfig.build(build_defs().resolve_job_def("feeds"), {"feeds": [], "action": action})
