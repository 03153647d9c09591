"""Warnings on the scores, the figures and the plots that stand beside them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import dagster as dg
import pytest

from walmart_pipeline.automation import live_runs
from walmart_pipeline.core import markdown, statistics
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.records import Violation
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.quality import drift, score_plots
from walmart_pipeline.stages.quality.overview import overview
from walmart_pipeline_tests.conftest import KETTLE, Pipeline

POLICY = "walmart-2025@1"
HTML = Violation(rule="description.html", severity="blocking", field="description", evidence="<b>|", message="m")
YEAR = Violation(rule="title.year", severity="minor", field="title", evidence="2024", message="m")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as database:
        yield database


def scored(db: Database, *scores: float, policy: str = POLICY, violations: tuple[Violation, ...] = ()) -> None:
    """These texts, and no others, under this policy."""
    rows = [
        {
            "product_id": f"{policy}-{number}",
            "content_hash": str(number),
            "policy": policy,
            "score": score,
            "band": "poor" if score < 60 else "good" if score < 80 else "excellent",
            "publishable": score >= 60,
            "compliance": score,
            "violations": [violation.model_dump() for violation in violations],
        }
        for number, score in enumerate(scores)
    ]
    db.replace("quality.scores", rows)


def night(db: Database, mean: float, *, run: int, noise: float = 0.0, policy: str = POLICY) -> None:
    """A run that leaves 200 texts around this mean."""
    chance = random.Random(run)
    scored(db, *(mean + chance.uniform(-5, 5) + noise for _ in range(200)), policy=policy)
    drift.record(db, policy, run_id=str(run), judged=200)


def test_a_share_of_publishable_texts_below_the_threshold_is_reported(db: Database) -> None:
    scored(db, *[90] * 7, *[50] * 3)
    check = drift.publishable_share(db, POLICY)
    assert not check.passed
    assert "70.0 % of 10 texts" in check.message
    scored(db, *[90] * 8, *[50] * 2)
    assert drift.publishable_share(db, POLICY).passed


def test_texts_of_another_policy_are_not_counted(db: Database) -> None:
    """A run that was stopped half-way leaves texts that are judged under the policy before."""
    scored(db, *[50] * 20, policy="older@1")
    check = drift.publishable_share(db, POLICY)
    assert check.passed
    assert "no text" in check.message


def test_too_short_a_history_passes_and_reports_it(db: Database) -> None:
    for run in range(statistics.LEAST_RUNS):
        night(db, 90 if run else 20, run=run)
    check = drift.score_drift(db, POLICY)
    assert check.passed
    assert f"{statistics.LEAST_RUNS} are needed" in check.message


def test_a_fall_is_reported_with_what_moved_and_from_where(db: Database) -> None:
    for run in range(statistics.RUNS):
        night(db, 90, run=run)
    assert drift.score_drift(db, POLICY).passed
    night(db, 80, run=99)
    check = drift.score_drift(db, POLICY)
    assert not check.passed
    assert "mean 80." in check.message
    assert "usually 90." in check.message or "usually 89." in check.message
    assert "compliance 80." in check.message


def test_a_rise_is_drift_too(db: Database) -> None:
    for run in range(statistics.RUNS):
        night(db, 70, run=run)
    night(db, 80, run=99)
    assert not drift.score_drift(db, POLICY).passed


def test_less_than_a_point_is_no_drift_in_a_catalog_that_never_changes(db: Database) -> None:
    for _ in range(statistics.RUNS):
        night(db, 90, run=1)
    night(db, 90, run=1, noise=0.9)
    assert drift.score_drift(db, POLICY).passed
    night(db, 90, run=1, noise=1.2)
    assert not drift.score_drift(db, POLICY).passed


def test_another_policy_has_a_history_of_its_own(db: Database) -> None:
    for run in range(statistics.RUNS):
        night(db, 90, run=run)
    night(db, 40, run=99, policy="walmart-2025@2")
    assert drift.score_drift(db, "walmart-2025@2").passed
    assert drift.score_drift(db, POLICY).passed


def test_a_run_that_changes_nothing_leaves_no_row(db: Database) -> None:
    assert not drift.record(db, POLICY, run_id="empty", judged=0)
    scored(db, 90, 80, 71.3)
    assert drift.record(db, POLICY, run_id="first", judged=3)
    assert not drift.record(db, POLICY, run_id="idle", judged=0)
    scored(db, 90, 80)
    assert drift.record(db, POLICY, run_id="one withdrawn", judged=0)
    history = db.query("select run_id, texts, mean from quality.score_history order by recorded_at")
    assert [(row["run_id"], row["texts"], row["mean"]) for row in history] == [
        ("first", 3, 80.433),
        ("one withdrawn", 2, 85.0),
    ]


def test_the_histogram_puts_each_score_where_it_belongs(db: Database) -> None:
    scored(db, 0, 4.9, 5, 59.0, 59.9, 60, 99.9, 100)
    found = overview(db)
    assert {place: count for place, count in enumerate(found.scores) if count} == {0: 2, 1: 1, 11: 2, 12: 1, 19: 2}
    assert sum(found.dimensions["compliance"]) == 8
    assert sum(found.dimensions["grounding"]) == 0


def test_frequent_violations_come_with_their_share_and_an_example(db: Database) -> None:
    scored(db, 50, 55, violations=(HTML, HTML, YEAR))
    first, second = overview(db).frequent
    assert (first["rule"], first["findings"], first["% of texts"]) == ("description.html", 4, 100)
    assert first["example"] == f"{POLICY}-0, description: <b>|"
    assert (second["rule"], second["severity"]) == ("title.year", "minor")
    assert "<b>" not in markdown.table([first])


@pytest.mark.parametrize("scores", [(), (59.0,), tuple(range(0, 101, 3))])
def test_figures_are_drawn_of_any_scores_and_the_same_each_time(
    db: Database, tmp_path: Path, scores: tuple[float, ...]
) -> None:
    scored(db, *scores, violations=(HTML, YEAR))
    found = overview(db)
    first, again = (score_plots.write(found, tmp_path / name) for name in ("first", "again"))
    assert sorted(first) == ["dimensions", "scores", "violations"]
    for name, path in first.items():
        assert ET.parse(path).getroot().tag.endswith("svg")
        assert path.read_text() == again[name].read_text()
    assert len(score_plots.inline(found)) < 20_000


def events(pipeline: Pipeline) -> list[dg.DagsterEvent]:
    with live_runs.instance(pipeline.settings) as instance:
        (run,) = instance.get_runs()
        return [entry.dagster_event for entry in instance.all_logs(run.run_id) if entry.dagster_event]


def test_a_run_draws_the_scores_and_evaluates_both_checks(pipeline: Pipeline) -> None:
    pipeline.reports = True
    pipeline.ingest([KETTLE])
    pipeline.run()
    found = events(pipeline)
    checks: dict[str, Any] = {
        event.asset_check_evaluation_data.check_name: event.asset_check_evaluation_data
        for event in found
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    }
    assert checks["publishable_share"].passed
    assert checks["publishable_share"].metadata["publishable share (%)"].value == 100
    assert checks["score_drift"].passed
    assert "needed" in checks["score_drift"].description
    assert checks["score_drift"].severity == dg.AssetCheckSeverity.WARN
    (scores,) = [
        event.step_materialization_data.materialization
        for event in found
        if event.is_step_materialization and event.asset_key == dg.AssetKey(["quality", "scores"])
    ]
    for name in ("scores", "dimensions", "violations"):
        path = pipeline.settings.reports / "quality" / f"{name}.svg"
        assert scores.metadata[f"open {name}"].value == f"http://127.0.0.1:3001/reports/quality/{name}.svg"
        assert path.is_file()
    assert scores.metadata["distribution"].value.startswith("![")
