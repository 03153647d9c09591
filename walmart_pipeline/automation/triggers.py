"""Sensors that react to what is in the warehouse: rejections, feedback, examples, drift, promotions, feeds.

They ship stopped, but for that of rejections: it spends nothing.

Each has a cursor of its own and requests one run at a time. What a run was requested for counts as handled when it has
succeeded; a failed one is requested again, after a pause that grows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import dagster as dg

from walmart_pipeline.automation import feed_polling, jobs, run_tags, sensor_interval
from walmart_pipeline.automation.regeneration import RegenerateConfig
from walmart_pipeline.automation.run_outcomes import RequestCursor, Requested, outcome
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database, WarehouseError
from walmart_pipeline.reviews import takeover
from walmart_pipeline.reviews.store import ReviewStore
from walmart_pipeline.stages.delivery.feed_status import open_feeds
from walmart_pipeline.stages.quality import drift

# A tick is killed after 60 s; a run that writes lets readers in within seconds.
WAREHOUSE_WAIT_SECONDS = 10.0
INTERVAL_SECONDS = sensor_interval.seconds(60)

FEEDBACK = """
select (select count(*) from quality.ratings) as ratings, (select count(*) from content.edits) as edits
"""

REJECTED_LISTINGS = """
select rejected.product_id, rejected.decision_id
from (select unnest($rejected, recursive := true)) as rejected
semi join quality.listings using (product_id, content_hash)
left join quality.reviews using (decision_id)
where rejected.number > $handled or reviews.decision_id is null
order by rejected.number
"""

# A later number may become visible first: that many are looked at again, and exported if no run has taken them over.
LATE_NUMBERS = 100

# Of the latest dataset that a model was made from.
LEARNED_FROM = """
select coalesce(max(list_sum(json_extract(counts, '$.*')::bigint[])), 0)
from training.dataset_versions
where 'v' || number = (select dataset_version from models.versions order by created_at desc limit 1)
"""

PROMOTION = """
select promotions.number, promotions.move, promotions.champion, rollouts.phase, rollouts.reason
from models.promotions
left join content.rollouts on rollouts.promotion = promotions.number
order by promotions.number desc
limit 1
"""


Look: TypeAlias = Callable[[Database, Settings, RequestCursor], Requested | str]


@dg.sensor(
    name="feedback",
    job=jobs.feedback,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Judges and learns from reviewers' ratings and edits once WALMART_FEEDBACK_AT_LEAST are new: dataset "
    "and rating model.",
)
def feedback_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a run for enough new feedback."""
    return _tick(context, settings, _new_feedback)


def _new_feedback(db: Database, settings: Settings, cursor: RequestCursor) -> Requested | str:
    (counts,) = db.query(FEEDBACK)
    # The run takes over what waits in the Studio's store, and then the warehouse counts it.
    waiting = takeover.pending(db, settings)
    ratings, edits = counts["ratings"] + waiting.ratings, counts["edits"] + waiting.edits
    old_ratings, old_edits = map(int, (cursor.handled or "0-0").split("-"))
    new = max(0, ratings - old_ratings) + max(0, edits - old_edits)
    found = f"{new} new ratings and edits of {settings.feedback_at_least} for a run"
    return Requested(mark=f"{ratings}-{edits}", reason=found) if new >= settings.feedback_at_least else found


@dg.sensor(
    name="rejections",
    job=jobs.export,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Exports again when a reviewer rejects a text that is in the exports, or undoes that: it shall not "
    "stay in the shop's files until the night. It calls no model.",
)
def rejections_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a run for what was rejected since the last one."""
    return _tick(context, settings, _rejected)


def _rejected(db: Database, settings: Settings, cursor: RequestCursor) -> Requested | str:
    if not takeover.has_store(settings):
        return "nobody has decided anything"
    handled = int(cursor.handled.partition("-")[0] or 0)
    with ReviewStore(settings.reviews_url) as store:
        rejected = [each._asdict() for each in store.rejections(after=handled - LATE_NUMBERS)]
    found = db.query(REJECTED_LISTINGS, {"rejected": rejected, "handled": handled}) if rejected else []
    latest = max([handled, *(row["number"] for row in rejected)])
    if not found:
        cursor.handled = str(latest)
        return "no listing was rejected since the last run"
    products = run_tags.shortened(sorted({row["product_id"] for row in found}))
    # A late number has a mark of its own.
    return Requested(mark=f"{latest}-{found[-1]['decision_id'][:8]}", reason=f"rejected, or no longer: {products}")


@dg.sensor(
    name="dataset_growth",
    job=jobs.retrain,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Retrains when the dataset has WALMART_RETRAIN_AT_LEAST more examples than the latest retraining had. "
    "It calls models and may cost money: within WALMART_BUDGET_USD in each run.",
)
def dataset_growth_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a retraining for enough new examples."""
    return _tick(context, settings, _new_examples)


def _new_examples(db: Database, settings: Settings, cursor: RequestCursor) -> Requested | str:
    examples = db.count("training.dataset")
    new = examples - max(int(cursor.handled or 0), int(db.value(LEARNED_FROM)))
    found = f"{max(0, new)} new good examples of {settings.retrain_at_least} for a retraining"
    return Requested(mark=str(examples), reason=found) if new >= settings.retrain_at_least else found


