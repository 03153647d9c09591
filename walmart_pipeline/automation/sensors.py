"""What sets a run off. Ships stopped."""

import dagster as dg

from walmart_pipeline.automation import inbox
from walmart_pipeline.automation.jobs import pipeline
from walmart_pipeline.settings import Settings

BATCH_TAG = "walmart/inbox_batch"


@dg.sensor(
    name="inbox",
    job=pipeline,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="Runs the pipeline when feeds in the inbox are new or changed; each is processed once, also when a "
    "run fails in between. After three failed runs a file waits until it changes.",
)
def inbox_sensor(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """One run at a time; the cursor moves past a file only when its run has succeeded."""
    cursor = inbox.Cursor.model_validate_json(context.cursor or "{}")
    if cursor.pending:
        outcome = _outcome(context.instance, cursor.pending.key)
        if outcome == "running":
            return dg.SkipReason(f"the run for {', '.join(cursor.pending.files)} is not finished yet")
        cursor.settle(outcome)
    batch = cursor.take(inbox.present_files(settings.inbox))
    if batch is None:
        gave_up = (
            f"; set aside after {inbox.ATTEMPTS} failed runs: {', '.join(cursor.gave_up)}" if cursor.gave_up else ""
        )
        context.update_cursor(cursor.model_dump_json())
        return dg.SkipReason(f"nothing new in {settings.inbox}{gave_up}")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=batch.key, tags={BATCH_TAG: batch.key})],
        cursor=cursor.model_dump_json(),
    )


def _outcome(instance: dg.DagsterInstance, key: str) -> inbox.Outcome:
    """What became of the latest run for a batch. A run that was retried after a crash counts by its last try."""
    runs = instance.get_runs(dg.RunsFilter(tags={BATCH_TAG: key}), limit=1)
    if not runs:
        return "unknown"
    if not runs[0].is_finished:
        return "running"
    return "succeeded" if runs[0].is_success else "failed"
