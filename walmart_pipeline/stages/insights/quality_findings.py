"""Findings about texts: categories that fall behind or can't be published, moved scores, ratings, waiting reviews."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import get_args

from walmart_pipeline.core.records import Dimension
from walmart_pipeline.core.statistics import RUNS, movement, share_interval, standard_error_margin
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.insights.findings import Finding, day

# Of a category: with fewer, the 99 % interval of a mean is wider than the five points below (a standard deviation of
# 10 points gives ± 4.7).
LEAST_TEXTS = 30
# A quarter of Walmart's band Good.
POINTS_BELOW = 5.0
# A rule explains a category if so many per cent more of its texts break it than elsewhere.
EXCESS = 20.0
# As the check `publishable_share` expects of the whole catalog.
PUBLISHABLE_AT_LEAST = 0.8
# Points that a mean may always move from night to night, as in the check `score_drift`.
LEAST_CHANGE = 1.0
# Stars: "publish with small changes" is 4.
SATISFIED_AT_LEAST = 3.5
LEAST_RATINGS = 10
# A working week: what waits longer is no queue, but a backlog.
WAITING_AT_MOST = timedelta(days=7)
LEAST_WAITING = 10

# Under the policy of the latest run alone: others give other scores.
SCORES = """
select product_id, category[1] as category, score, publishable, violations, scores.* exclude (product_id, score,
    publishable, violations)
from quality.scores
join catalog.products using (product_id)
where len(category) > 0
    and policy = (select policy from quality.score_history order by recorded_at desc limit 1)
"""

CATEGORIES = f"""
with scored as ({SCORES}), whole as (select sum(score) as points, count(*) as texts from scored)
select
    category,
    count(*) as texts,
    avg(score) as mean,
    stddev_samp(score) as deviation,
    count(*) filter (publishable) as publishable,
    (any_value(whole.points) - sum(score)) / nullif(any_value(whole.texts) - count(*), 0) as elsewhere,
    any_value(whole.texts) - count(*) as texts_elsewhere
from scored, whole
group by category
having count(*) >= {LEAST_TEXTS}
order by category
"""

# The rule that more of the category's texts break than others', with its most frequent message.
EXPLAINING_RULE = f"""
with scored as ({SCORES}), broken as (
    select category = $category as is_here, v.rule, v.message, product_id
    from scored, unnest(violations) as found(v)
    where not $blocking or v.severity = 'blocking'
)
select
    rule,
    100.0 * count(distinct product_id) filter (is_here) / $texts as share,
    100.0 * count(distinct product_id) filter (not is_here) / greatest($texts_elsewhere, 1) as share_elsewhere,
    mode(message) filter (is_here) as message
from broken
group by rule
having count(distinct product_id) filter (is_here) > 0
order by share - share_elsewhere desc, rule
limit 1
"""

_DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
_MEANS = ", ".join(
    f"avg({name}) filter (category = $category) as {name}, avg({name}) filter (category <> $category) as other_{name}"
    for name in _DIMENSIONS
)
DIMENSIONS = f"""
with scored as ({SCORES})
select {_MEANS}
from scored
"""

# The run since when the category has been so far below the mean of all texts.
SINCE = f"""
with runs as (
    select category_history.recorded_at, category_history.mean < score_history.mean - {POINTS_BELOW} as is_below
    from quality.category_history
    join quality.score_history using (run_id, policy)
    where category = $category and policy = (select policy from quality.score_history order by recorded_at desc limit 1)
)
select min(recorded_at)
from runs
where is_below and recorded_at > coalesce((select max(recorded_at) from runs where not is_below), '1970-01-01')
"""

MEANS = f"""
select 'all texts' as category, texts, mean, recorded_at
from (
    select * from quality.score_history
    where policy = (select policy from quality.score_history order by recorded_at desc limit 1)
    order by recorded_at desc limit {RUNS + 1}
)
union all
select category, texts, mean, recorded_at
from (
    select *, row_number() over (partition by category order by recorded_at desc) as age
    from quality.category_history
    where policy = (select policy from quality.score_history order by recorded_at desc limit 1)
)
where age <= {RUNS + 1}
order by category, recorded_at desc
"""

RATINGS = f"""
with rated as (
    select category[1] as category, stars
    from quality.ratings
    join catalog.products using (product_id)
    where len(category) > 0 and rated_at >= $since
)
select category, count(*) as ratings, avg(stars) as mean, coalesce(stddev_samp(stars), 0) as deviation,
    (select avg(stars) from rated as others where others.category <> rated.category) as elsewhere
