"""Sensors that request runs of the pipeline. They ship stopped."""

import asyncio
from datetime import UTC, datetime

import dagster as dg

from walmart_pipeline.automation import inbox, run_tags, sensor_interval
from walmart_pipeline.automation.jobs import pipeline
from walmart_pipeline.automation.run_outcomes import Outcome, outcome
from walmart_pipeline.automation.triggers import WAREHOUSE_WAIT_SECONDS
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, WarehouseError
from walmart_pipeline.generation.provider_factory import openai_client
from walmart_pipeline.llm import pricing
from walmart_pipeline.llm.batch.store import BatchStore
from walmart_pipeline.stages.catalog import loading

INBOX_STATE = "inbox_sensor.json"
INBOX_REASON = "feeds in the inbox are new or changed"

# OpenAI completes a batch within a day: ten minutes more make no difference.
BATCHES_SECONDS = 600


@dg.sensor(
    name="inbox",
    job=pipeline,
    minimum_interval_seconds=sensor_interval.seconds(30),
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the pipeline when feeds in the inbox are new or changed: each version of a file is processed "
    "once, even if a run fails. Then the file is tried again after pauses that grow from five minutes to a day. A file "
    "that lost too many rows is refused, and waits until it changes or a run with `accept_shrinkage` loads it. One "
    "that is still being written waits, and one that was only touched costs no run.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Request one run at a time; a file is done only when its run has succeeded and loaded it."""
    now, path = datetime.now(UTC), settings.dagster_home / INBOX_STATE
    state = inbox.InboxState.load(path, context.cursor)
    found: Outcome = "unknown"
    if state.pending:
        found = outcome(context.instance, run_tags.BATCH, state.pending.key, now)
        if found == "running":
            return dg.SkipReason(f"the run for {run_tags.shortened([*state.pending.files])} has not finished yet")
    if state.pending or state.refused:
        try:
            state.settle(found, now, _refused(settings))
        except WarehouseError as error:
            return dg.SkipReason(f"the next tick looks again: {error}")
    present, incomplete = inbox.complete_files(settings.inbox, settings.feed_quiet_seconds)
    seen = state.take(present, now, incomplete)
    cursor = state.save(path)
    notes = [*seen.notes, *([f"still being written: {run_tags.shortened(incomplete)}"] if incomplete else [])]
    for note in notes:
        context.log.info(note)
    if seen.batch is None:
        context.update_cursor(cursor)
        return dg.SkipReason("; ".join([f"nothing new in {settings.inbox}", *notes]))
    files = run_tags.shortened([*seen.batch.files])
    context.log.info(f"new, changed or due again: {files}")
    tags = {
        run_tags.BATCH: seen.batch.key,
        run_tags.FEEDS: files,
        run_tags.REASON: INBOX_REASON,
    }
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=seen.batch.key, tags=tags)], cursor=cursor)


def _refused(settings: Settings) -> dict[str, Row]:
    warehouse = warehouses.of(settings, WAREHOUSE_WAIT_SECONDS)
    if not warehouse.exists():
        return {}
    with warehouse.reading() as db:
        return loading.refused(db)


@dg.sensor(
    name="batches",
    job=pipeline,
    minimum_interval_seconds=BATCHES_SECONDS,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the pipeline when a batch at OpenAI has ended: the run collects the answers of all ended "
    "batches and requests missing ones live. One run per batch.",
)
def batches_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.RunRequest | dg.SkipReason:
    """Request one run at a time: it usually collects all ended batches."""
    if settings.provider != "openai":
        return dg.SkipReason("WALMART_PROVIDER is not openai: a run would use another provider and collect nothing")
    now = datetime.now(UTC)
    outcomes = {batch: outcome(context.instance, run_tags.COLLECTS, batch, now) for batch in _ended_batches(settings)}
    if "running" in outcomes.values():
        return dg.SkipReason("the run that collects has not finished yet")
    new = [batch for batch, outcome in outcomes.items() if outcome == "unknown"]
    if not new:
        requested = f"; already requested: {', '.join(outcomes)}" if outcomes else ""
        return dg.SkipReason(f"no batch has ended since the last tick{requested}")
    return dg.RunRequest(run_key=new[0], tags={run_tags.COLLECTS: new[0], run_tags.REASON: "a batch has ended"})


def _ended_batches(settings: Settings) -> list[str]:
    if settings.ledger_url is None and not settings.ledger_file.exists():
        return []
    from walmart_pipeline.llm.batch import lifecycle

    async def look_up(store: BatchStore) -> list[str]:
        # A batch is looked up by its id: the model's name does not matter.
        client = openai_client(settings, "any", pricing.FREE)
        try:
            return await lifecycle.ended(client, store)
        finally:
            await client.close()

    with BatchStore(settings.ledger) as store:
        return asyncio.run(look_up(store))
