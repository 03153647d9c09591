"""Asks Walmart what became of the feeds that were sent, at growing intervals, until every item has an answer."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
from pydantic import Field

from walmart_pipeline import reporting
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.stages.delivery import feed_status as statuses

# As Walmart recommends, counted from the upload.
FIRST_QUESTIONS = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=2))
THEN_EVERY = timedelta(hours=4)
# 44 questions. Whatever is open then is for a person: `walmart-pipeline feed status` still asks.
GIVE_UP = timedelta(days=7)


class FeedStatusConfig(dg.Config):
    """Which feeds to ask about."""

    feed_ids: list[str] = Field(
        default=[], description="Feeds by the feedId that Walmart gave them. Empty: all with items without an answer."
    )


@dg.op(
    description="Reads each feed's status by the Marketplace API and notes it per item in `delivery.feed_entries`; "
    "items that Walmart refused become review cases. A feed that is PROCESSED says nothing of its items."
)
def read_feed_status(
    context: dg.OpExecutionContext,
    config: FeedStatusConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.Output[int]:
    """Ask about one feed after the other; each answer is stored before the next question.

    Fails only if no feed could be read: one that Walmart does not know must not keep the others' answers back.
    """
    # httpx takes 0.08 s of each load of the definitions.
    from walmart_pipeline.stages.delivery import marketplace

    with warehouse.reading() as db:
        feed_ids = config.feed_ids or list(statuses.open_feeds(db))
    readings: list[statuses.FeedReading] = []
    problems: dict[str, str] = {}
    with marketplace.connect(settings) as api:
        for feed_id in feed_ids:
            try:
                pages = list(api.feed_status(feed_id))
            except marketplace.MarketplaceError as error:
                problems[feed_id] = str(error)
                context.log.warning(f"{feed_id}: {error}")
                continue
            with warehouse.writing() as db:
                readings += statuses.apply(db, pages)
            context.log.info(f"{feed_id}: {readings[-1].feed_status}: {_counts(readings[-1].items)}")
    if problems and not readings:
        raise dg.Failure("; ".join(f"{feed_id}: {problem}" for feed_id, problem in problems.items()))
    with warehouse.reading() as db:
        refused = db.query("select product_id, reasons from delivery.refused_items order by product_id limit 10")
        metadata: dict[str, Any] = {
            "feeds": reporting.table(
                [
                    {
                        "feed": each.feed_id,
                        "status": each.feed_status,
                        "items": _counts(each.items),
                        "why": each.message,
                    }
                    for each in readings
                ]
                + [
                    {"feed": feed_id, "status": "not read", "items": "", "why": problems[feed_id]}
                    for feed_id in problems
                ]
            ),
            "refused items": db.count("delivery.refused_items"),
            "refused": reporting.table(refused),
            "feeds still open": len(statuses.open_feeds(db)),
        }
    return dg.Output(len(readings), metadata=metadata)


def _counts(items: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {status}" for status, count in items.items()) or "no item"


@dg.job(
    description="Reads what became of the items of sent feeds (needs WALMART_MARKETPLACE). What Walmart refused is in "
    "`quality.review_queue`, with what to do about it."
)
def feed_status() -> None:
    """One question about each feed."""
    read_feed_status()


def due(open_feeds: Mapping[str, datetime], asked_until: datetime | None, now: datetime) -> dict[str, datetime]:
    """Return the feeds with a question due since `asked_until`, each with the time of its latest one.

    open_feeds: the time of upload of each.
    """
    questions = {feed_id: _latest_question(sent_at, now) for feed_id, sent_at in open_feeds.items()}
    return {
        feed_id: question
        for feed_id, question in questions.items()
        if question and (asked_until is None or question > asked_until)
    }


def _latest_question(sent_at: datetime, now: datetime) -> datetime | None:
    elapsed = now - sent_at
    if elapsed > GIVE_UP:
        return None
    if elapsed >= FIRST_QUESTIONS[-1]:
        return sent_at + FIRST_QUESTIONS[-1] + (elapsed - FIRST_QUESTIONS[-1]) // THEN_EVERY * THEN_EVERY
    passed = [question for question in FIRST_QUESTIONS if question <= elapsed]
    return sent_at + passed[-1] if passed else None
