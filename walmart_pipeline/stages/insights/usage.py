"""What was done, by whom and when, and with which features: counted from what each of them stores."""

from __future__ import annotations

from datetime import date

from walmart_pipeline.core.warehouse import Database, Row

# Bumped when the same rows would be counted otherwise: the asset's code_version.
VERSION = "1"

# A query for each feature: day, actor, detail, count.
FEATURES = {
    ("Feeds read", "rows"): """
        select read_at::date as day, '' as actor, source_file as detail, row_count as count
        from catalog.feeds
        where status = 'read'
    """,
    ("Listings written", "texts"): """
        select day, case when provider = 'template' then 'template' else model end as actor, provider as detail,
            sum(texts - stand_ins) as count
        from insights.performance
        where texts > stand_ins
        group by all
    """,
    ("Stand-ins by the template writer", "texts"): """
        select day, 'template' as actor, 'for ' || model as detail, sum(stand_ins) as count
        from insights.performance
        where stand_ins > 0
        group by all
    """,
    ("Answers from the ledger", "answers"): """
        select day, model as actor, purpose as detail, sum(cache_hits) as count
        from insights.performance
        where cache_hits > 0
        group by all
    """,
    ("Fact checks by a model", "statements"): """
        select checked_at::date as day, model as actor, coalesce(verdict, 'no usable answer') as detail,
            count(*) as count
        from quality.fact_checks
        group by all
    """,
    ("Ratings by a model", "texts"): """
        select rated_at::date as day, model as actor, provider as detail, count(*) as count
        from quality.model_ratings
        group by all
    """,
    ("Ratings", "texts"): """
        select rated_at::date as day, reviewer as actor, stars || ' of 5' as detail, count(*) as count
        from quality.ratings
        group by all
    """,
    ("Review decisions", "decisions"): """
        select decided_at::date as day, author as actor, action as detail, count(*) as count
        from quality.reviews
        group by all
    """,
    ("Edits", "texts"): """
        select edited_at::date as day, reviewer as actor, coalesce('of a text by ' || replaced_model, 'of no text')
            as detail, count(*) as count
        from content.edits
        group by all
    """,
    ("Examples imported", "examples"): """
        select imported_at::date as day, '' as actor, verdict as detail, count(*) as count
        from training.imports
        group by all
    """,
    ("Datasets built", "versions"): """
        select created_at::date as day, '' as actor, 'v' || number as detail, 1 as count
        from training.dataset_versions
    """,
    ("Models compared", "texts"): """
        select evaluated_at::date as day, '' as actor, contender as detail, count(*) as count
        from evaluation.model_evaluation
        group by all
    """,
    ("Models fine-tuned", "jobs"): """
        select announced_at::date as day, '' as actor, base_model as detail, count(*) as count
        from models.fine_tunes
        group by all
    """,
    ("Champions changed", "changes"): """
        select promoted_at::date as day, decided_by as actor, move || ' of ' || coalesce(champion, 'no champion')
            as detail, count(*) as count
        from models.promotions
        group by all
    """,
    ("Exports", "listings"): """
        select exported_at::date as day, coalesce(exported_by, '') as actor, format as detail, sum(row_count) as count
        from delivery.exports
        where format <> 'provenance'
        group by all
    """,
    ("Items sent to Walmart", "items"): """
        select sent_at::date as day, coalesce(sent_by, '') as actor, coalesce(status, 'no status yet') as detail,
            count(*) as count
        from delivery.feed_entries
        where sent_at is not null
        group by all
    """,
}

BY_FEATURE = """
select
    feature,
    sum(count)::bigint as count,
    any_value(unit) as unit,
    count(distinct nullif(actor, '')) as people_and_models,
    min(day) as first_day,
    max(day) as last_day
from insights.usage
where day >= $since
group by feature
order by last_day desc, feature
"""


def update(db: Database) -> None:
    """Count everything anew: the tables of the features are their own history."""
    db.execute("delete from insights.usage")
    for (feature, unit), query in FEATURES.items():
        db.execute(
            f"insert into insights.usage by name select $feature as feature, $unit as unit, * from ({query}) "
            "where day is not null",
            {"feature": feature, "unit": unit},
        )


def by_feature(db: Database, *, since: date = date.min) -> list[Row]:
    """Return the use of each feature since a day, the latest first; features without use are absent."""
    return db.query(BY_FEATURE, {"since": since})


def unused(db: Database) -> list[str]:
    """Return the features that were never used."""
    used = {row["feature"] for row in by_feature(db)}
    return [feature for feature, _ in FEATURES if feature not in used]
