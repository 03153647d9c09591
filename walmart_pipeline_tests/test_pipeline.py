"""The pipeline as a whole, as its users see it: feeds in, listings and their consequences out."""

from __future__ import annotations

import json
from pathlib import Path

from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.automation.run_summary import Summary
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.records import TrainingExample
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.definitions import build_defs
from walmart_pipeline.stages.models.modelfile import check
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.paths import SAMPLE


def test_every_row_of_the_sample_is_accounted_for(sample_pipeline: tuple[Pipeline, Summary]) -> None:
    _, summary = sample_pipeline
    assert summary.rows_in == 288
    assert (summary.products, summary.rows_merged, summary.rows_rejected) == (270, 12, 6)
    assert sum(summary.rejects_by_reason.values()) == 6


def test_every_product_ends_accepted_in_review_or_failed(sample_pipeline: tuple[Pipeline, Summary]) -> None:
    pipeline, summary = sample_pipeline
    assert summary.accepted + summary.needs_review + summary.failed == summary.products
    assert pipeline.query("select * from quality.review_queue where len(reasons) = 0 or reasons[1] is null") == []


def test_products_with_too_few_facts_wait_for_a_person_and_get_no_text(
    sample_pipeline: tuple[Pipeline, Summary],
) -> None:
    pipeline, _ = sample_pipeline
    thin = ("KH-90001", "KH-90002", "KH-90003", "KH-90004", "5990001", "5990002", "5990003", "5990004")
    rows = pipeline.query(f"select product_id, reasons from quality.review_queue where product_id in {thin}")
    assert {row["product_id"] for row in rows} == set(thin)
    assert all("facts" in row["reasons"][0] for row in rows)
    assert pipeline.query(f"select * from quality.listings where product_id in {thin}") == []


def test_the_sample_carries_the_basic_and_the_advanced_tier(sample_pipeline: tuple[Pipeline, Summary]) -> None:
    _, summary = sample_pipeline
    assert [path.rpartition("-")[2] for path in summary.modelfiles] == ["advanced.Modelfile", "basic.Modelfile"]
    assert summary.examples_missing["expert"] >= 500 - summary.examples


def test_the_sample_shows_the_template_writers_texts_and_an_independent_writers(
    sample_pipeline: tuple[Pipeline, Summary],
) -> None:
    pipeline, _ = sample_pipeline
    accepted = pipeline.query(
        "select written_by, count(*) as texts from quality.listings join content.generated_content using (product_id) "
        "group by all order by all"
    )
    assert [row["written_by"] for row in accepted] == ["independent-writer", "template"]
    assert all(row["texts"] > 50 for row in accepted)
    used = pipeline.query("select distinct example ->> '$.metadata.model_used' as author from training.examples")
    assert {row["author"] for row in used} == {"independent-writer", "template"}


def test_modelfiles_hold_nothing_that_ollama_would_refuse(sample_pipeline: tuple[Pipeline, Summary]) -> None:
    pipeline, summary = sample_pipeline
    for path in summary.modelfiles:
        assert check((pipeline.settings.modelfiles / path).read_bytes()) == []


def test_training_data_follows_the_published_schema_and_keeps_families_apart(
    sample_pipeline: tuple[Pipeline, Summary],
) -> None:
    pipeline, summary = sample_pipeline
    data = json.loads((pipeline.settings.datasets / "v1" / "training_data.json").read_text())
    assert len([TrainingExample.model_validate(example) for example in data]) == summary.examples
    divided = "select family from training.split group by family having count(distinct split) > 1"
    assert pipeline.query(divided) == []
    assert {row["split"] for row in pipeline.query("select distinct split from training.dataset")} == {
        "train",
        "validation",
        "test",
    }


def test_chat_files_are_one_conversation_a_line(sample_pipeline: tuple[Pipeline, Summary]) -> None:
    pipeline, _ = sample_pipeline
    lines = (pipeline.settings.datasets / "v1" / "chat_train.jsonl").read_text().splitlines()
    assert [message["role"] for message in json.loads(lines[0])["messages"]] == ["system", "user", "assistant"]


def test_few_shot_examples_are_not_products_that_the_model_is_tested_on(
    sample_pipeline: tuple[Pipeline, Summary],
) -> None:
    pipeline, summary = sample_pipeline
    held_out = pipeline.query(
        "select example ->> '$.output.title' as title from training.dataset where split <> 'train'"
    )
    for path in summary.modelfiles:
        text = (pipeline.settings.modelfiles / path).read_text()
        assert not [row["title"] for row in held_out if row["title"] in text]


def test_exports_and_report_are_where_the_summary_says(sample_pipeline: tuple[Pipeline, Summary]) -> None:
    pipeline, summary = sample_pipeline
    names = ["csv", "jsonl", "provenance.jsonl", "txt", "xlsx"]
    assert [Path(path).name for path in summary.exports] == [f"listings.{name}" for name in names]
    lines = (pipeline.settings.exports / "listings.jsonl").read_text().splitlines()
    assert len(lines) == summary.accepted
    assert summary.report is not None
    assert "<svg" in (pipeline.settings.reports / "evaluation.html").read_text()


