"""Scores each generated text once per policy, and accepts it or queues it for review."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, get_args

from walmart_pipeline.core.buckets import Share, count_sql
from walmart_pipeline.core.records import Dimension, Listing, Product
from walmart_pipeline.core.staging import Staging, staged
from walmart_pipeline.core.warehouse import SPAN_ROWS, Database, Row, Warehouse, struct
from walmart_pipeline.judge import workers
from walmart_pipeline.judge.duplicates import nearest, uniqueness
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.judge.pairs import ALONE
from walmart_pipeline.stages.quality.fact_checks import REFUTED

# Bumped when the same texts would give other results: the assets' code_version.
VERSION = "3"

TABLE = "quality.scores"
# Of a staged file, beside the time.
STAGED_NAMES = ("product_id", "answer", "content_hash", "facts_hash")

# Of an invalid text, in the error.
SHOWN_CHARS = 200

DUE = f"""
select
    content.product_id,
    to_json({{'product': {struct("products", Product)}, 'listing': {struct("content", Listing)}}})::varchar as line,
    content.content_hash,
    products.facts_hash
from content.generated_content as content
join catalog.products using (product_id)
left join quality.scores on
    scores.product_id = content.product_id
    and scores.content_hash = content.content_hash
    and scores.facts_hash = products.facts_hash
    and scores.policy = $policy
where content.status = 'complete' and scores.product_id is null
"""

FORGET_GONE = """
delete from quality.scores
where product_id not in (
    select product_id
    from content.generated_content
    join catalog.products using (product_id)
    where status = 'complete'
)
"""

# DuckDB's schema of an answer of judge/pairs.py.
ANSWER = json.dumps(
    {
        "report": {
            "product_id": "VARCHAR",
            "score": "DOUBLE",
            "band": "VARCHAR",
            "publishable": "BOOLEAN",
            "dimensions": dict.fromkeys(get_args(Dimension), "DOUBLE"),
            "violations": [dict.fromkeys(("rule", "severity", "field", "evidence", "message"), "VARCHAR")],
            "policy": "VARCHAR",
        },
        "signature": {"family": "VARCHAR", "text_key": "UBIGINT", "bands": ["UBIGINT"], "bits": ["UBIGINT"]},
    }
)

JUDGED = f"""
create or replace temp table judged as
select unnest(from_json(answer, '{ANSWER}')), content_hash, facts_hash
"""

ANSWERED = """
select
    unnest($answers) as answer,
    unnest($content_hashes) as content_hash,
    unnest($facts_hashes) as facts_hash
"""

# Of staged answers the newest of each product, unless the warehouse has a newer report. In order: a text is compared
# with the first ones of its bucket.
NEWEST = """
select incoming.*
from {staged} as incoming
left join quality.scores as present using (product_id)
where coalesce(present.scored_at, incoming.judged_at) <= incoming.judged_at
qualify row_number() over (partition by incoming.product_id order by incoming.judged_at desc) = 1
order by product_id
"""

KEEP = (
    "delete from quality.scores where product_id in (select report.product_id from judged)",
    """
    insert into quality.scores by name
    select
        unnest(struct_extract(report, 'dimensions')),
        report.* exclude (dimensions),
        content_hash,
        facts_hash,
        now() as scored_at
    from judged
    """,
    "delete from quality.copies where product_id in (select report.product_id from judged)",
    """
    insert into quality.copies by name
    select report.product_id, content_hash, signature.*
    from judged
    where signature is not null
    """,
)

FORGET_COPIES = """
delete from quality.copies
where (product_id, content_hash) not in (select (product_id, content_hash) from quality.scores)
"""

# A report assumes that its text is unique until a copy is found.
SIMILARITY_CHANGED = f"""
select
    product_id,
    {", ".join(get_args(Dimension))},
    len([v for v in violations if v.severity = 'blocking']) > 0 as blocked,
    similarity
from rescored_texts
join quality.copies using (product_id)
join quality.scores using (product_id, content_hash)
where similarity > 0 or uniqueness < {ALONE}
"""

RESCORED = """
update quality.scores
set
    uniqueness = rescored.uniqueness,
    score = rescored.score,
    band = rescored.band,
    publishable = rescored.publishable,
    scored_at = now()
