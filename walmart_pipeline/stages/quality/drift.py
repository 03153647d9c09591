"""Checks for score drift and for the share of publishable texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import get_args

from walmart_pipeline.core.records import Dimension
from walmart_pipeline.core.statistics import LEAST_RUNS, RUNS, movement
from walmart_pipeline.core.warehouse import Database, Row

# Points, or per cent of the texts: a catalog that hardly changes has no spread.
LEAST_CHANGE = 1.0
# Of a category: the mean of fewer texts moves with each of them.
LEAST_TEXTS = 10

# Per cent. The template writer, the baseline of every model, reaches 100 on the sample and 84 on a real catalog of 895
# products.
PUBLISHABLE_AT_LEAST = 80.0

# DuckDB's parallel sums differ in their last digits from run to run.
DECIMALS = 3

FIGURES = ("mean", "p10", "p50", "p90", "publishable", *get_args(Dimension))

STATE = f"""
select
    count(*) as texts,
    round(avg(score), {DECIMALS}) as mean,
    round(quantile_cont(score, 0.1), {DECIMALS}) as p10,
    round(quantile_cont(score, 0.5), {DECIMALS}) as p50,
    round(quantile_cont(score, 0.9), {DECIMALS}) as p90,
    round(100.0 * avg(publishable::integer), {DECIMALS}) as publishable,
    {", ".join(f"round(avg({name}), {DECIMALS}) as {name}" for name in get_args(Dimension))}
from quality.scores
where policy = $policy
"""

HISTORY = f"""
select *
from quality.score_history
where policy = $policy
order by recorded_at desc
limit {RUNS + 1}
"""

CATEGORY_STATE = f"""
insert into quality.category_history by name
select
    $run_id as run_id,
    $policy as policy,
    category[1] as category,
    count(*) as texts,
    round(avg(score), {DECIMALS}) as mean,
    $recorded_at as recorded_at
from quality.scores
join catalog.products using (product_id)
where policy = $policy and len(category) > 0
group by category[1]
"""

# Categories without texts in the latest run are left out.
CATEGORY_HISTORY = f"""
with ranked as (
    select *, row_number() over (partition by category order by recorded_at desc) as age
    from quality.category_history
    where policy = (select policy from quality.score_history order by recorded_at desc limit 1)
)
select category, texts, mean
from ranked
where age <= {RUNS + 1} and category in (
    select category from ranked where recorded_at = (select max(recorded_at) from ranked)
)
order by category, age
"""

PUBLISHABLE = """
select count(*) as texts, count(*) filter (publishable) as publishable
from quality.scores
where policy = $policy
"""


@dataclass(frozen=True)
class ScoreCheck:
    """The result of a check, with a message and its figures."""

    passed: bool
    message: str
    figures: list[Row]
    numbers: dict[str, float] = field(default_factory=dict)


def record(db: Database, policy: str, *, run_id: str, judged: int) -> bool:
    """Add a row to `quality.score_history` if this run scored a text or the figures changed. Returns whether it did.

    judged: number of texts scored by the run. policy: label of the active policy; other texts are not counted.
    """
    state = db.query(STATE, {"policy": policy})[0]
    history = db.query(HISTORY, {"policy": policy})
    is_known = all(history[0][name] == value for name, value in state.items()) if history else not state["texts"]
    if not judged and is_known:
        return False
    about = {"run_id": run_id, "policy": policy, "judged": judged, "recorded_at": datetime.now(UTC)}
    db.append("quality.score_history", [state | about])
    db.execute(CATEGORY_STATE, {name: about[name] for name in ("run_id", "policy", "recorded_at")})
    return True


def declined_categories(db: Database) -> list[Row]:
    """Return the broadest categories whose mean fell below the spread of their earlier runs, the largest fall first."""
    histories: dict[str, list[Row]] = {}
    for row in db.query(CATEGORY_HISTORY):
        histories.setdefault(row["category"], []).append(row)
    declined = []
    for category, (now, *earlier) in histories.items():
        found = _compared("mean", now, earlier) if now["texts"] >= LEAST_TEXTS else None
        if found and found["moved"] and found["now"] < found["median"]:
            declined.append(found | {"category": category, "texts": now["texts"]})
    return sorted(declined, key=lambda row: float(row["now"] - row["median"]))


def score_drift(db: Database, policy: str) -> ScoreCheck:
    """Compare the latest figures with median and spread of at most RUNS earlier runs under the same policy."""
    history = db.query(HISTORY, {"policy": policy})
    if len(history) <= LEAST_RUNS:
        before = max(0, len(history) - 1)
        return ScoreCheck(True, f"{before} runs to compare with under {policy}; {LEAST_RUNS} are needed", [])
    now, *earlier = history
    numbers = {name: float(now[name]) for name in FIGURES if now[name] is not None}
    figures = [row for name in FIGURES if (row := _compared(name, now, earlier))]
    moved = [row for row in figures if row["moved"]]
    if not moved:
        return ScoreCheck(True, f"no figure moved beyond its spread in the last {len(earlier)} runs", figures, numbers)
    movements = ", ".join(
        f"{row['figure']} {row['now']:.1f} (usually {row['median']:.1f} ± {row['allowed']:.1f})" for row in moved
    )
    return ScoreCheck(False, f"moved against the last {len(earlier)} runs: {movements}", figures, numbers)


def publishable_share(db: Database, policy: str) -> ScoreCheck:
    """Check the share of publishable texts under this policy."""
    row = db.query(PUBLISHABLE, {"policy": policy})[0]
    if not row["texts"]:
        return ScoreCheck(True, f"no text is judged under {policy} yet", [])
    share = 100 * row["publishable"] / row["texts"]
    message = (
        f"{share:.1f} % of {row['texts']:,} texts are publishable under {policy}; "
        f"{PUBLISHABLE_AT_LEAST:.0f} % are expected"
    )
    numbers = {"publishable share (%)": round(share, 1), "texts": row["texts"], "publishable": row["publishable"]}
    return ScoreCheck(share >= PUBLISHABLE_AT_LEAST, message, [row], numbers)


def _compared(name: str, now: Row, earlier: list[Row]) -> Row | None:
    """Compare a figure with its history; None if it was measured in too few runs."""
    found = movement(now[name], (row[name] for row in earlier), least_change=LEAST_CHANGE)
    return {"figure": name, **found._asdict(), "moved": found.moved} if found else None
