"""Findings about models: failed calls, slow answers, repairs, stand-ins, and cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from walmart_pipeline.core.statistics import RUNS, movement, share_interval
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.insights import performance
from walmart_pipeline.stages.insights.findings import Finding, day

# A week has every day of a weekly feed.
WINDOW = timedelta(days=7)
# Of a model in the window: a share of 5 % of fewer calls is a single one.
LEAST_CALLS = 30
# Retries hide one failed call in twenty; beyond it, products end without a model's text.
ERRORS_AT_MOST = 0.05
# A repair costs as much as a listing: at a third, another model or prompt is cheaper.
REPAIRS_AT_MOST = 0.33
# The text of every tenth product is then not the model's.
STAND_INS_AT_MOST = 0.1
# Seconds, and times the usual: a model server that warms up or is shared varies by as much.
LEAST_SECONDS, SLOWER = 1.0, 1.5
# USD a day: less is not worth a person's time.
LEAST_USD = 1.0

ERRORS = """
select error as error_class, sum(count)::bigint as calls
from (
    select unnest(map_keys(errors)) as error, unnest(map_values(errors)) as count
    from insights.performance
    where day >= $since and ($model is null or model = $model)
)
group by error
order by calls desc, error
"""


def errors(db: Database, since: datetime, model: str | None = None) -> list[Row]:
    """Return the failed calls since a day by class, most frequent first."""
    return db.query(ERRORS, {"since": since.date(), "model": model})


def failing(db: Database, now: datetime) -> Iterator[Finding]:
    """Models of which more than ERRORS_AT_MOST of the week's calls failed, beyond chance."""
    since = now - WINDOW
    for row in performance.grouped(db, ["model"], since=since.date()):
        least, _ = share_interval(row["error_count"], row["calls"])
        if row["calls"] < LEAST_CALLS or least <= ERRORS_AT_MOST:
            continue
        classes = errors(db, since, row["model"])
        mostly = f", {100 * classes[0]['calls'] / row['error_count']:.0f} % of them {classes[0]['error_class']}"
        yield Finding(
            kind="failed calls",
            severity="warning",
            subject=row["model"],
            sentence=f"{100 * row['error_count'] / row['calls']:.0f} % of the {row['calls']:,} calls of {row['model']} "
            f"failed since {day(since, now)}{mostly if classes else ''}.",
            value=row["error_count"] / row["calls"],
            expected=ERRORS_AT_MOST,
            cases=row["calls"],
            since=since,
        )


def repaired(db: Database, now: datetime) -> Iterator[Finding]:
    """Models of which more than REPAIRS_AT_MOST of the week's listings needed a repair, beyond chance."""
    since = now - WINDOW
    for row in performance.grouped(db, ["model"], since=since.date(), purpose="listing"):
        answers = round(row["repairs"] / row["repair_rate"]) if row["repair_rate"] else 0
        least, _ = share_interval(min(row["repairs"], answers), answers)
        if answers < LEAST_CALLS or least <= REPAIRS_AT_MOST:
            continue
        yield Finding(
            kind="repairs",
            severity="note",
            subject=row["model"],
            sentence=f"{100 * row['repair_rate']:.0f} % of the {answers:,} listings of {row['model']} since "
            f"{day(since, now)} had to be repaired by a second call.",
            value=row["repair_rate"],
            expected=REPAIRS_AT_MOST,
            cases=answers,
            since=since,
        )


def replaced(db: Database, now: datetime) -> Iterator[Finding]:
    """Models for which the template writer stood in for more than STAND_INS_AT_MOST of the week's texts."""
    since = now - WINDOW
    for row in performance.grouped(db, ["model"], since=since.date()):
        least, _ = share_interval(row["stand_ins"] or 0, row["texts"] or 0)
        if (row["texts"] or 0) < LEAST_CALLS or least <= STAND_INS_AT_MOST:
            continue
        yield Finding(
            kind="stand-ins",
            severity="warning",
            subject=row["model"],
            sentence=f"{row['stand_ins']:,} of the {row['texts']:,} texts that {row['model']} was asked for since "
            f"{day(since, now)} are the template writer's: its own could not be published.",
            value=row["stand_in_rate"],
            expected=STAND_INS_AT_MOST,
            cases=row["texts"],
            since=since,
        )


def slower(db: Database, now: datetime) -> Iterator[Finding]:
    """Models whose median answer took much longer on their latest day than on earlier ones."""
    for model, rows in _by_model(db, now).items():
        newest, usual = rows[0], [row["response_time"] for row in rows[1:]]
        found = movement(newest["response_time"], usual, least_change=LEAST_SECONDS)
        if found is None or not found.moved or found.now < SLOWER * found.median or newest["calls"] < LEAST_CALLS:
            continue
        yield Finding(
            kind="slow answers",
            severity="warning",
            subject=model,
            sentence=f"{model} took {found.now:.1f} s for half of its {newest['calls']:,} answers on "
            f"{_date(newest)}; on the {len(usual)} days before it was {found.median:.1f} s.",
            value=found.now,
            expected=found.median,
            cases=newest["calls"],
        )


def costly(db: Database, now: datetime) -> Iterator[Finding]:
    """Models that cost much more on their latest day than on earlier ones, with the dearest category."""
    for model, rows in _by_model(db, now).items():
        newest, *earlier = rows
        found = movement(newest["cost_usd"], (row["cost_usd"] for row in earlier), least_change=LEAST_USD)
        if found is None or not found.moved or found.now < found.median:
            continue
        dearest = max(
            performance.grouped(db, ["model", "category"], since=newest["day"]),
            key=lambda row: float(row["cost_usd"]) if row["model"] == model else 0.0,
        )
        share = 100 * dearest["cost_usd"] / found.now
        yield Finding(
            kind="cost",
            severity="warning",
            subject=model,
            sentence=f"{model} cost {found.now:.2f} USD on {_date(newest)}, usually {found.median:.2f} USD a day; "
            f"{share:.0f} % of it for {dearest['category']}.",
            value=found.now,
            expected=found.median,
            cases=newest["calls"],
        )


def _by_model(db: Database, now: datetime) -> dict[str, list[Row]]:
    """Figures of each model by day with calls, the latest first, at most RUNS earlier ones; models of the last week."""
    days: dict[str, list[Row]] = {}
    for row in reversed(performance.grouped(db, ["day", "model"], since=(now - 4 * WINDOW).date())):
        if row["calls"]:
            days.setdefault(row["model"], []).append(row)
    recent = (now - WINDOW).date()
    return {model: rows[: RUNS + 1] for model, rows in days.items() if rows[0]["day"] >= recent}


def _date(row: Row) -> str:
    return f"{row['day'].day} {row['day']:%B}"
