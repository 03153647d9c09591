"""What `walmart-pipeline prune` removes, and what it never does."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
from typer.testing import CliRunner

from walmart_pipeline.automation import live_runs, retention
from walmart_pipeline.cli import app
from walmart_pipeline.definitions import build_defs
from walmart_pipeline.llm.ledger import Ledger
from walmart_pipeline_tests.automation.slow_job import pipeline as job
from walmart_pipeline_tests.conftest import Pipeline
from walmart_pipeline_tests.llm.test_ledger import call

IN_A_YEAR = datetime.now(UTC) + timedelta(days=365)


def prune(pipeline: Pipeline, *, dry_run: bool, now: datetime | None = None) -> list[retention.Removal]:
    with live_runs.instance(pipeline.settings) as instance:
        return retention.prune(pipeline.settings, instance, dry_run=dry_run, now=now)


def test_the_dataset_in_force_and_those_of_models_are_never_pruned(sample_copy: Pipeline) -> None:
    datasets = sample_copy.settings.datasets
    for number in range(2, 8):
        shutil.copytree(datasets / "v1", datasets / f"v{number}")
    with sample_copy.warehouse.writing() as db:
        db.append("models.versions", [{"name": "walmart-gpt-basic:1.0.0", "dataset_version": "v3"}])
    planned = prune(sample_copy, dry_run=True)
    assert [removal.name for removal in planned] == [str(datasets / "v4"), str(datasets / "v2")]
    assert len(list(datasets.iterdir())) == 7
    assert prune(sample_copy, dry_run=False) == planned
    assert {folder.name for folder in datasets.iterdir()} == {"v1", "v3", "v5", "v6", "v7"}


def test_old_runs_are_pruned_but_not_those_that_made_an_assets_present_state(sample_copy: Pipeline) -> None:
    with live_runs.instance(sample_copy.settings) as instance:
        made_assets = {run.run_id for run in instance.get_runs()}
        assert made_assets
        old = instance.create_run_for_job(job(), status=dg.DagsterRunStatus.CANCELED).run_id
        under_way = instance.create_run_for_job(job(), status=dg.DagsterRunStatus.STARTED).run_id
        assert prune(sample_copy, dry_run=False) == []
        removed = prune(sample_copy, dry_run=False, now=IN_A_YEAR)
        assert [removal.name for removal in removed if removal.kind == "Dagster run"] == [old]
        assert {run.run_id for run in instance.get_runs()} == {*made_assets, under_way}


def test_the_command_lists_what_it_removes(sample_copy: Pipeline) -> None:
    docs = sample_copy.settings.reports / "data_docs" / "products" / "validations" / "old.html"
    docs.parent.mkdir(parents=True, exist_ok=True)
    docs.write_text("old")
    export = sample_copy.settings.studio_exports / "20200101-000000-000000"
    export.mkdir(parents=True)
    (export / "listings.csv").write_text("old")
    for path in (docs, export):
        os.utime(path, (0, 0))
    arguments = ["prune", "--home", str(sample_copy.settings.workspace)]
    planned = CliRunner().invoke(app, [*arguments, "--dry-run", "--json"])
    assert [row["name"] for row in json.loads(planned.stdout)] == [str(docs), str(export)]
    assert docs.exists()
    assert str(docs) in CliRunner().invoke(app, arguments).stdout
    assert not docs.exists()
    assert not export.exists()


def test_failed_calls_are_pruned_and_answers_only_where_a_retention_is_set(pipeline: Pipeline) -> None:
    settings = pipeline.settings
    with Ledger(settings.ledger) as ledger:
        ledger.record(call(1))
        ledger.record(call(2, None, "timeout"))
    assert [item.name for item in prune(pipeline, dry_run=False, now=IN_A_YEAR)] == [
        "1 failed calls older than 90 days"
    ]
    pipeline.settings = settings.model_copy(update={"ledger_retention_days": 364})
    planned = prune(pipeline, dry_run=True, now=IN_A_YEAR)
    assert [item.name for item in planned] == ["1 answers older than 364 days"]
    with Ledger(settings.ledger) as ledger:
        assert ledger.counts()[0] == 1


def test_the_monthly_job_removes_what_the_command_would(pipeline: Pipeline) -> None:
    with Ledger(pipeline.settings.ledger) as ledger:
        ledger.record(replace(call(1, None, "timeout"), called_at=datetime(2020, 1, 1, tzinfo=UTC)))
    job = build_defs({"settings": pipeline.settings}).resolve_job_def("cleanup")
    with live_runs.instance(pipeline.settings) as instance:
        assert job.execute_in_process(instance=instance).output_for_node("remove_old_versions") == 1
    with Ledger(pipeline.settings.ledger) as ledger:
        assert ledger.counts()[0] == 0
