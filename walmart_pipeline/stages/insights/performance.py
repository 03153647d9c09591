"""Daily figures of models, and the same figures over any time by model, provider, category or day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias

from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.stages.insights.call_log import NO_CATEGORY

# Bumped when the same calls would give other figures: the asset's code_version.
VERSION = "2"

Grouping: TypeAlias = Literal["day", "provider", "model", "category", "purpose"]
KEYS: tuple[Grouping, ...] = ("day", "provider", "model", "category", "purpose")

_KEYS = ", ".join(KEYS)
# Repairs belong to the listing that they repair. A model's name is the same whatever its weights.
_PURPOSE = "case purpose when 'repair' then 'listing' else purpose end"
_MODEL = "split_part(model, '@', 1)"

# Batches say nothing of a model's latency, nor do answers that could not be used.
_LATENCY = """
    quantile_cont(seconds_served, 0.5) filter (is_timed) as response_time,
    quantile_cont(seconds_served, 0.9) filter (is_timed) as response_time_p90,
    quantile_cont(seconds_served, 0.95) filter (is_timed) as response_time_p95,
    quantile_cont(seconds_served, 0.99) filter (is_timed) as response_time_p99
"""
_CALLS = f"""
select
    called_at::date as day,
    provider,
    model,
    category,
    {_PURPOSE} as purpose,
    status = 'complete' as is_complete,
    status = 'complete' and purpose = 'repair' as is_repair,
    -- Fact checks, ratings and trials are never repaired.
    status = 'complete' and purpose = 'listing' as is_listing,
    status = 'complete' and seconds_served > 0 as is_timed,
    * exclude (provider, model, category, purpose)
from insights.model_calls
"""

DAILY = f"""
insert into insights.performance by name
with calls as (
    select
        {_KEYS},
        count(*) as calls,
        count(*) filter (not is_complete) as error_count,
        histogram(error_class) filter (error_class is not null) as errors,
        {_LATENCY},
        sum(prompt_tokens) as prompt_tokens,
        sum(completion_tokens) as completion_tokens,
        sum(cost_usd) as cost_usd,
        count(*) filter (is_repair) as repairs,
        count(*) filter (is_listing) as listings
    from ({_CALLS})
    where day >= $since
    group by all
), hits as (
    select found_at::date as day, provider, model, category, {_PURPOSE} as purpose, count(*) as cache_hits,
        sum(cost_usd) as saved_usd
    from insights.cache_hits
    where found_at::date >= $since
    group by all
), texts as (
    select generated_at::date as day, provider, {_MODEL} as model, coalesce(products.category[1], '{NO_CATEGORY}')
        as category, 'listing' as purpose, count(*) as texts, count(fallback) as stand_ins
    from content.generated_content
    left join catalog.products using (product_id)
    where status = 'complete' and generated_at::date >= $since
    group by all
)
select
    {_KEYS},
    coalesce(calls, 0) as calls,
    coalesce(error_count, 0) as error_count,
    coalesce(errors, map {{}}) as errors,
    1 - error_count / nullif(calls, 0) as success_rate,
    response_time,
    response_time_p90,
    response_time_p95,
    response_time_p99,
    coalesce(prompt_tokens, 0) as prompt_tokens,
    coalesce(completion_tokens, 0) as completion_tokens,
    coalesce(cost_usd, 0) as cost_usd,
    coalesce(cache_hits, 0) as cache_hits,
    coalesce(saved_usd, 0) as saved_usd,
    coalesce(repairs, 0) as repairs,
    repairs / nullif(listings, 0) as repair_rate,
    greatest(texts.texts, known.texts, 0) as texts,
    greatest(texts.stand_ins, known.stand_ins, 0) as stand_ins,
    greatest(texts.stand_ins, known.stand_ins) / nullif(greatest(texts.texts, known.texts), 0) as stand_in_rate,
    0 as ratings
