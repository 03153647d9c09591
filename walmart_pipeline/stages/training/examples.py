"""Collects accepted texts, reviewers' edits and imports as TrainingExamples: `training.examples`."""

from __future__ import annotations

import json
from pathlib import Path

from walmart_pipeline.core.buckets import Share, count_sql
from walmart_pipeline.core.progress import Advance
from walmart_pipeline.core.records import Listing, Product, TrainingExample, content_hash
from walmart_pipeline.core.staging import Staging, staged
from walmart_pipeline.core.warehouse import BATCH_ROWS, SPAN_ROWS, Database, Row, Warehouse, batches, struct
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.training import example_files, example_imports, near_duplicates
from walmart_pipeline.stages.training.near_duplicates import Corpus

# Bumped when the same texts would give other examples: the asset's code_version.
VERSION = "2"

TABLE = "training.examples"

# An edit counts as rated best until it is rated.
EDIT_STARS = 5.0

ACCEPTED = f"""
select
    listings.product_id,
    listings.content_hash,
    products.facts_hash,
    listings.score as quality_score,
    case when listings.provider = 'reviewer' then 'edit' else 'accepted' end as source,
    coalesce(rated.stars, case when listings.provider = 'reviewer' then {EDIT_STARS} end) as user_rating,
    {struct("products", Product)} as product,
    {struct("listings", Listing)} as listing,
    content.written_by,
    listings.accepted_at,
    content.seconds,
    coalesce(content.user_preferences::varchar, '{{}}') as user_preferences
from quality.listings
join catalog.products using (product_id)
join content.generated_content as content using (product_id, content_hash)
left join (
    select product_id, content_hash, avg(stars) as stars
    from quality.ratings
    group by product_id, content_hash
) as rated using (product_id, content_hash)
"""

NO_STAND_INS = f"{ACCEPTED} where content.fallback is null"

IMPORTED = """
select
    product_id,
    product_id as content_hash,
    facts_hash,
    score as quality_score,
    'import' as source,
    (example ->> '$.metadata.user_rating')::double as user_rating,
    product.category[1] ->> '$' as category,
    example::varchar as example
from training.imports
where verdict = 'accepted'
"""

SAME = "product_id, content_hash, facts_hash, quality_score, source, coalesce(user_rating, 0)"

FORGET = f"""
delete from training.examples
where content_key is null or ({SAME}) not in (
    select ({SAME}) from ({{accepted}})
    union all
    select ({SAME}) from ({IMPORTED})
)
"""

FORGET_OUTPUTS = """
delete from training.outputs
where (product_id, content_hash) not in (select (product_id, content_hash) from training.examples)
"""

# Staged examples that the warehouse does not have yet.
NEW = """
insert into training.examples by name
select *
from {staged} as incoming
anti join training.examples using (product_id)
qualify row_number() over (partition by product_id order by content_hash) = 1
"""

UNLEARNED = "select * from ({source}) anti join training.examples using (product_id)"

UNSKETCHED = """
select product_id, content_hash, example::varchar as example
from training.examples
anti join training.outputs using (product_id, content_hash)
"""

OUTPUTS = Corpus(
    name="output",
    table="training.outputs",
    texts="select product_id, example::varchar as text from training.examples "
    "semi join texts_to_compare using (product_id)",
    read=near_duplicates.example_output,
)


def learn(db: Database, judge: Judge, *, advance: Advance, stand_ins: bool = False) -> int:
    """Create missing examples and delete those no longer accepted. Returns the number of new examples.

    stand_ins: include the template writer's stand-ins for a model's text. Imports are rescored if the policy has
    changed. advance: called with the number of examples since the last call.
    """
    example_imports.judge_again(db, judge)
    accepted = _accepted(stand_ins)
    forget(db, stand_ins=stand_ins)
    total = 0
    for source, row_of in ((accepted, _accepted_row), (IMPORTED, _imported_row)):
        for due in db.pages_by_key(UNLEARNED.format(source=source), key="product_id"):
            total += db.append("training.examples", map(row_of, due))
            db.checkpoint()
            advance(len(due))
    db.execute(FORGET_OUTPUTS)
    for due in db.pages_by_key(UNSKETCHED, key="product_id"):
        db.append("training.outputs", (_output_row(row, judge) for row in due))
        db.checkpoint()
    near_duplicates.update(db, OUTPUTS)
    return total


