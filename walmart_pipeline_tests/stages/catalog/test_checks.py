"""Great Expectations as checks of the assets: what stops a run, and what only warns."""

from __future__ import annotations

import dagster as dg
import pytest

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.stages.catalog import expectations
from walmart_pipeline_tests.conftest import KETTLE, Pipeline


def expect_seven_products(monkeypatch: pytest.MonkeyPatch, severity: str) -> None:
    seven = {"type": "ExpectTableRowCountToEqual", "value": 7, "notes": "There are seven.", "severity": severity}
    load_suite = expectations.load_suite
    monkeypatch.setattr(expectations, "load_suite", lambda table: [seven] if table == "products" else load_suite(table))


def evaluations(pipeline: Pipeline, asset: str) -> dict[str, dg.AssetCheckEvaluation]:
    with live_runs.instance(pipeline.settings) as instance:
        check = dg.DagsterEventType.ASSET_CHECK_EVALUATION
        run = instance.get_runs(limit=1)[0]
        events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
        found = [event.asset_check_evaluation_data for event in events if event.event_type == check]
        return {data.check_name: data for data in found if data.asset_key.path[-1] == asset}


def test_an_error_stops_everything_that_depends_on_the_table(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_seven_products(monkeypatch, "critical")
    pipeline.ingest([KETTLE])
    summary = runner.run(pipeline.settings, progress=LogProgress())
    assert summary.error is not None
    assert "required" in summary.error
    assert summary.products == 1
    assert pipeline.query("from content.generated_content") == []


def test_a_warning_is_shown_with_its_data_docs_and_stops_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect_seven_products(monkeypatch, "warning")
    pipeline.reports = True
    pipeline.ingest([KETTLE])
    assert pipeline.run().accepted == 1
    shown = evaluations(pipeline, "products")
    assert (shown["required"].passed, shown["expected"].passed) == (True, False)
    assert shown["expected"].severity == dg.AssetCheckSeverity.WARN
    for table in ("raw_products", "products"):
        link = evaluations(pipeline, table)["required"].metadata["data docs"].value
        assert link == (pipeline.settings.reports / "data_docs" / table / "index.html").as_uri()
        assert (pipeline.settings.reports / "data_docs" / table / "index.html").is_file()


def test_a_feed_that_shrank_fails_a_blocking_check_once_and_warns_from_then_on(pipeline: Pipeline) -> None:
    """One supplier's broken export must be seen, and must not keep all others from their night."""
    rows = [KETTLE | {"item_id": f"K-{number}"} for number in range(12)]
    pipeline.ingest(rows)
    pipeline.run()
    assert evaluations(pipeline, "raw_products")["volume"].passed
    pipeline.ingest(rows[:1])
    for severity in (dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN):
        summary = runner.run(pipeline.settings, plan_only=True, progress=LogProgress())
        check = evaluations(pipeline, "raw_products")["volume"]
        assert (check.passed, check.blocking, check.severity) == (False, True, severity)
        assert "feed.jsonl: it has 1 rows, but feed.jsonl had 12" in (check.description or "")
        assert summary.succeeded == (severity == dg.AssetCheckSeverity.WARN)
        assert summary.products == 12
