"""Findings: each is said where its figures are beyond threshold and chance, and only there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.stages.insights import call_log, findings, overview, page, performance, usage
from walmart_pipeline.stages.insights.every_finding import find
from walmart_pipeline_tests.stages.insights.catalog import (
    MODEL,
    NOW,
    add_calls,
    add_run,
    add_texts,
    ago,
    violation,
    warehouse,
)

AGE = violation("features.age_range", "name the age range")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path)


def found(settings: Settings) -> dict[str, str]:
    """The sentences by kind and subject."""
    opened = warehouse(settings)
    call_log.copy(settings, opened, NOW)
    with opened.writing() as db:
        performance.update(db, NOW, settings.retention_days)
        usage.update(db)
        return {one.key: one.sentence for one in findings.store(db, find(db, NOW), NOW)}


def good_catalog(db: Database) -> None:
    for name in ("Home", "Garden"):
        add_texts(db, name, [85.0 + number % 5 for number in range(60)])


def test_a_catalog_without_problems_has_no_findings_and_the_page_says_so(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        good_catalog(db)
        add_run(db, 0.1, 87.0, {"Home": 87.0, "Garden": 87.0})
    add_calls(settings, [f"Home-{number}" for number in range(60)])
    assert found(settings) == {}
    with warehouse(settings).reading() as db:
        shown = page.render(overview.overview(db, NOW), NOW)
    assert page.NOTHING in shown


def test_a_category_behind_the_others_is_named_with_the_day_and_the_cause(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        good_catalog(db)
        # 24 of 40 texts miss the age range.
        add_texts(db, "Toys", [70.0] * 24 + [88.0] * 16, violations=[AGE])
        add_texts(db, "Pets", [50.0] * 10, violations=[AGE])
        for days_ago, toys in ((9, 86.0), (5, 77.0), (2, 77.2), (0.1, 77.2)):
            add_run(db, days_ago, 85.0, {"Toys": toys, "Home": 87.0})
    sentences = found(settings)
    assert list(sentences) == ["category below the mean: Toys"]
    (sentence,) = sentences.values()
    assert f"since {findings.day(ago(5), NOW)}" in sentence
    assert "60 % of its texts break features.age_range (name the age range)" in sentence


def test_a_difference_by_chance_or_of_few_points_is_not_said(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        good_catalog(db)
        add_texts(db, "Toys", [84.0] * 40)
        # 6 points behind, with a spread that makes 30 texts too few.
        add_texts(db, "Pets", [65.0, 97.0] * 15)
        add_run(db, 0.1, 85.0, {"Toys": 84.0, "Pets": 81.0})
    assert found(settings) == {}


def test_a_category_that_cannot_be_published_is_named_with_the_rule(settings: Settings) -> None:
    promotion = violation("title.promotional", "leave the promotion out", "blocking")
    with warehouse(settings).writing() as db:
        good_catalog(db)
        add_texts(db, "Toys", [87.0] * 40, violations=[promotion], blocked=20)
        add_run(db, 0.1, 87.0, {"Toys": 87.0})
    assert found(settings) == {
        "category withheld: Toys": "20 of 40 texts in Toys can't be published: 50 % of its texts break "
        "title.promotional (leave the promotion out), 0 % elsewhere."
    }


def test_a_fall_beyond_the_spread_of_earlier_runs_is_named_once_there_are_enough_of_them(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        good_catalog(db)
        for days_ago in range(1, 11):
            add_run(db, days_ago, 87.0 + days_ago % 2 / 10, {"Home": 87.0})
        add_run(db, 0.1, 82.0, {"Home": 87.0})
    sentences = found(settings)
    assert list(sentences) == ["score moved: all texts"]
    assert "fell to 82.0" in sentences["score moved: all texts"]


def test_a_model_that_fails_is_slow_or_replaced_is_named_with_its_figures(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        good_catalog(db)
        toys = add_texts(db, "Toys", [87.0] * 60, stand_ins=40)
        add_run(db, 0.1, 87.0, {"Toys": 87.0})
    for days_ago in range(1, 11):
        add_calls(settings, toys[:5], days_ago=days_ago, seconds=2.0 + days_ago % 2 / 10, cost_usd=0.01)
    add_calls(settings, toys, seconds=9.0, cost_usd=0.5)
    add_calls(settings, toys[:20], error="timeout")
    add_calls(settings, toys[:4], error="server")
    sentences = found(settings)
    assert set(sentences) == {f"{kind}: {MODEL}" for kind in ("failed calls", "slow answers", "stand-ins", "cost")}
    assert "83 % of them timeout" in sentences[f"failed calls: {MODEL}"]
    assert "took 9.0 s" in sentences[f"slow answers: {MODEL}"]
    assert "40 of the 180 texts" in sentences[f"stand-ins: {MODEL}"]
    assert "cost 30.00 USD" in sentences[f"cost: {MODEL}"]
    assert "100 % of it for Toys" in sentences[f"cost: {MODEL}"]


def test_low_ratings_and_old_reviews_are_named_and_few_of_them_are_not(settings: Settings) -> None:
    def rate(db: Database, category: str, stars: list[int]) -> None:
        db.append(
            "quality.ratings",
            [
                {
                    "product_id": f"{category}-{number}",
                    "content_hash": "",
                    "stars": each,
                    "reviewer": "ann",
                    "rated_at": ago(2),
                }
                for number, each in enumerate(stars)
            ],
        )

    with warehouse(settings).writing() as db:
        good_catalog(db)
        add_texts(db, "Toys", [87.0] * 12)
        rate(db, "Toys", [2, 1, 2, 3, 2, 1, 2, 2, 3, 2, 1, 2])
        rate(db, "Home", [5, 4, 5] * 4)
        rate(db, "Garden", [1] * 5)
        queued = {"status": "needs_review", "reasons": ["too few facts"], "queued_at": ago(10)}
        db.append("quality.review_queue", [queued | {"product_id": f"Toys-{number}"} for number in range(12)])
        add_run(db, 0.1, 87.0, {"Toys": 87.0})
    sentences = found(settings)
    assert list(sentences) == ["low ratings: Toys", "reviews wait: review queue"]
    assert "1.9 of 5 stars in 12 ratings" in sentences["low ratings: Toys"]
    assert "12 of 12 products" in sentences["reviews wait: review queue"]


def test_a_finding_that_lasts_keeps_the_time_when_it_was_first_made(settings: Settings) -> None:
    one = findings.Finding("kind", "note", "subject", "It is so.", 1.0, 0.0, 3)
    with FileWarehouse(settings.warehouse).writing() as db:
        findings.store(db, [one], ago(3))
        findings.store(db, [one], ago(2))
        assert db.query("select first_found_at, found_at from insights.insights") == [
            {"first_found_at": ago(3), "found_at": ago(2)}
        ]
        findings.store(db, [], ago(1))
        assert db.count("insights.insights") == 0


def test_the_command_brings_the_figures_up_to_date_and_prints_the_findings(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        good_catalog(db)
        toys = add_texts(db, "Toys", [87.0] * 40)
        add_run(db, 0.1, 87.0, {"Toys": 87.0})
    add_calls(settings, toys, error="timeout")

    def run(*options: str) -> str:
        done = CliRunner().invoke(app, ["insights", "--home", str(settings.workspace), *options])
        assert done.exit_code == 0, done.output
        return done.stdout

    printed = json.loads(run("--json"))
    assert [one["kind"] for one in printed["findings"]] == ["failed calls"]
    assert {row["model"]: row["calls"] for row in printed["models"]} == {MODEL: 40}
    assert "100 % of the 40 calls of llama3.1:8b failed" in run()
