"""The sensors on the warehouse, tick by tick. Their runs are made up."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from walmart_pipeline.automation import run_outcomes, run_tags, triggers
from walmart_pipeline.core.file_warehouse import FileWarehouse
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import Decision, ReviewStore
from walmart_pipeline.stages.quality import drift
from walmart_pipeline_tests.automation.slow_job import pipeline as job

SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class Daemon:
    """Drives one sensor on a warehouse."""

    def __init__(self, settings: Settings, sensor: dg.SensorDefinition) -> None:
        self.settings, self.sensor = settings, sensor
        self.instance = dg.DagsterInstance.ephemeral()
        self.cursor: str | None = None
        self.message = ""

    def write(self, change: Callable[[Database], Any]) -> None:
        with FileWarehouse(self.settings.warehouse).writing() as db:
            change(db)

    def tick(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources={"settings": self.settings}, sensor_name="sensor"
        )
        data = self.sensor.evaluate_tick(context)
        self.cursor, self.message = data.cursor, data.skip_message or ""
        return list(data.run_requests or [])

    def end(self, status: dg.DagsterRunStatus = SUCCESS) -> dg.RunRequest:
        """Tick, and let the run that it has to request end."""
        (request,) = self.tick()
        self.instance.create_run_for_job(job(), tags=dict(request.tags), status=status)
        return request


@pytest.fixture
def daemon(tmp_path: Path) -> Callable[..., Daemon]:
    def make(sensor: dg.SensorDefinition, **settings: Any) -> Daemon:
        return Daemon(Settings(workspace=tmp_path, **settings), sensor)

    return make


def rate(count: int, reviewer: str) -> Callable[[Database], Any]:
    return lambda db: db.append(
        "quality.ratings", [{"product_id": str(number), "reviewer": reviewer} for number in range(count)]
    )


def test_enough_new_ratings_and_edits_are_learned_from_once(daemon: Callable[..., Daemon]) -> None:
    feedback = daemon(triggers.feedback_sensor, feedback_at_least=3)
    assert feedback.tick() == []
    assert "no warehouse" in feedback.message
    feedback.write(rate(2, "anna"))
    assert feedback.tick() == []
    assert "2 new ratings and edits of 3" in feedback.message
    feedback.write(lambda db: db.append("content.edits", [{"product_id": "1"}]))
    request = feedback.end()
    assert "3 new ratings and edits" in request.tags[run_tags.REASON]
    feedback.write(rate(1, "bert"))
    with ReviewStore(feedback.settings.reviews_url) as store:
        store.decide([Decision(product_id="1", content_hash="h", action="rate", stars=4, author="cleo")])
    assert feedback.tick() == []
    assert "2 new ratings and edits of 3" in feedback.message


def test_a_rejected_listing_and_the_undo_ask_for_an_export_each_and_exactly_once(
    daemon: Callable[..., Daemon],
) -> None:
    rejections = daemon(triggers.rejections_sensor)
    listed = [{"product_id": product, "content_hash": "h"} for product in ("1", "2", "3")]
    rejections.write(lambda db: db.append("quality.listings", listed))
    assert rejections.tick() == []
    with ReviewStore(rejections.settings.reviews_url) as store:

        def decide(product: str, action: Any, undoes: str | None = None) -> Decision:
            decision = Decision(product_id=product, content_hash="h", action=action, undoes=undoes, author="ada")
            store.decide([decision], seen={product: 0} | store.versions([product]))
            return decision

        decide("1", "accept")
        decide("withheld", "reject")
        assert rejections.tick() == []
        first = decide("1", "reject")
        request = rejections.end()
        assert request.tags[run_tags.REASON] == "rejected, or no longer: 1"
        rejections.write(lambda db: takeover.take_over(db, store))
        assert rejections.tick() == []
        decide("1", "undo", undoes=first.decision_id)
        rejections.end()
        rejections.write(lambda db: takeover.take_over(db, store))
        assert rejections.tick() == []
        # Another run may take a decision over and end without an export.
        decide("2", "reject")
        rejections.write(lambda db: takeover.take_over(db, store))
        assert "2" in rejections.end().tags[run_tags.REASON]
        assert rejections.tick() == []


def test_a_rejection_that_becomes_visible_after_a_later_one_is_not_missed(daemon: Callable[..., Daemon]) -> None:
    rejections = daemon(triggers.rejections_sensor)
    listed = [{"product_id": product, "content_hash": "h"} for product in ("1", "2")]
    rejections.write(lambda db: db.append("quality.listings", listed))
    with ReviewStore(rejections.settings.reviews_url) as store:
        late, early = (Decision(product_id=each, content_hash="h", action="reject", author="ada") for each in "12")
        store.decide([late, early], seen={"1": 0, "2": 0})
        # As concurrent transactions of Postgres show it.
        hidden = sqlite3.connect(rejections.settings.reviews_file)
        hidden.execute("update studio_decisions set number = -1000 where product_id = '1'")
        hidden.execute("update studio_decisions set number = 2 where product_id = '2'")
        hidden.commit()
        rejections.end()
        rejections.write(lambda db: db.append("quality.reviews", [{"decision_id": early.decision_id}]))
        assert rejections.tick() == []
        hidden.execute("update studio_decisions set number = 1 where product_id = '1'")
        hidden.commit()
        hidden.close()
        assert "1" in rejections.end().tags[run_tags.REASON]


def test_a_failed_run_is_requested_again_after_a_pause_and_a_lost_one_at_once(
    daemon: Callable[..., Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback = daemon(triggers.feedback_sensor, feedback_at_least=1)
    feedback.write(rate(1, "anna"))
    (lost,) = feedback.tick()
    assert feedback.end(FAILURE).run_key == lost.run_key
    assert feedback.tick() == []
    assert "1 failed runs" in feedback.message
    feedback.cursor = (feedback.cursor or "").replace(f"{datetime.now(UTC):%Y}-", "2020-")
    monkeypatch.setattr(run_outcomes, "FIRST_PAUSE", timedelta(0))
    assert feedback.end().run_key != lost.run_key
    assert feedback.tick() == []
    assert "0 new ratings" in feedback.message


def test_a_hundred_new_good_examples_since_the_latest_model_ask_for_a_retraining(
    daemon: Callable[..., Daemon],
) -> None:
    growth = daemon(triggers.dataset_growth_sensor)

    def grow(count: int) -> Callable[[Database], Any]:
        return lambda db: db.append("training.dataset", [{"product_id": str(number)} for number in range(count)])

    growth.write(grow(120))
    growth.write(lambda db: db.append("training.dataset_versions", [{"number": 1, "counts": '{"train":50,"test":10}'}]))
    growth.write(
        lambda db: db.append("models.versions", [{"name": "walmart-gpt-basic:1.0.0", "dataset_version": "v1"}])
    )
    assert growth.tick() == []
    assert "60 new good examples of 100" in growth.message
    growth.write(grow(40))
    growth.end()
    assert growth.tick() == []
    assert "0 new good examples of 100" in growth.message


def test_a_promotion_is_rolled_out_in_two_runs(daemon: Callable[..., Daemon]) -> None:
    promotion = daemon(triggers.promotion_sensor, regeneration_budget_usd=0.5)
    promotion.write(lambda db: db.append("models.promotions", [{"number": 1, "move": "promotion", "champion": "new"}]))
    canary = promotion.end()
    assert canary.run_config == {
        "budget_usd": 0.5, "dry_run": False, "categories": [], "ids": [], "reason": "promotion 1 (new): canary",
        "settings": {},
    }  # fmt: skip
    promotion.write(lambda db: db.append("content.rollouts", [{"promotion": 1, "phase": "canary"}]))
    assert promotion.end().tags[run_tags.REASON] == "promotion 1 (new): rest"
    promotion.write(lambda db: db.execute("update content.rollouts set phase = 'stopped', reason = 'they are worse'"))
    assert promotion.tick() == []
    assert "stopped: they are worse" in promotion.message


def test_a_canary_that_its_run_did_not_complete_is_left_to_the_nights_and_loops_not(
    daemon: Callable[..., Daemon],
) -> None:
    promotion = daemon(triggers.promotion_sensor)
    promotion.write(lambda db: db.append("models.promotions", [{"number": 1, "move": "promotion", "champion": "new"}]))
    promotion.end()
    assert promotion.tick() == []
    assert "nightly runs go on" in promotion.message


def history(means: dict[str, list[float]]) -> Callable[[Database], Any]:
    rows = [
        {"policy": "p", "category": category, "texts": 40, "mean": mean, "recorded_at": LONG_AGO + timedelta(days=day)}
        for category, values in means.items()
        for day, mean in enumerate(values)
    ]

    def write(db: Database) -> None:
        db.append("quality.category_history", rows)
        db.append("quality.score_history", [{"policy": "p", "recorded_at": LONG_AGO}])

    return write


def test_only_categories_that_fell_are_written_again_and_only_so_often_a_day(daemon: Callable[..., Daemon]) -> None:
    drifting = daemon(triggers.quality_drift_sensor, regeneration_products=50)
    steady = [90.0, 90.4, 89.8, 90.1, 90.0, 89.9, 90.2]
    drifting.write(history({"Toys": [*steady, 71.0], "Home": [*steady, 90.3], "Garden": [*steady, 99.0]}))
    request = drifting.end()
    assert request.run_config["categories"] == ["Toys"]
    assert request.run_config["sample_limit"] == 50
    assert drifting.tick() == []
    assert "the limit of 1 runs a day is reached" in drifting.message


def test_a_run_that_changes_the_scores_leaves_the_means_of_each_category(tmp_path: Path) -> None:
    with FileWarehouse(tmp_path / "warehouse.duckdb").writing() as db:
        products = [{"product_id": str(n), "category": ["Toys" if n else "Home", "Other"]} for n in range(3)]
        db.append("catalog.products", products)
        db.append("quality.scores", [{"product_id": str(n), "policy": "p", "score": 80.0 + n} for n in range(3)])
        drift.record(db, "p", run_id="run", judged=3)
        found = db.query("select category, texts, mean from quality.category_history order by category")
    assert found == [{"category": "Home", "texts": 1, "mean": 80.0}, {"category": "Toys", "texts": 2, "mean": 81.5}]