from rated
group by category
having count(*) >= {LEAST_RATINGS}
order by category
"""

WAITING = """
select count(*) as products, count(*) filter (queued_at < $before) as too_long, min(queued_at) as oldest,
    mode(reasons[1]) filter (queued_at < $before) as reason
from quality.review_queue
where status = 'needs_review'
"""

UNRATED = """
select
    (select count(*) from quality.listings) as texts,
    (select min(accepted_at) from quality.listings) as first_accepted,
    (select max(rated_at) from quality.ratings) as last_rated
"""
# A month without a rating: the rating model and the agreement with readers are about texts that are gone.
UNRATED_AT_MOST = timedelta(days=30)


def below_the_mean(db: Database, now: datetime) -> Iterator[Finding]:
    """Categories whose mean score is POINTS_BELOW the other texts' or more, beyond chance, with what explains it."""
    for row in db.query(CATEGORIES):
        if row["elsewhere"] is None:
            continue
        behind = row["elsewhere"] - row["mean"]
        if behind < POINTS_BELOW or behind <= standard_error_margin(row["deviation"], row["texts"]):
            continue
        since = db.value(SINCE, {"category": row["category"]})
        start = f" since {day(since, now)}" if since else ""
        yield Finding(
            kind="category below the mean",
            severity="warning",
            subject=row["category"],
            sentence=f"{row['category']} scores {behind:.0f} points below the other texts{start} "
            f"({row['mean']:.1f} against {row['elsewhere']:.1f}, {row['texts']:,} texts): {_cause(db, row)}.",
            value=row["mean"],
            expected=row["elsewhere"],
            cases=row["texts"],
            since=since,
        )


def withheld(db: Database, now: datetime) -> Iterator[Finding]:
    """Categories of which less than PUBLISHABLE_AT_LEAST can be published, beyond chance."""
    for row in db.query(CATEGORIES):
        _, most = share_interval(row["publishable"], row["texts"])
        if most >= PUBLISHABLE_AT_LEAST:
            continue
        kept = row["texts"] - row["publishable"]
        rule = _rule(db, row, blocking=True)
        why = f": {_breaks(row, rule)}" if rule else ""
        yield Finding(
            kind="category withheld",
            severity="warning",
            subject=row["category"],
            sentence=f"{kept:,} of {row['texts']:,} texts in {row['category']} can't be published{why}.",
            value=row["publishable"] / row["texts"],
            expected=PUBLISHABLE_AT_LEAST,
            cases=row["texts"],
        )


def moved(db: Database, now: datetime) -> Iterator[Finding]:
    """Mean scores, of all texts and by category, that the latest run moved beyond their spread in earlier ones."""
    histories: dict[str, list[Row]] = {}
    for row in db.query(MEANS):
        histories.setdefault(row["category"], []).append(row)
    latest = max((rows[0]["recorded_at"] for rows in histories.values()), default=None)
    for category, (newest, *earlier) in histories.items():
        found = movement(newest["mean"], (row["mean"] for row in earlier), least_change=LEAST_CHANGE)
        if found is None or not found.moved or newest["texts"] < LEAST_TEXTS or newest["recorded_at"] != latest:
            continue
        direction = "fell" if found.now < found.median else "rose"
        yield Finding(
            kind="score moved",
            severity="warning" if direction == "fell" else "note",
            subject=category,
            sentence=f"The mean score of {category} {direction} to {found.now:.1f} on "
            f"{day(newest['recorded_at'], now)}; in the {len(earlier)} runs before it was {found.median:.1f} ± "
            f"{found.allowed:.1f}.",
            value=found.now,
            expected=found.median,
            cases=newest["texts"],
            since=newest["recorded_at"],
        )