def forget(db: Database, *, stand_ins: bool) -> None:
    """Delete examples that are no longer accepted, or not as they are. stand_ins: see `learn`."""
    db.execute(FORGET.format(accepted=_accepted(stand_ins)))


def stage(warehouse: Warehouse, share: Share, path: Path, *, advance: Advance, stand_ins: bool) -> int:
    """Create the missing examples of a share's accepted texts, in a staged file. Returns their number."""
    unlearned = UNLEARNED.format(source=_accepted(stand_ins))
    keys = f"select product_id from ({unlearned}) where {share.holds('product_id')} order by product_id"
    with warehouse.reading() as db:
        schema = db.schema(TABLE)
        ids = [row["product_id"] for row in db.query(keys)]
    with staged(path, schema) as put:
        for start in range(0, len(ids), SPAN_ROWS):
            page = f"select * from ({unlearned}) where product_id in (select unnest($ids)) order by product_id"
            with warehouse.reading() as db:
                rows = db.query(page, {"ids": ids[start : start + SPAN_ROWS]})
            for batch in batches(map(_accepted_row, rows), BATCH_ROWS):
                put(batch)
            advance(len(rows))
    return len(ids)


def commit(warehouse: Warehouse, staging: Staging) -> int:
    """Add the examples that workers left in staged files. Returns their number.

    `learn` deletes those that are accepted no longer.
    """
    added = 0

    def store(db: Database, rows: str) -> None:
        nonlocal added
        before = db.count(TABLE)
        db.execute(NEW.format(staged=rows))
        added = db.count(TABLE) - before

    staging.commit(warehouse, TABLE, store)
    return added


def unlearned_by_bucket(db: Database, *, stand_ins: bool) -> dict[int, int]:
    """Return the number of accepted texts in each bucket without an example."""
    counted = db.query(count_sql(UNLEARNED.format(source=_accepted(stand_ins))))
    return {row["bucket"]: row["rows"] for row in counted}


def _accepted(stand_ins: bool) -> str:
    return ACCEPTED if stand_ins else NO_STAND_INS


def _accepted_row(row: Row) -> Row:
    product = Product(**row["product"])
    example = example_files.example_from(
        product,
        Listing(**row["listing"]),
        row["quality_score"],
        timestamp=row["accepted_at"],
        model_used=row["written_by"],
        generation_time=row["seconds"],
        user_rating=row["user_rating"],
        user_preferences=json.loads(row["user_preferences"]),
    )
    category = product.category[0] if product.category else ""
    return _example_row(row, category, example)


def _imported_row(row: Row) -> Row:
    example = TrainingExample.model_validate_json(row["example"])
    judged = example.metadata.model_copy(update={"quality_score": row["quality_score"]})
    example = example.model_copy(update={"metadata": judged})
    return _example_row(row, row["category"] or "", example)


def _example_row(row: Row, category: str, example: TrainingExample) -> Row:
    names = ("product_id", "content_hash", "facts_hash", "quality_score", "source", "user_rating")
    return {name: row[name] for name in names} | {
        "category": category,
        "content_key": content_hash([example.input.model_dump(), example.output.model_dump()]),
        "example": example.model_dump_json(),
    }


def _output_row(row: Row, judge: Judge) -> Row:
    text = near_duplicates.example_output(row["example"])
    return {name: row[name] for name in ("product_id", "content_hash")} | near_duplicates.sketch(judge, text)