from (
    select unnest(
        from_json(
            $rescored,
            '[{"product_id": "VARCHAR", "uniqueness": "DOUBLE", "score": "DOUBLE", "band": "VARCHAR",
               "publishable": "BOOLEAN"}]'
        ),
        recursive := true
    )
) as rescored
where scores.product_id = rescored.product_id
"""

ACCEPTED = f"""
select
    product_id,
    {", ".join(f"content.{name}" for name in Listing.model_fields)},
    content_hash,
    scores.score,
    scores.band,
    scores.policy,
    content.provider,
    content.model,
    now() as accepted_at
from content.generated_content as content
join quality.scores using (product_id, content_hash)
semi join quality.publishable using (product_id, content_hash)
"""

# Products with a generated but not accepted text.
TO_REVIEW = """
select
    content.product_id,
    case when content.status = 'failed' then 'failed' else 'needs_review' end as status,
    case
        when content.status <> 'complete' then [content.error]
        when verdicts.action = 'reject' then
            ['rejected by ' || verdicts.author || if(verdicts.reason = '', '', ': ' || verdicts.reason)]
        when len(blocking) > 0 then blocking
        else ['the score of ' || scores.score || ' is below the threshold of ' || {threshold}]
    end as reasons,
    scores.score,
    content.content_hash,
    now() as queued_at
from content.generated_content as content
join catalog.products using (product_id)
left join (
    select
        *,
        list_distinct(
            [v.rule || ': ' || v.message for v in violations if v.severity = 'blocking']
        ).list_sort() as blocking
    from quality.scores
) as scores on scores.product_id = content.product_id and scores.content_hash = content.content_hash
left join quality.verdicts as verdicts
    on verdicts.product_id = content.product_id and verdicts.content_hash = content.content_hash
anti join quality.publishable as publishable
    on publishable.product_id = content.product_id and publishable.content_hash = content.content_hash