def disliked(db: Database, now: datetime) -> Iterator[Finding]:
    """Categories that reviewers of the last 90 days rated below SATISFIED_AT_LEAST stars, beyond chance."""
    for row in db.query(RATINGS, {"since": now - timedelta(days=90)}):
        if row["mean"] + standard_error_margin(row["deviation"], row["ratings"]) >= SATISFIED_AT_LEAST:
            continue
        others = f"; other categories get {row['elsewhere']:.1f}" if row["elsewhere"] is not None else ""
        yield Finding(
            kind="low ratings",
            severity="warning",
            subject=row["category"],
            sentence=f"Reviewers give the texts in {row['category']} {row['mean']:.1f} of 5 stars in "
            f"{row['ratings']:,} ratings{others}.",
            value=row["mean"],
            expected=row["elsewhere"] if row["elsewhere"] is not None else SATISFIED_AT_LEAST,
            cases=row["ratings"],
        )


def waiting(db: Database, now: datetime) -> Iterator[Finding]:
    """Products that have waited for a review for longer than WAITING_AT_MOST."""
    row = db.query(WAITING, {"before": now - WAITING_AT_MOST})[0]
    if row["too_long"] < LEAST_WAITING:
        return
    yield Finding(
        kind="reviews wait",
        severity="note",
        subject="review queue",
        sentence=f"{row['too_long']:,} of {row['products']:,} products have waited for a review for more than "
        f"{WAITING_AT_MOST.days} days, the oldest since {day(row['oldest'], now)}; most often: {row['reason']}.",
        value=row["too_long"],
        expected=0,
        cases=row["products"],
        since=row["oldest"],
    )


def unrated(db: Database, now: datetime) -> Iterator[Finding]:
    """Whether nobody has rated a text for longer than UNRATED_AT_MOST."""
    row = db.query(UNRATED)[0]
    since = row["last_rated"] or row["first_accepted"]
    if row["texts"] < LEAST_TEXTS or since is None or now - since < UNRATED_AT_MOST:
        return
    last = f"since {day(since, now)}" if row["last_rated"] else f"of the {row['texts']:,} accepted texts"
    yield Finding(
        kind="no ratings",
        severity="note",
        subject="ratings",
        sentence=f"Nobody has rated a text {last}: what models learn from is what the rules alone can see.",
        value=(now - since).days,
        expected=UNRATED_AT_MOST.days,
        cases=row["texts"],
        since=since,
    )


def _cause(db: Database, row: Row) -> str:
    """What more texts of a category have than others: a broken rule, or else the dimension that is lowest."""
    rule = _rule(db, row, blocking=False)
    if rule and rule["share"] - rule["share_elsewhere"] >= EXCESS:
        return _breaks(row, rule)
    means = db.query(DIMENSIONS, {"category": row["category"]})[0]
    measured = [name for name in _DIMENSIONS if None not in (means[name], means[f"other_{name}"])]
    worst = max(measured, key=lambda name: float(means[f"other_{name}"] - means[name]))
    return f"mostly {worst}, {means[worst]:.0f} against {means[f'other_{worst}']:.0f}"


def _rule(db: Database, row: Row, *, blocking: bool) -> Row | None:
    about = {name: row[name] for name in ("category", "texts", "texts_elsewhere")}
    return next(iter(db.query(EXPLAINING_RULE, about | {"blocking": blocking})), None)


def _breaks(row: Row, rule: Row) -> str:
    return (
        f"{rule['share']:.0f} % of its texts break {rule['rule']} ({rule['message']}), "
        f"{rule['share_elsewhere']:.0f} % elsewhere"
    )
