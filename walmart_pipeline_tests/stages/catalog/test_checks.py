"""Great Expectations as checks of the assets: what stops a run, and what only warns."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from walmart_pipeline import runner
from walmart_pipeline.automation import live_runs
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.stages.catalog import checks, expectations, feed_states
from walmart_pipeline_tests.conftest import KETTLE, Pipeline
from walmart_pipeline_tests.stages.catalog.conftest import Catalog


def expect_seven_products(monkeypatch: pytest.MonkeyPatch, severity: str) -> None:
    seven = {"type": "ExpectTableRowCountToEqual", "value": 7, "notes": "There are seven.", "severity": severity}
    seven |= {"found": "are seven"}
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
    assert "products_are_identified" in summary.error
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
    warned = shown["products_have_facts"]
    assert (shown["products_are_identified"].passed, warned.passed) == (True, False)
    assert warned.severity == dg.AssetCheckSeverity.WARN
    assert warned.description == "1 products are seven"
    assert warned.metadata["products are seven"].value == 1
    page = pipeline.settings.reports / "data_docs" / "products" / "index.html"
    assert warned.metadata["data docs"].value == "http://127.0.0.1:3001/reports/data_docs/products/index.html"
    assert "There are seven." in page.read_text()


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


def test_each_feed_that_leaves_the_catalog_on_old_data_or_none_is_named(catalog: Catalog) -> None:
    """Three unreadable feeds, and one of which only the header arrived, once ended with every check green."""
    for name in ("kept.jsonl", "deleted.jsonl"):
        catalog.put(name, [{"id": name, "name": "Kettle", "brand": "Acme"}])
    catalog.run()
    with catalog.warehouse.reading() as db:
        sound = feed_states.feed_states(db)
    assert (sound.problems, sound.message) == ([], "all 2 feeds are readable")
    (catalog.inbox / "deleted.jsonl").unlink()
    (catalog.inbox / "header.csv").write_text("id,name,brand\n")
    (catalog.inbox / "broken.xlsx").write_bytes(b"no workbook")
    catalog.run()
    with catalog.warehouse.reading() as db:
        found = feed_states.feed_states(db)
    assert {row["feed"]: row["problem"] for row in found.problems} == {
        "broken.xlsx": "unreadable",
        "deleted.jsonl": "deleted",
        "header.csv": "empty",
    }
    assert "deleted.jsonl: deleted: its 1 rows stay active: `walmart-pipeline feeds remove deleted" in found.message
    assert found.counts == {"feeds in the catalog": 2, "unreadable": 1, "empty": 1, "deleted": 1}


def test_a_feed_that_was_named_from_another_folder_is_not_called_deleted(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check runs in the daemon's working directory, the run in that of a shell."""
    catalog.put("feed.jsonl", [{"id": "1", "name": "Kettle", "brand": "Acme"}])
    monkeypatch.chdir(catalog.inbox)
    catalog.run(Path("feed.jsonl"))
    monkeypatch.chdir("/")
    with catalog.warehouse.writing() as db:
        assert feed_states.feed_states(db).problems == []
        db.execute("update catalog.feeds set path = 'inbox/feed.jsonl'")
        assert feed_states.feed_states(db).problems == []


@pytest.mark.parametrize(("withdrawn", "passed"), [(10, True), (29, True), (60, False)])
def test_a_large_withdrawal_is_a_warning_and_its_share_is_plotted(
    pipeline: Pipeline, withdrawn: int, passed: bool
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        metadata = {"dagster/row_count": 100 - withdrawn, "withdrawn": withdrawn}
        instance.report_runless_asset_event(dg.AssetMaterialization(checks.products.key, metadata=metadata))
        result = checks.withdrawn_share(dg.build_asset_check_context(instance=instance), pipeline.settings)
    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed == passed
    assert f"{withdrawn} of 100 products were withdrawn ({withdrawn}.0 %)" in (result.description or "")
    assert result.metadata["withdrawn share (%)"].value == withdrawn