"""

REFUTED_TO_REVIEW = f"""
union all by name
select product_id, 'needs_review' as status, reasons, score, content_hash, now() as queued_at
from ({REFUTED})
semi join quality.publishable using (product_id, content_hash)
"""

# An accepted text whose item Walmart refused, until text or item change.
WITH_REFUSED_ITEMS = """
with waiting as ({waiting})
from waiting
union all by name
select refused.*
from delivery.refused_items as refused
semi join content.generated_content using (product_id, content_hash)
where product_id not in (select product_id from waiting)
"""


def score(db: Database, judge: Judge, *, advance: Callable[[int], None], processes: int | None = None) -> int:
    """Score every complete text without a report for its facts and this policy. Returns their number.

    Reports of texts whose nearest copy has changed are updated too. Progress is committed in batches.
    advance: called with the number of texts since the last call. processes: see workers.reports.
    """
    forget(db)
    total = 0
    with closing(workers.reports(_due(db, judge), judge, processes=processes)) as answered:
        for batch, answers in answered:
            _keep(db, batch, answers)
            db.checkpoint()
            total += len(answers)
            advance(len(answers))
    # In one transaction: a text that was compared but not rescored would keep its outdated report.
    nearest.update(db, table="quality.copies", key="product_id")
    _rescore(db, judge)
    db.checkpoint()
    return total


def forget(db: Database) -> None:
    """Delete the reports of texts that are gone."""
    db.execute(FORGET_GONE)
    db.execute(FORGET_COPIES)


def stage(warehouse: Warehouse, judge: Judge, share: Share, path: Path, *, advance: Callable[[int], None]) -> int:
    """Judge the texts of a share that `score` would score, into a staged file. Returns their number.

    In this process alone: other workers have the other cores. The warehouse is only read.
    """
    import pyarrow as pa

    total = 0
    schema = pa.schema([(name, pa.string()) for name in STAGED_NAMES] + [("judged_at", pa.timestamp("us", "UTC"))])
    with (
        staged(path, schema) as put,
        closing(workers.reports(_due_of(warehouse, judge, share), judge, processes=1)) as answered,
    ):
        for batch, answers in answered:
            _refuse_invalid(batch, answers)
            rows = zip(batch.ids, answers, batch.content_hashes, batch.facts_hashes, strict=True)
            now = datetime.now(UTC)
            put([dict(zip(STAGED_NAMES, row, strict=True)) | {"judged_at": now} for row in rows])
            total += len(answers)
            advance(len(answers))
    return total


def commit(warehouse: Warehouse, staging: Staging) -> int:
    """Store the reports that workers left in staged files. Returns their number."""
    stored = 0

    def store(db: Database, rows: str) -> None:
        nonlocal stored
        _store(db, NEWEST.format(staged=rows))
        stored = db.count("judged")

    staging.commit(warehouse, TABLE, store)
    return stored


def due_by_bucket(db: Database, judge: Judge) -> dict[int, int]:
    """Return the number of texts in each bucket that `score` would score."""
    counted = db.query(count_sql(DUE), {"policy": judge.policy.label})
    return {row["bucket"]: row["rows"] for row in counted}


class _Due(NamedTuple):
    """Pairs to score, with the hashes that identify their reports."""

    ids: list[str]
    lines: list[str]
    content_hashes: list[str]
    facts_hashes: list[str]


def _due(db: Database, judge: Judge) -> Iterator[_Due]:
    parameters = {"policy": judge.policy.label}
    for rows in db.pages_by_key(DUE, parameters, key="product_id", rows=workers.BATCH_LINES):
        yield _batch(rows)


def _due_of(warehouse: Warehouse, judge: Judge, share: Share) -> Iterator[_Due]:
    """Yield the texts of a share: the keys are fixed at the start, and the warehouse is open while a page is read."""
    given = {"policy": judge.policy.label}
    keys = f"select product_id from ({DUE}) where {share.holds('product_id')} order by product_id"
    with warehouse.reading() as db:
        ids = [row["product_id"] for row in db.query(keys, given)]
    for start in range(0, len(ids), SPAN_ROWS):
        page = f"select * from ({DUE}) where product_id in (select unnest($ids)) order by product_id"
        with warehouse.reading() as db:
            rows = db.query(page, given | {"ids": ids[start : start + SPAN_ROWS]})
        for first in range(0, len(rows), workers.BATCH_LINES):
            yield _batch(rows[first : first + workers.BATCH_LINES])


def _batch(rows: list[Row]) -> _Due:
    return _Due(*([row[name] for row in rows] for name in ("product_id", "line", "content_hash", "facts_hash")))


def _refuse_invalid(due: _Due, answers: list[str]) -> None:
    for line, answer in zip(due.lines, answers, strict=True):
        if answer.startswith('{"error"'):
            raise ValueError(f"the warehouse has an invalid product or listing: {answer} for {line[:SHOWN_CHARS]}")


def _keep(db: Database, due: _Due, answers: list[str]) -> None:
    _refuse_invalid(due, answers)
    given = {"answers": answers, "content_hashes": due.content_hashes, "facts_hashes": due.facts_hashes}
    _store(db, ANSWERED, given)


def _store(db: Database, rows: str, given: Row | None = None) -> None:
    """Store the reports in the rows of a query."""
    db.execute(f"{JUDGED} from ({rows})", given)
    for statement in KEEP:
        db.execute(statement)


def _rescore(db: Database, judge: Judge) -> None:
    for page in db.pages(SIMILARITY_CHANGED):
        rescored = []
        for row in page:
            measured = {name: row[name] for name in get_args(Dimension)}
            measured["uniqueness"] = uniqueness.measure(row["similarity"])
            grade = judge.grade(measured, blocked=row["blocked"])
            rescored.append({"product_id": row["product_id"], "uniqueness": measured["uniqueness"], **grade._asdict()})
        db.execute(RESCORED, {"rescored": json.dumps(rescored)})


def due_count(db: Database, judge: Judge) -> int:
    """Return the number of texts that `score` would score."""
    return int(db.value(f"select count(*) from ({DUE})", {"policy": judge.policy.label}))


def accept(db: Database, *, fact_check: bool = False) -> tuple[int, int]:
    """Update `quality.listings`. Returns the numbers of rows written and removed.

    fact_check: without the texts of which a model found a statement false.
    """
    query = f"from ({ACCEPTED}) anti join ({REFUTED}) using (product_id, content_hash)" if fact_check else ACCEPTED
    return db.sync("quality.listings", query, key="product_id", stamp="accepted_at")


def queue(db: Database, judge: Judge, *, fact_check: bool = False) -> tuple[int, int]:
    """Update `quality.review_queue`. Returns the numbers of rows written and removed. fact_check: see `accept`."""
    query = TO_REVIEW.format(threshold=judge.policy.publishable_score)
    if fact_check:
        query += REFUTED_TO_REVIEW
    query = WITH_REFUSED_ITEMS.format(waiting=query)
    return db.sync("quality.review_queue", query, key="product_id", stamp="queued_at")