def test_a_second_run_changes_nothing_and_writes_nothing(
    sample_pipeline: tuple[Pipeline, Summary], sample_copy: Pipeline
) -> None:
    (_, first), pipeline = sample_pipeline, sample_copy
    tables = [
        "catalog.products",
        "content.generated_content",
        "quality.scores",
        "quality.listings",
        "quality.review_queue",
        "training.dataset",
        "training.dataset_versions",
        "delivery.exports",
    ]
    before = {table: pipeline.query(f"from {table} order by all") for table in tables}
    second = pipeline.run(SAMPLE)
    assert second.planned == 0
    assert {table: pipeline.query(f"from {table} order by all") for table in tables} == before
    assert (second.rows_in, second.accepted, second.examples) == (first.rows_in, first.accepted, first.examples)
    assert out_of_date(pipeline.settings) == set()
    policy = pipeline.settings.workspace / "strict.yaml"
    policy.write_text("name: strict\nextends: walmart-2025\nlimits: {title_max: 60}\n")
    assert out_of_date(pipeline.settings.model_copy(update={"policy": str(policy)})) == {
        "evaluation/report",
        "evaluation/results",
        "models/modelfiles",
        "quality/review_queue",
        "quality/scores",
        "training/dataset",
        "training/examples",
        "training/rating_model",
    }


def out_of_date(settings: Settings) -> set[str]:
    """The materialized assets that Dagster's UI marks as out of date and "Materialize unsynced" selects."""
    graph = build_defs({"settings": settings}).resolve_asset_graph()
    with live_runs.instance(settings) as instance:
        resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
        keys = graph.materializable_asset_keys
        return {key.to_user_string() for key in keys if resolver.get_status(key) == StaleStatus.STALE}


def test_a_night_writes_only_what_new_facts_make_necessary(pipeline: Pipeline) -> None:
    """A new price, and a product that left its feed and comes back, need no new text."""
    other = KETTLE | {"item_id": "K-2", "gtin": None, "product_name": KETTLE["product_name"].replace("Navy", "Cream")}
    pipeline.ingest([KETTLE, other])
    assert pipeline.run().planned == 2
    pipeline.ingest([KETTLE | {"price": 31.99}, other])
    assert pipeline.run().planned == 0
    assert pipeline.query("select price from catalog.products where product_id = 'K-1'") == [{"price": 31.99}]
    changed = KETTLE | {"specs": KETTLE["specs"] | {"Warranty": "3 years"}}
    pipeline.ingest([changed, other])
    assert pipeline.run().planned == 1
    plan = pipeline.query("select product_id, reason from content.generation_plan")
    assert plan == [{"product_id": "K-1", "reason": "facts changed"}]
    pipeline.ingest([other])
    assert pipeline.run().accepted == 1
    pipeline.ingest([changed, other])
    summary = pipeline.run()
    assert (summary.planned, summary.accepted) == (0, 2)


def test_what_no_longer_fits_its_facts_is_no_longer_exported(pipeline: Pipeline) -> None:
    """A limit that keeps a changed product waiting must not keep its outdated numbers on the shelf."""
    second = KETTLE | {"item_id": "A-1", "gtin": None, "product_name": "Brindlewick Harbor Kettle, 2.2 L, Cream Enamel"}
    pipeline.ingest([KETTLE])
    assert pipeline.run().accepted == 1
    smaller = json.loads(json.dumps(KETTLE).replace("1.7 L", "1.2 L"))
    pipeline.ingest([smaller, second])
    summary = pipeline.run(limit=1)
    assert summary.planned == 1
    assert "K-1" not in {row["product_id"] for row in pipeline.query("select product_id from quality.listings")}


def test_an_empty_inbox_is_an_error_only_where_there_is_no_catalog_yet(pipeline: Pipeline) -> None:
    first = runner.run(pipeline.settings, progress=LogProgress())
    assert "inbox" in (first.error or "")
    feed = pipeline.ingest([KETTLE])
    pipeline.run()
    feed.unlink()
    assert pipeline.run().accepted == 1


def test_a_text_is_the_same_for_the_same_facts_in_another_home(pipeline: Pipeline) -> None:
    pipeline.ingest([KETTLE])
    pipeline.run()
    twin = Pipeline(pipeline.settings.workspace / "twin")
    twin.ingest([KETTLE | {"specs": dict(reversed(KETTLE["specs"].items()))}])
    twin.run()
    text = "select title, key_features, description, seo_keywords from quality.listings"
    assert twin.query(text) == pipeline.query(text) != []


def test_nothing_is_kept_for_training_where_collection_is_off(pipeline: Pipeline) -> None:
    pipeline.ingest([KETTLE])
    pipeline.run()
    assert len(pipeline.query("from training.examples")) == 1
    pipeline.settings = Settings(workspace=pipeline.settings.workspace, enable_data_collection=False)
    assert pipeline.run().accepted == 1
    assert pipeline.query("from training.examples") == []