from calls
full join hits using ({_KEYS})
full join texts using ({_KEYS})
full join known_texts as known using ({_KEYS})
"""

KNOWN_TEXTS = f"""
create or replace temp table known_texts as
select {_KEYS}, texts, stand_ins
from insights.performance
where day >= ? and texts > 0
"""

# What a day with nothing but ratings has none of.
COUNTS = (
    "calls",
    "error_count",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "cache_hits",
    "saved_usd",
    "repairs",
    "texts",
    "stand_ins",
)

# Of all days: ratings may be imported long after they were given. Who wrote a text that was replaced since is known
# only where a reviewer replaced it.
RATINGS = f"""
merge into insights.performance as known
using (
    select
        rated_at::date as day,
        coalesce(content.provider, edits.replaced_provider, 'unknown') as provider,
        split_part(coalesce(content.model, edits.replaced_model, 'unknown'), '@', 1) as model,
        coalesce(products.category[1], '{NO_CATEGORY}') as category,
        'listing' as purpose,
        count(*) as ratings,
        avg(stars) as user_satisfaction,
        map {{}} as errors,
        {", ".join(f"0 as {name}" for name in COUNTS)}
    from quality.ratings
    left join content.generated_content as content using (product_id, content_hash)
    left join (
        select product_id, replaced_content_hash as content_hash, any_value(replaced_provider) as replaced_provider,
            any_value(replaced_model) as replaced_model
        from content.edits
        group by all
    ) as edits using (product_id, content_hash)
    left join catalog.products using (product_id)
    group by all
) as rated
using ({_KEYS})
when matched then update set ratings = rated.ratings, user_satisfaction = rated.user_satisfaction
when not matched then insert by name
"""


def update(db: Database, now: datetime, retention_days: int) -> None:
    """Compute the days anew that may have changed: the last one known, the one before, and later."""
    latest = db.value("select max(day) from insights.performance where calls + cache_hits + texts > 0")
    oldest_complete = (now - timedelta(days=retention_days - 1)).date()
    since = max(oldest_complete, latest - timedelta(days=1)) if latest else date.min
    # Only the latest text of a product is stored: one that was replaced since was written that day nevertheless.
    db.execute(KNOWN_TEXTS, [since])
    db.execute("delete from insights.performance where day >= ?", [since])
    db.execute(DAILY, {"since": since})
    db.execute("delete from insights.performance where calls + cache_hits + texts = 0")
    db.execute("update insights.performance set ratings = 0, user_satisfaction = null where ratings > 0")
    db.execute(RATINGS)


def grouped(db: Database, by: Sequence[Grouping], *, since: date, purpose: str | None = None) -> list[Row]:
    """Return the figures since a day by some of KEYS, most calls first; without keys, one row of all.

    purpose: only calls of this purpose. Percentiles are of all calls in the group, not means of the days'.
    """
    keys = ", ".join(by)
    select, group = (f"{keys}, ", f"group by {keys}") if by else ("", "")
    where = "where day >= $since and ($purpose is null or purpose = $purpose)"
    join = f"left join latencies using ({keys})" if by else "cross join latencies"
    return db.query(
        f"""
        with sums as (
            select
                {select}
                sum(calls)::bigint as calls,
                sum(error_count)::bigint as error_count,
                1 - sum(error_count) / nullif(sum(calls), 0) as success_rate,
                sum(prompt_tokens)::bigint as prompt_tokens,
                sum(completion_tokens)::bigint as completion_tokens,
                sum(cost_usd) as cost_usd,
                sum(cache_hits)::bigint as cache_hits,
                sum(saved_usd) as saved_usd,
                sum(repairs)::bigint as repairs,
                sum(texts)::bigint as texts,
                sum(stand_ins)::bigint as stand_ins,
                sum(stand_ins) / nullif(sum(texts), 0) as stand_in_rate,
                sum(ratings)::bigint as ratings,
                sum(user_satisfaction * ratings) / nullif(sum(ratings), 0) as user_satisfaction
            from insights.performance
            {where}
            {group}
        ), latencies as (
            select {select} {_LATENCY},
                count(*) filter (is_repair) / nullif(count(*) filter (is_listing), 0) as repair_rate
            from ({_CALLS})
            {where}
            {group}
        )
        select * from sums {join}
        order by {"day, " if "day" in by else ""}calls desc{f", {keys}" if by else ""}
        """,
        {"since": since, "purpose": purpose},
    )
