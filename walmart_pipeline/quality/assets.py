"""Assets of the quality gate: scores, the accepted listings, and those that a person should see."""

import dagster as dg

from walmart_pipeline import markdown
from walmart_pipeline.progress import Progress
from walmart_pipeline.quality import judging
from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.warehouse import Warehouse


@dg.asset(
    key_prefix="quality",
    group_name="quality",
    deps=[dg.AssetKey(["content", "generated_content"])],
    kinds={"duckdb", "python"},
    owners=["team:content"],
    code_version=judging.VERSION,
    pool=WAREHOUSE_POOL,
)
def scores(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Quality report of every generated text under the policy in force: score, dimensions, violations with evidence.

    Scores only what changed: a text is judged once for the same facts under the same policy.
    """
    with warehouse.writing() as db:
        total = judging.due_count(db, judge)
        with progress.step("judging listings", total, context.log.info) as advance:
            judging.score(db, judge, advance=advance)
        bands = db.query("select band, count(*) as texts from quality.scores group by band order by min(score) desc")
        frequent = db.query(
            "select v.rule, v.severity, count(*) as findings, any_value(v.evidence) as example "
            "from quality.scores, unnest(violations) as found(v) "
            "group by v.rule, v.severity order by findings desc limit 10"
        )
        summary = db.query(
            "select count(*) as texts, avg(score) as mean, count(*) filter (publishable) as publishable "
            "from quality.scores"
        )[0]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": summary["texts"],
            "judged now": total,
            "policy": judge.policy.label,
            "mean score": round(summary["mean"] or 0.0, 1),
            "publishable": summary["publishable"],
            "bands": dg.MetadataValue.md(markdown.table(bands)),
            "most frequent violations": dg.MetadataValue.md(markdown.table(frequent)),
        }
    )


@dg.asset(
    key_prefix="quality",
    group_name="quality",
    deps=[scores],
    kinds={"duckdb"},
    owners=["team:content"],
    code_version=judging.VERSION,
    pool=WAREHOUSE_POOL,
)
def listings(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult[None]:
    """The accepted text of each product: publishable under the policy in force. What is exported and learned from."""
    with warehouse.writing() as db:
        written, removed = judging.accept(db)
        rows = db.count("quality.listings")
        preview = db.query(
            "select product_id, score, band, title, key_features, description from quality.listings "
            "order by accepted_at desc, product_id limit 5"
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "changed": written,
            "removed": removed,
            "preview": dg.MetadataValue.md(markdown.table(preview)),
        }
    )


@dg.asset(
    key_prefix="quality",
    group_name="quality",
    deps=[scores],
    kinds={"duckdb"},
    owners=["team:content"],
    code_version=judging.VERSION,
    pool=WAREHOUSE_POOL,
)
def review_queue(warehouse: dg.ResourceParam[Warehouse], judge: dg.ResourceParam[Judge]) -> dg.MaterializeResult[None]:
    """Products whose text was not accepted, each with every reason: what a person has to change, or to add to the feed.

    `needs_review`: the facts carry no listing, or the text breaks a blocking rule or stays below the bar.
    `failed`: the provider gave no usable answer; the next run asks again.
    """
    with warehouse.writing() as db:
        judging.queue(db, judge)
        rows = db.query("select status, count(*) as products from quality.review_queue group by status order by status")
        reasons = db.query(
            "select reason, count(*) as products from quality.review_queue, unnest(reasons) as found(reason) "
            "group by reason order by products desc, reason limit 10"
        )
        preview = db.query(
            "select product_id, product_name, score, reasons from quality.review_queue "
            "join catalog.products using (product_id) order by queued_at desc, product_id limit 5"
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(row["products"] for row in rows),
            "by status": dg.MetadataValue.md(markdown.table(rows)),
            "reasons": dg.MetadataValue.md(markdown.table(reasons)),
            "preview": dg.MetadataValue.md(markdown.table(preview)),
        }
    )
