"""Alerts of failed runs and stopped rollouts by apprise: mail, chat, webhooks.

The channels' URLs hold passwords and tokens: what is logged, raised or stored names their services only.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG
from pydantic import BaseModel, Field

from walmart_pipeline.automation import run_failures, run_tags, sensor_interval
from walmart_pipeline.core import warehouses
from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, WarehouseError

if TYPE_CHECKING:
    import apprise

# A run may be stored a little later than it ended.
OVERLAP = timedelta(minutes=10)
# Channels limit a message (Slack to some 3,000 characters).
REASON_CHARS = 400
SHOWN_RUNS = 3
SHOWN_GROUPS = 10

# Runs that write let readers in within seconds; a stop that is not read now is read by the next tick.
WAREHOUSE_WAIT_SECONDS = 5.0

STOPPED = """
select provider, model, reason, decided_at
from content.rollouts
where phase = 'stopped' and decided_at > $since
order by decided_at
"""

FAILURES = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
}


class AlertError(UserError):
    """An alert could not be delivered."""


class AlertCursor(BaseModel):
    """Runs that ended before `since` are dealt with; `sent` are the later ones that are, too.

    rollouts_until: when the last rollout was stopped that is dealt with; None in cursors of earlier versions.
    """

    since: datetime
    sent: list[str] = Field(default_factory=list)
    rollouts_until: datetime | None = None


def services(settings: Settings) -> tuple[list[str], int]:
    """Return the services of the channels, such as Slack or JSON, and the number of URLs that are not understood."""
    channels, misunderstood = _channels(settings)
    return [str(server.service_name) for server in channels], misunderstood


def send(settings: Settings, title: str, body: str, kind: Literal["failure", "info"] = "failure") -> list[str]:
    """Send a message to every channel. Returns the services that did not take it. Raises AlertError if none did."""
    import apprise

    sent_as = apprise.NotifyType(kind)
    channels, misunderstood = _channels(settings)
    refused = [
        str(server.service_name)
        for server in channels
        if not server.notify(title=title, body=body, notify_type=sent_as)
    ]
    if len(refused) == len(channels):
        what = f"no channel took it ({', '.join(refused)})" if channels else "WALMART_ALERT_URLS names no channel"
        unknown = f"; {misunderstood} URLs are not understood" if misunderstood else ""
        raise AlertError(f"the alert was not delivered: {what}{unknown}: see `walmart-pipeline doctor`")
    return refused


def _channels(settings: Settings) -> tuple[Sequence[apprise.NotifyBase], int]:
    import apprise

    # It logs URLs and the answers of servers.
    logging.getLogger("apprise").disabled = True
    urls = settings.alert_urls.get_secret_value().split() if settings.alert_urls else []
    channels = apprise.Apprise()
    misunderstood = sum(not channels.add(url) for url in urls)
    return list(channels), misunderstood


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=sensor_interval.seconds(60),
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends a message when runs have failed, with what failed and a link, or a rollout was stopped because "
    "its texts are worse, to the channels of WALMART_ALERT_URLS; off without them. What happened since the last tick "
    "is in one message.",
)
def alerts_sensor(context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]) -> dg.SkipReason:
    """Send one message for everything new; the cursor moves on when a channel has taken it."""
    now = datetime.now(UTC)
    cursor = AlertCursor.model_validate_json(context.cursor) if context.cursor else AlertCursor(since=now)
    if settings.alert_urls is None:
        context.update_cursor(AlertCursor(since=now, rollouts_until=now).model_dump_json())
        return dg.SkipReason("off: WALMART_ALERT_URLS is not set")
    runs = [run for run in _failed(context.instance, cursor.since) if run.run_id not in cursor.sent]
    rollouts_until = cursor.rollouts_until or cursor.since
    rollouts = _stopped(settings, rollouts_until)
    if runs or rollouts:
        parts = [message(context.instance, runs, settings.ui_url)] if runs else []
        refused = send(settings, f"walmart_pipeline: {_summary(runs, rollouts)}", "\n\n".join(parts + _stops(rollouts)))
        if refused:
            context.log.warning(f"not delivered by {', '.join(refused)}")
    sent = {run.run_id for run in runs} | set(cursor.sent)
    since = max(cursor.since, now - OVERLAP)
    recent = {run.run_id for run in _failed(context.instance, since)}
    moved = AlertCursor(
        since=since,
        sent=sorted(sent & recent),
        rollouts_until=max([rollouts_until, *(row["decided_at"] for row in rollouts)]),
    )
    context.update_cursor(moved.model_dump_json())
    return dg.SkipReason(f"sent: {_summary(runs, rollouts)}" if runs or rollouts else "no run has failed")


def _summary(runs: Sequence[dg.DagsterRun], rollouts: Sequence[Row]) -> str:
    counts = ((len(runs), "run", "failed"), (len(rollouts), "rollout", "stopped"))
    return ", ".join(f"{count} {noun}{'s' * (count > 1)} {verb}" for count, noun, verb in counts if count)


def _stopped(settings: Settings, since: datetime) -> list[Row]:
    """Rollouts that were stopped since then; none while the warehouse is in use."""
    warehouse = warehouses.of(settings, WAREHOUSE_WAIT_SECONDS)
    try:
        if not warehouse.exists():
            return []
        with warehouse.reading() as db:
            return db.query(STOPPED, {"since": since})
    except WarehouseError:
        return []


def _stops(rollouts: Sequence[Row]) -> list[str]:
    return [
        f"the rollout of {row['model']} ({row['provider']}) was stopped: {row['reason'][:REASON_CHARS]}\n"
        "It rewrites no more existing texts; `walmart-pipeline models rollback` returns to the earlier champion."
        for row in rollouts
    ]


def _failed(instance: dg.DagsterInstance, since: datetime) -> list[dg.DagsterRun]:
    """Runs that failed since then, the first one first, without those that the daemon is about to repeat."""
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    records = instance.get_run_records(failed, order_by="update_timestamp", ascending=True)
    return [
        record.dagster_run
        for record in records
        if (record.end_time or record.update_timestamp.timestamp()) >= since.timestamp()
        and record.dagster_run.tags.get(WILL_RETRY_TAG) != "true"
    ]


def message(instance: dg.DagsterInstance, runs: Sequence[dg.DagsterRun], ui_url: str) -> str:
    """Describe failed runs, grouped by job and error: what failed, why it ran, and links."""
    groups: dict[tuple[str, str], list[dg.DagsterRun]] = {}
    for run in runs:
        logs = instance.all_logs(run.run_id, of_type=FAILURES)
        events = [entry.dagster_event for entry in logs if entry.dagster_event]
        groups.setdefault((run.job_name, str(run_failures.failure(events))), []).append(run)
    parts = []
    for (job, reason), alike in list(groups.items())[:SHOWN_GROUPS]:
        times = f" ({len(alike)} runs)" if len(alike) > 1 else ""
        lines = [f"{job} failed{times}: {reason[:REASON_CHARS]}"]
        with suppress(KeyError):
            lines.append(f"it ran because: {alike[-1].tags[run_tags.REASON]}")
        lines += [f"{ui_url.rstrip('/')}/runs/{run.run_id}" for run in alike[-SHOWN_RUNS:]]
        parts.append("\n".join(lines))
    if len(groups) > SHOWN_GROUPS:
        parts.append(f"and {len(groups) - SHOWN_GROUPS} more kinds of failures: {ui_url.rstrip('/')}/runs")
    return "\n\n".join(parts)
