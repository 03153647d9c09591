"""Assets of the stage `content`."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from pydantic import Field, ValidationInfo, field_validator

from walmart_pipeline import fan_out, reporting
from walmart_pipeline.core import buckets
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.staging import Staging
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.llm import ledger_statistics
from walmart_pipeline.resources import WAREHOUSE_POOL, asset_of
from walmart_pipeline.reviews import edits, takeover
from walmart_pipeline.stages.content import generation, planning, rollout, writing_figures

asset = asset_of("content", owner="content")


class PlanConfig(dg.Config):
    """Limits and extensions of a plan."""

    limit: int | None = Field(
        default=None, description="Maximum number of products, 1 or more: never tried first, then by fewest failures."
    )
    everything: bool = Field(default=False, description="Rewrite every product, even if its text is current.")
    stale_days: int | None = Field(default=None, description="Also plan texts older than this, 1 or more.")
    categories: list[str] = Field(
        default=[], description="Write the products of these categories again, such as `Toys` or `Toys > Puzzles`."
    )
    ids: list[str] = Field(default=[], description="Write these products again, by product_id.")
    reason: str = Field(default="", description="Why the products selected by category or id are written again.")
    worst_first: bool = Field(default=False, description="Plan the worst texts first.")
    budget_usd: float | None = Field(
        default=None, ge=0, description="Plan only as many products as this pays for, by the estimate."
    )
    dry_run: bool = Field(default=False, description="Only report the plan: nothing is written.")
    edits: list[str] = Field(
        default=[], description="Folders whose edits.jsonl is imported first. Empty: the inbox of the workspace."
    )

    @field_validator("limit", "stale_days")
    @classmethod
    def _at_least_one(cls, value: int | None, info: ValidationInfo) -> int | None:
        """Refuse what a form fills in for a missing number."""
        if value is not None and value < 1:
            raise ValueError(f"{info.field_name}: {value} is less than 1: leave {info.field_name} out for all products")
        return value


@asset(
    deps=[dg.AssetKey(["catalog", "products"])], kinds={"duckdb"}, code_version=planning.VERSION, pool=WAREHOUSE_POOL
)
def generation_plan(
    context: dg.AssetExecutionContext,
    config: PlanConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    provider: dg.ResourceParam[Provider],
) -> dg.MaterializeResult[None]:
    """Products that need a text, each with the reason: new, changed facts, model or prompt, failed before, rejected by
    a reviewer, below the threshold, stale, forced.

    Edits that lie beside the feeds are imported first, each one once, and what people decided in the Studio is taken
    over. A plan belongs to its run. After a promotion,
    existing texts are rewritten in two steps: a canary (WALMART_CANARY_SHARE), and the rest if it is no worse.
    Products outside it, and answers in the ledger, cost nothing.
    """
    # Before the warehouse is opened: the endpoint may respond slowly.
    writer = f"{provider.name}, {provider.model}, prompt {provider.prompt_version}"
    run_id = context.run.run_id
    # Texts that a dead run's workers left are planned no more.
    generation.commit(warehouse, provider, Staging(settings.staging))
    given = edits.files_beside([Path(path) for path in config.edits] or [settings.inbox])
    with warehouse.writing() as db:
        decided = takeover.from_store(db, settings)
        imported = {path: edits.import_file(db, path, now=datetime.now(UTC), once=True) for path in given}
        planning.forget(db, [each for each in planning.plans(db) if _has_ended(context, each)])
        started = rollout.advance(db, provider, settings.canary_share)
        scope = planning.PlanScope(**config.model_dump(exclude={"dry_run", "edits"}), rollout=started)
        reasons = planning.plan(db, provider, run_id, scope)
        unknown = planning.unknown(db, config.ids)
        due = planning.estimate(db, run_id)
        preview = db.query(
            "select product_id, product_name, reason from content.generation_plan "
            "join catalog.products using (product_id) where run_id = ? order by product_id limit 5",
            [run_id],
        )
        if config.dry_run:
            planning.empty(db, run_id)
        columns = reporting.contents(db, "content.generation_plan")
        version = db.fingerprint(
            "select product_id, facts_hash, reason from content.generation_plan where run_id = ?", [run_id]
        )
    if unknown:
        context.log.warning(f"not in the catalog: {', '.join(unknown)}")
    for message in decided.problems:
        context.log.warning(message)
    for path, result in imported.items():
        for problem in result.problems:
            context.log.warning(f"{path}:{problem.line}: {problem.reason}")
    if provider.notice:
        context.log.warning(provider.notice)
    return dg.MaterializeResult(
        data_version=reporting.version(writer, version),
        metadata={
            **columns,
            "dagster/row_count": sum(row["products"] for row in reasons),
            "decisions taken over": decided.decisions,
            "edits imported": decided.edits + sum(result.kept for result in imported.values()),
            "provider": writer,
            "notice": provider.notice or "none",
            "dry run": config.dry_run,
            "rollout of the champion": f"{started.phase}: {started.reason}" if started else "none",
            "model calls at most": due.calls,
            "tokens at most": due.prompt_tokens + due.completion_tokens,
            "cost at most (USD)": round(due.cost_usd, 4),
            "reasons": reporting.table(reasons),
            "preview": reporting.table(preview),
        },
    )


def _has_ended(context: dg.AssetExecutionContext, run_id: str) -> bool:
    run = context.instance.get_run_by_id(run_id)
    return run is None or run.is_finished


@asset(deps=[generation_plan], kinds={"duckdb", "python"}, code_version=generation.VERSION)
def generated_content(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    provider: dg.ResourceParam[Provider],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """The provider's listing of each planned product, or the reason why there is none.

    `complete`: a listing, which the judge accepts or not. `declined`: too few facts for one; a person should add some.
    `failed`: no usable answer; the next run retries. Results are committed in batches, so that a killed run repeats
    little. The step fails only if all requested products failed. A product in a batch at the provider stays planned;
    the first run after the batch's end stores its listing. A run without a plan uses that of its parent run, else the
    latest one.
    """
    run, started = context.run, datetime.now(UTC)
    with warehouse.reading() as db:
        plan = planning.plan_of(db, [run.run_id, run.parent_run_id])
        planned = int(db.value("select count(*) from content.generation_plan where run_id = ?", [plan]))
        since = planning.planned_at(db, run.run_id)
    in_batches: Counter[str] = Counter()
    statuses = generation.commit(warehouse, provider, Staging(settings.staging))
    if plan:
        provider.share_budget(run.run_id)
        in_batches = generation.defer(warehouse, provider, plan, log=context.log.info, since=since)
        planned -= in_batches.total()
        with progress.step(f"writing listings ({provider.name})", planned, context.log.info) as advance:
            statuses += generation.write(warehouse, provider, plan, advance=advance, since=since)
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
        contents = reporting.contents(db, "content.generated_content")
        figures = writing_figures.of_run(db, started)
        listing = writing_figures.latest_listing(db)
        version = db.fingerprint(
            "select product_id, facts_hash, status, content_hash, written_by, error from content.generated_content"
        )
    if planned and statuses["failed"] == planned:
        raise dg.Failure(f"all {planned} planned products failed", metadata={"errors": reporting.table(errors)})
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            **figures,
            **reporting.model_usage(context, ledger_statistics.usage_since(settings, started)),
            "one listing in full": reporting.table(listing),
            "written": statuses["complete"],
            "declined": statuses["declined"],
            "failed": statuses["failed"],
            "waiting at the provider": in_batches.total(),
            "written by": reporting.table(by_writer),
            "batches": reporting.table(
                [{"batch": batch, "products": products} for batch, products in in_batches.items()]
            ),
            "preview": reporting.table(preview),
            "errors": reporting.table(errors),
        },
    )


def _divide_plan(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    provider: dg.ResourceParam[Provider],
) -> Iterator[dg.DynamicOutput[None]]:
    """Hand products to a batch where the provider has one, and divide the others into shares."""
    with warehouse.reading() as db:
        plan = planning.plan_of(db, [context.run.run_id, context.run.parent_run_id])
    if plan:
        provider.share_budget(context.run.run_id)
        generation.defer(warehouse, provider, plan, log=context.log.info)
        found = generation.open_by_bucket(warehouse, provider, plan)
        yield from fan_out.outputs(buckets.shares(found, settings.bucket_texts))


def _write_share(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    provider: dg.ResourceParam[Provider],
    progress: dg.ResourceParam[Progress],
) -> None:
    """Write the listings of a share into a staged file."""
    share = fan_out.share_of(context)
    path = Staging(settings.staging).path(context.run.run_id, generation.TABLE, share)
    with warehouse.reading() as db:
        plan = planning.plan_of(db, [context.run.run_id, context.run.parent_run_id])
    if plan and not path.exists():
        provider.share_budget(context.run.run_id)
        with progress.step(f"writing listings ({provider.name})", None, context.log.info) as advance:
            generation.stage(warehouse, provider, plan, share, path, advance=advance)


generated_content_in_shares = fan_out.FanOut(generated_content, _divide_plan, _write_share)
