"""Assets of the content: the plan of a run, and the texts that a provider wrote."""

from collections import Counter

import dagster as dg
from pydantic import Field

from walmart_pipeline.core import markdown
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.content import generation, planning


class PlanConfig(dg.Config):
    """What to plan beyond what is due."""

    limit: int | None = Field(
        default=None,
        ge=1,
        description="Plan at most so many: first what was never tried, then what failed least often.",
    )
    everything: bool = Field(default=False, description="Plan every product and ask anew, also what is up to date.")
    stale_days: int | None = Field(default=None, ge=1, description="Plan texts that are older too.")


@dg.asset(
    key_prefix="content",
    group_name="content",
    deps=[dg.AssetKey(["catalog", "products"])],
    kinds={"duckdb"},
    owners=["team:content"],
    code_version=planning.VERSION,
    pool=WAREHOUSE_POOL,
)
def generation_plan(
    context: dg.AssetExecutionContext,
    config: PlanConfig,
    warehouse: dg.ResourceParam[Warehouse],
    provider: dg.ResourceParam[Provider],
) -> dg.MaterializeResult[None]:
    """Products that need a text, each with the reason: new, its facts, the model or the prompt changed, failed before,
    rejected by a reviewer, below the threshold, stale, forced.

    A plan belongs to its run. A product that is not in it costs nothing in this run; what the ledger knows neither.
    """
    # Asked before the warehouse is open: its endpoint may take its time to answer.
    writer = f"{provider.name}, {provider.model}, prompt {provider.prompt_version}"
    run_id = context.run.run_id
    with warehouse.writing() as db:
        planning.forget(db, [each for each in planning.plans(db) if _has_ended(context, each)])
        reasons = planning.plan(
            db, provider, run_id, everything=config.everything, limit=config.limit, stale_days=config.stale_days
        )
        due = planning.estimate(db, run_id)
        preview = db.query(
            "select product_id, product_name, reason from content.generation_plan "
            "join catalog.products using (product_id) where run_id = ? order by product_id limit 5",
            [run_id],
        )
    if provider.notice:
        context.log.warning(provider.notice)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(row["products"] for row in reasons),
            "provider": writer,
            "notice": provider.notice or "none",
            "model calls at most": due.calls,
            "tokens at most": due.prompt_tokens + due.completion_tokens,
            "cost at most (USD)": round(due.cost_usd, 4),
            "reasons": dg.MetadataValue.md(markdown.table(reasons)),
            "preview": dg.MetadataValue.md(markdown.table(preview)),
        }
    )


def _has_ended(context: dg.AssetExecutionContext, run_id: str) -> bool:
    run = context.instance.get_run_by_id(run_id)
    return run is None or run.is_finished


@dg.asset(
    key_prefix="content",
    group_name="content",
    deps=[generation_plan],
    kinds={"duckdb", "python"},
    owners=["team:content"],
    code_version=generation.VERSION,
)
def generated_content(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    provider: dg.ResourceParam[Provider],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """The listing of each planned product as its provider wrote it, or why there is none.

    `complete`: a listing, for the judge to accept or not. `declined`: the facts cannot carry one; a person should add
    some. `failed`: no usable answer; the next run asks again. Batches are kept at once, so a run that dies repeats
    little. The step fails only if every product that it asked for failed. A product that waits for a batch at the
    provider stays in the plan; the first run after the batch's end writes it.
    A run without a plan of its own carries out that of the run it repeats, else the latest one.
    """
    run = context.run
    with warehouse.reading() as db:
        plan = planning.plan_of(db, [run.run_id, run.parent_run_id])
        planned = int(db.value("select count(*) from content.generation_plan where run_id = ?", [plan]))
    in_batches: Counter[str] = Counter()
    statuses: Counter[str] = Counter()
    if plan:
        in_batches = generation.defer(warehouse, provider, plan, log=context.log.info)
        planned -= in_batches.total()
        with progress.step(f"writing listings ({provider.name})", planned, context.log.info) as advance:
            statuses = generation.write(warehouse, provider, plan, advance=advance)
    with warehouse.reading() as db:
        preview = db.query(
            "select product_id, status, title, description from content.generated_content "
            "where status = 'complete' order by generated_at desc, product_id limit 3"
        )
        errors = db.query(
            "select error, count(*) as products from content.generated_content "
            "where status = 'failed' group by error order by products desc limit 5"
        )
        by_writer = db.query(
            "select written_by, fallback is not null as in_place_of_a_model, count(*) as texts "
            "from content.generated_content where status = 'complete' group by all order by texts desc"
        )
        rows = db.count("content.generated_content")
    if planned and statuses["failed"] == planned:
        raise dg.Failure(f"all {planned} planned products failed", metadata={"errors": markdown.table(errors)})
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "written": statuses["complete"],
            "declined": statuses["declined"],
            "failed": statuses["failed"],
            "waiting at the provider": in_batches.total(),
            "written by": dg.MetadataValue.md(markdown.table(by_writer)),
            "batches": dg.MetadataValue.md(
                markdown.table([{"batch": batch, "products": products} for batch, products in in_batches.items()])
            ),
            "preview": dg.MetadataValue.md(markdown.table(preview)),
            "errors": dg.MetadataValue.md(markdown.table(errors)),
        }
    )
