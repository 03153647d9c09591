"""What became of sent feeds is asked by itself, and what Walmart refused waits in the one review queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr

from walmart_pipeline.automation import feed_polling, triggers
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.delivery import feed_files, item_feed, item_specs, marketplace
from walmart_pipeline.stages.quality import scored_texts
from walmart_pipeline_tests.automation.test_triggers import Daemon
from walmart_pipeline_tests.stages.delivery.fake_marketplace import (
    CLIENT_ID,
    CLIENT_SECRET,
    FakeMarketplace,
    fake_marketplace,
)
from walmart_pipeline_tests.stages.delivery.publishable import VERSION, Shop, kettle

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[FakeMarketplace]:
    with fake_marketplace() as fake:
        yield fake


@pytest.fixture
def shop(server: FakeMarketplace, tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    made.settings = made.settings.model_copy(
        update={
            "marketplace": True,
            "marketplace_url": server.url,
            "client_id": SecretStr(CLIENT_ID),
            "client_secret": SecretStr(CLIENT_SECRET),
        }
    )
    return made


def export(shop: Shop) -> list[Path]:
    compiler = item_feed.compiler_for(shop.settings, item_specs.in_force(shop.settings))
    header = {"businessUnit": "WALMART_US", "locale": "en", "version": VERSION}
    with shop.warehouse.writing() as db:
        return [Path(file.path) for file in feed_files.write(db, compiler, shop.folder / "feed", header=header).files]


def send(shop: Shop) -> str:
    (file,) = export(shop)
    with marketplace.connect(shop.settings) as api:
        feed_id = api.submit(file, feed_type="MP_ITEM")
    with shop.warehouse.writing() as db:
        feed_files.mark_sent(db, file, by="anna", feed_id=feed_id)
    return feed_id


def ask(shop: Shop, **config: Any) -> dg.ExecuteInProcessResult:
    return feed_polling.feed_status.execute_in_process(
        resources={"settings": shop.settings, "warehouse": shop.warehouse},
        run_config={"ops": {"read_feed_status": {"config": config}}},
        raise_on_error=False,
    )


def queue(shop: Shop) -> list[Row]:
    with shop.warehouse.reading() as db:
        return db.query("select product_id, status, reasons from quality.review_queue order by product_id")


def test_questions_come_15_minutes_an_hour_and_two_hours_after_the_upload_then_every_four_hours() -> None:
    asked, asked_until = [], None
    for minute in range(0, 11 * 60, 5):
        if found := feed_polling.due({"F1": NOON}, asked_until, NOON + timedelta(minutes=minute)):
            asked.append(minute)
            asked_until = found["F1"]
    assert asked == [15, 60, 120, 360, 600]
    # An outage of the daemon is made up for by one question; after a week there is none.
    assert feed_polling.due({"F1": NOON}, asked_until, NOON + timedelta(days=3))
    assert not feed_polling.due({"F1": NOON}, None, NOON + timedelta(days=8))


def test_a_feed_is_asked_about_by_one_run_at_a_time_and_one_that_is_answered_no_more(shop: Shop) -> None:
    sensor = Daemon(shop.settings.model_copy(update={"marketplace": False}), triggers.feed_status_sensor)
    shop.accept(kettle(1))
    feed_id = send(shop)
    assert (sensor.tick(), sensor.message) == ([], "off: WALMART_MARKETPLACE is not set")
    sensor.settings = shop.settings
    assert (sensor.tick(), sensor.message) == ([], "no question is due; open feeds: 1")

    def sent(ago: timedelta) -> Callable[..., Any]:
        return lambda db: db.execute("update delivery.feed_entries set sent_at = ?", [datetime.now(UTC) - ago])

    sensor.write(sent(timedelta(minutes=20)))
    request = sensor.end(dg.DagsterRunStatus.SUCCESS)
    assert request.run_config["ops"]["read_feed_status"]["config"] == {"feed_ids": [feed_id]}
    assert sensor.tick() == []
    sensor.write(sent(timedelta(days=8)))
    assert sensor.tick() == []
    assert f"open for a week: {feed_id}" in sensor.message


def test_items_that_walmart_refused_are_in_the_review_queue_with_the_remedy_until_they_change(
    shop: Shop, server: FakeMarketplace
) -> None:
    for number in (1, 2, 3):
        shop.accept(kettle(number))
    server.item_errors, server.working_on = {"K-001": ["ERR_EXT_DATA_0101119"]}, {"K-002"}
    feed_id = send(shop)
    with shop.warehouse.writing() as db:
        db.append("quality.review_queue", [{"product_id": "K-009", "status": "failed", "reasons": ["no answer"]}])
    result = ask(shop)
    assert result.success
    with shop.warehouse.reading() as db:
        statuses = db.query("select product_id, status from delivery.feed_entries order by product_id")
    assert [row["status"] for row in statuses] == ["DATA_ERROR", None, "SUCCESS"]
    refused, failed = queue(shop)
    assert (refused["product_id"], refused["status"], failed["product_id"]) == ("K-001", "needs_review", "K-009")
    assert "compare the GTIN in the catalog with the package" in refused["reasons"][0]
    # The judge's own update of the queue keeps the case, and takes what is its own.
    with shop.warehouse.writing() as db:
        scored_texts.queue(db, Judge(profiles.load("walmart-2025")))
    assert queue(shop) == [refused]
    server.working_on.clear()
    assert ask(shop, feed_ids=[feed_id]).success
    assert queue(shop) == [refused]
    shop.accept(kettle(1, gtin="00000000000017"))
    export(shop)
    assert queue(shop) == []


def test_a_feed_that_walmart_does_not_know_keeps_no_other_back(shop: Shop, server: FakeMarketplace) -> None:
    shop.accept(kettle(1))
    known = send(shop)
    result = ask(shop, feed_ids=["unknown", known])
    assert (result.success, result.output_for_node("read_feed_status")) == (True, 1)
    server.feeds.clear()
    assert not ask(shop, feed_ids=[known]).success