@dg.sensor(
    name="promotion",
    job=jobs.regenerate,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="After a promotion, rewrites existing texts by the new champion: a canary first "
    "(WALMART_CANARY_SHARE), then, if it is no worse, the rest, worst texts first. It calls models and may cost money: "
    "at most WALMART_REGENERATION_BUDGET_USD in each of the two runs, by the estimate; nightly runs do what is left.",
)
def promotion_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a run for the canary, and one that judges it and goes on."""
    return _tick(context, settings, _new_promotion)


def _new_promotion(db: Database, settings: Settings, cursor: RequestCursor) -> Requested | str:
    latest = next(iter(db.query(PROMOTION)), None)
    if latest is None:
        return "no model has been promoted"
    of = f"{latest['move']} {latest['number']} ({latest['champion'] or 'no champion'})"
    step = {None: "canary", "canary": "rest"}.get(latest["phase"])
    mark = f"{latest['number']}-{step}"
    if step is None:
        return f"{of}: {latest['phase']}: {latest['reason']}"
    if cursor.handled == mark:
        why = latest["reason"] or "no text was planned"
        return f"{of}: its run did not complete the {step}, nightly runs go on: {why}"
    reason = f"{of}: {step}"
    return Requested(mark=mark, reason=reason, run_config=regeneration(settings, reason=reason))


@dg.sensor(
    name="quality_drift",
    job=jobs.regenerate,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Writes the worst texts of a category again when its mean score falls below the spread of earlier "
    "runs. It calls models and may cost money: at most WALMART_DRIFT_RUNS_PER_DAY runs a day, each of "
    "WALMART_REGENERATION_PRODUCTS products and WALMART_REGENERATION_BUDGET_USD, by the estimate.",
)
def quality_drift_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a run for the categories that declined."""
    return _tick(context, settings, _declined)


def _declined(db: Database, settings: Settings, cursor: RequestCursor) -> Requested | str:
    declined = drift.declined_categories(db)
    if not declined:
        return "no category has declined"
    falls = run_tags.shortened(
        [f"{row['category']} {row['now']:.1f} (usually {row['median']:.1f})" for row in declined]
    )
    today = f"{datetime.now(ZoneInfo(settings.time_zone)):%Y-%m-%d}"
    day, _, number = cursor.handled.rpartition("/")
    runs = int(number) if day == today else 0
    if runs >= settings.drift_runs_per_day:
        return f"declined: {falls}; the limit of {settings.drift_runs_per_day} runs a day is reached"
    reason = f"declined: {falls}"
    config = regeneration(
        settings,
        categories=[row["category"] for row in declined],
        sample_limit=settings.regeneration_products,
        reason="the category's scores declined",
    )
    return Requested(mark=f"{today}/{runs + 1}", reason=reason, run_config=config)


@dg.sensor(
    name="feed_status",
    job=feed_polling.feed_status,
    minimum_interval_seconds=INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Asks Walmart what became of the items of each feed that was sent: 15 minutes, an hour and two hours "
    "after its upload, then every four hours, for a week at most. Needs WALMART_MARKETPLACE.",
)
def feed_status_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request a run for the feeds about which a question is due."""
    return _tick(context, settings, _unanswered_feeds)


def _unanswered_feeds(db: Database, settings: Settings, cursor: RequestCursor) -> Requested | str:
    if not settings.marketplace:
        return "off: WALMART_MARKETPLACE is not set"
    feeds, now = open_feeds(db), datetime.now(UTC)
    asked_until = datetime.fromisoformat(cursor.handled) if cursor.handled else None
    due = feed_polling.due(feeds, asked_until, now)
    if due:
        reason = f"a question is due about {run_tags.shortened([*due])}"
        config = {"ops": {"read_feed_status": {"config": {"feed_ids": [*due]}}}}
        return Requested(mark=max(due.values()).isoformat(), reason=reason, run_config=config)
    silent = [feed_id for feed_id, sent_at in feeds.items() if now - sent_at > feed_polling.GIVE_UP]
    given_up = f"; asked no more, open for a week: {run_tags.shortened(silent)}" if silent else ""
    return f"no question is due; open feeds: {len(feeds) - len(silent)}{given_up}"


def regeneration(settings: Settings, **config: Any) -> dict[str, Any]:
    """Return the run config of a regeneration within the budget of a sensor."""
    return RegenerateConfig(budget_usd=settings.regeneration_budget_usd, **config).model_dump(exclude_none=True)


def _tick(context: dg.SensorEvaluationContext, settings: Settings, look: Look) -> dg.SensorResult | dg.SkipReason:
    now, name = datetime.now(UTC), context.sensor_name
    cursor = RequestCursor.model_validate_json(context.cursor or "{}")
    pending = cursor.pending
    wait = cursor.settle(
        outcome(context.instance, run_tags.REQUEST, pending.key(name), now) if pending else "unknown", now
    )
    if wait is None and cursor.pending is None:
        found = _look(settings, cursor, look)
        if isinstance(found, str):
            wait = found
        else:
            cursor.pending = found
    if wait is not None or cursor.pending is None:
        context.update_cursor(cursor.model_dump_json())
        return dg.SkipReason(wait)
    request = cursor.pending
    context.log.info(request.reason)
    key = request.key(name)
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=key,
                run_config=request.run_config,
                tags={run_tags.REQUEST: key, run_tags.REASON: request.reason},
            )
        ],
        cursor=cursor.model_dump_json(),
    )


def _look(settings: Settings, cursor: RequestCursor, look: Look) -> Requested | str:
    warehouse = warehouses.of(settings, WAREHOUSE_WAIT_SECONDS)
    try:
        if not warehouse.exists():
            return "there is no warehouse yet"
        with warehouse.reading() as db:
            return look(db, settings, cursor)
    except WarehouseError as error:
        return f"the next tick looks again: {error}"


TRIGGERS = [
    rejections_sensor,
    feedback_sensor,
    dataset_growth_sensor,
    promotion_sensor,
    quality_drift_sensor,
    feed_status_sensor,
]
