"""Figures of models and the use of features, from a ledger and a warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.llm import ledger_statistics
from walmart_pipeline.llm.ledger_statistics import LedgerStatistics
from walmart_pipeline.stages.insights import call_log, overview, performance, usage
from walmart_pipeline_tests.stages.insights.catalog import MODEL, NOW, add_calls, add_texts, ago, warehouse


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace=tmp_path)


def update(settings: Settings) -> None:
    opened = warehouse(settings)
    call_log.copy(settings, opened, NOW)
    with opened.writing() as db:
        performance.update(db, NOW, settings.retention_days)
        usage.update(db)


def rows(settings: Settings, sql: str) -> list[Row]:
    with warehouse(settings).reading() as db:
        return db.query(sql)


def grouped(settings: Settings, *by: performance.Grouping, days: float = 30) -> list[Row]:
    with warehouse(settings).reading() as db:
        return performance.grouped(db, by, since=ago(days).date())


def test_calls_are_summed_by_day_model_and_category_with_their_errors_and_percentiles(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        toys = add_texts(db, "Toys", [90.0] * 10, stand_ins=2)
        add_texts(db, "Garden", [90.0] * 4, provider="template", model="template")
    for number, each in enumerate(toys):
        add_calls(settings, [each], seconds=float(number + 1), cost_usd=0.5)
    add_calls(settings, toys[:2], error="timeout", seconds=60.0)
    add_calls(settings, toys[:3], purpose="repair", seconds=1.0, hits=2)
    add_calls(settings, toys, purpose="fact check", seconds=5.5)
    add_calls(settings, [*toys[:1], "gone"], days_ago=3)
    update(settings)
    today, earlier = ago(0.1).date(), ago(3).date()
    found = {(row["day"], row["category"]): row for row in grouped(settings, "day", "category")}
    assert set(found) == {(today, "Toys"), (today, "Garden"), (earlier, "Toys"), (earlier, "none")}
    row = found[today, "Toys"]
    assert (row["calls"], row["error_count"], row["cost_usd"], row["cache_hits"]) == (25, 2, 5.0, 2)
    assert row["success_rate"] == pytest.approx(23 / 25)
    # Of the 23 answers, not of the timeouts.
    assert row["response_time"] == 5.5
    # Of the ten listings, not of what checks them.
    assert (row["repairs"], row["repair_rate"]) == (3, 0.3)
    assert (row["texts"], row["stand_ins"], row["stand_in_rate"]) == (10, 2, 0.2)
    assert found[today, "Garden"]["calls"] == 0
    assert found[today, "Garden"]["texts"] == 4
    (stored,) = rows(settings, "select errors, response_time from insights.performance where error_count > 0")
    assert stored == {"errors": {"timeout": 2}, "response_time": 4.0}
    assert [row["model"] for row in grouped(settings, "model")] == [MODEL, "template"]


def test_the_figures_of_a_past_day_stay_when_its_texts_are_replaced_and_new_calls_are_added_once(
    settings: Settings,
) -> None:
    with warehouse(settings).writing() as db:
        toys = add_texts(db, "Toys", [90.0] * 5, days_ago=9)
    add_calls(settings, toys, days_ago=9)
    update(settings)
    add_calls(settings, toys[:1])
    with warehouse(settings).writing() as db:
        db.execute("update content.generated_content set generated_at = ? where product_id = 'Toys-0'", [ago(0.1)])
    update(settings)
    before = rows(settings, "select * from insights.performance order by day")
    update(settings)
    assert rows(settings, "select * from insights.performance order by day") == before
    assert [(row["day"], row["calls"], row["texts"]) for row in before] == [
        (ago(9).date(), 5, 5),
        (ago(0.1).date(), 1, 1),
    ]


def test_calls_are_there_once_though_two_processes_copy_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command `insights` beside a run."""
    monkeypatch.setattr(ledger_statistics, "PAGE_ROWS", 2)
    products = ["a", "b", "c", "d", "e"]
    add_calls(settings, products)
    add_calls(settings, products, days_ago=3)
    pages = LedgerStatistics.calls_since
    others = iter([None])

    def with_another_copy(ledger: LedgerStatistics, since: datetime) -> Iterator[list[Row]]:
        for page in pages(ledger, since):
            yield page
            # Once, after the first page.
            for _ in others:
                call_log.copy(settings, warehouse(settings), NOW)

    monkeypatch.setattr(LedgerStatistics, "calls_since", with_another_copy)
    call_log.copy(settings, warehouse(settings), NOW)
    count = "select count(*) as calls, count(distinct call_id) as ids from insights.model_calls"
    assert rows(settings, count) == [{"calls": 10, "ids": 10}]


def test_what_the_ledger_forgets_stays_in_the_daily_figures(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        toys = add_texts(db, "Toys", [90.0] * 3, days_ago=60)
    add_calls(settings, toys, days_ago=60)
    update(settings)
    short = settings.model_copy(update={"retention_days": 30})
    add_calls(settings, toys)
    update(short)
    assert rows(settings, "select count(*) as calls from insights.model_calls") == [{"calls": 3}]
    assert [row["calls"] for row in grouped(settings, "day", days=90)] == [3, 3]


def test_ratings_are_the_satisfaction_with_a_model_also_if_imported_late(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        add_texts(db, "Toys", [90.0] * 2, days_ago=20)
    update(settings)
    with warehouse(settings).writing() as db:
        db.append(
            "quality.ratings",
            [
                {
                    "product_id": f"Toys-{number}",
                    "content_hash": f"hash of Toys-{number}",
                    "stars": stars,
                    "reviewer": "ann",
                    "rated_at": ago(10),
                }
                for number, stars in enumerate((5, 2))
            ],
        )
    update(settings)
    update(settings)
    (row,) = grouped(settings, "model")
    assert (row["model"], row["ratings"], row["user_satisfaction"]) == (MODEL, 2, 3.5)
    found = rows(settings, "select actor, detail, count from insights.usage where feature = 'Ratings' order by detail")
    assert found == [
        {"actor": "ann", "detail": "2 of 5", "count": 1},
        {"actor": "ann", "detail": "5 of 5", "count": 1},
    ]


def test_usage_names_what_was_used_by_whom_and_what_never_was(settings: Settings) -> None:
    with warehouse(settings).writing() as db:
        add_texts(db, "Toys", [90.0] * 5, stand_ins=1)
        export = {"exported_at": ago(1), "exported_by": "bo", "format": "csv", "row_count": 4}
        db.append("delivery.exports", [export, export | {"format": "provenance"}])
    update(settings)
    with warehouse(settings).reading() as db:
        found = {row["feature"]: row for row in usage.by_feature(db)}
        unused = usage.unused(db)
        assert usage.by_feature(db, since=date.today() + timedelta(days=2)) == []
    assert {name: row["count"] for name, row in found.items()} == {
        "Listings written": 4,
        "Stand-ins by the template writer": 1,
        "Exports": 4,
    }
    assert "Fact checks by a model" in unused
    assert not set(unused) & set(found)


def test_without_a_ledger_and_texts_there_is_nothing_and_no_error(settings: Settings) -> None:
    update(settings)
    assert grouped(settings, "model") == []
    with warehouse(settings).reading() as db:
        assert overview.latest_day(db) == {}
        assert overview.overview(db, NOW).by_model == []
