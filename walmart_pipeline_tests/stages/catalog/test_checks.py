"""Great Expectations as checks of the assets: what stops a run, and what is only told."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.stages.catalog import expectations
from walmart_pipeline_tests.conftest import KETTLE, Pipeline


def impossible(severity: str) -> list[Any]:
    import great_expectations.expectations as gxe

    return [gxe.ExpectTableRowCountToEqual(value=7, severity=severity, notes="There are seven products.")]


def evaluations(pipeline: Pipeline, asset: str) -> dict[str, dg.AssetCheckEvaluation]:
    with live_runs.instance(pipeline.settings) as instance:
        check = dg.DagsterEventType.ASSET_CHECK_EVALUATION
        (run,) = instance.get_runs()
        events = [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]
        found = [event.asset_check_evaluation_data for event in events if event.event_type == check]
        return {data.check_name: data for data in found if data.asset_key.path[-1] == asset}


def test_an_error_stops_everything_that_depends_on_the_table(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(expectations.SUITES, "products", lambda: impossible("critical"))
    pipeline.ingest([KETTLE])
    summary = runner.run(pipeline.settings, progress=LogProgress())
    assert summary.error is not None
    assert "required" in summary.error
    assert summary.products == 1
    assert pipeline.query("from content.generated_content") == []


def test_a_warning_is_told_and_stops_nothing(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(expectations.SUITES, "products", lambda: impossible("warning"))
    pipeline.ingest([KETTLE])
    assert pipeline.run().accepted == 1
    told = evaluations(pipeline, "products")
    assert (told["required"].passed, told["expected"].passed) == (True, False)
    assert told["expected"].severity == dg.AssetCheckSeverity.WARN


def test_a_check_links_to_data_docs_that_are_there(pipeline: Pipeline) -> None:
    pipeline.reports = True
    pipeline.ingest([KETTLE])
    pipeline.run()
    for table in ("raw_products", "products"):
        link = evaluations(pipeline, table)["required"].metadata["data docs"].value
        assert link == (pipeline.settings.reports / "data_docs" / table / "index.html").as_uri()
        assert (pipeline.settings.reports / "data_docs" / table / "index.html").is_file()
