"""Assets of the stage `quality`."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from walmart_pipeline import fan_out, reporting
from walmart_pipeline.core import buckets
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.staging import Staging
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation.fact_checker import FactChecker
from walmart_pipeline.generation.model_rater import ModelRater
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import ledger_statistics
from walmart_pipeline.llm.calls import CallError
from walmart_pipeline.resources import WAREHOUSE_POOL, asset_of
from walmart_pipeline.reviews import takeover
from walmart_pipeline.stages.quality import drift, model_judge, overview, score_plots, scored_texts
from walmart_pipeline.stages.quality import fact_checks as fact_checking

asset = asset_of("quality", owner="content")


@asset(
    deps=[dg.AssetKey(["catalog", "products"]), dg.AssetKey(["content", "generated_content"])],
    kinds={"duckdb", "python"},
    code_version=scored_texts.VERSION,
    pool=WAREHOUSE_POOL,
)
def scores(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    settings: dg.ResourceParam[Settings],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Quality report of every generated text under the active policy: score, dimensions, violations with evidence.

    Incremental: a text is scored once for the same facts and policy. What people decided in the Studio is taken over
    first, so that their edits are judged.
    """
    committed = scored_texts.commit(warehouse, Staging(settings.staging))
    with warehouse.writing() as db:
        decided = takeover.from_store(db, settings)
        total = committed + scored_texts.due_count(db, judge)
        with progress.step("judging listings", total, context.log.info) as advance:
            scored_texts.score(db, judge, advance=advance)
        drift.record(db, judge.policy.label, run_id=context.run.run_id, judged=total)
        found = overview.overview(db)
        contents = reporting.contents(db, "quality.scores")
        version = db.fingerprint("select * exclude (scored_at) from quality.scores")
    for message in decided.problems:
        context.log.warning(message)
    figures = score_plots.write(found, settings.reports / "quality")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "decisions taken over": decided.decisions,
            "newly scored": total,
            "policy": judge.policy.label,
            "mean score": round(found.mean or 0.0, 1),
            "publishable": found.publishable,
            "publishable share (%)": round(100 * found.publishable / max(1, found.texts), 1),
            "bands": reporting.table(found.bands),
            "distribution": dg.MetadataValue.md(score_plots.inline(found)),
            "most frequent violations": reporting.table(found.frequent),
            "figures": dg.MetadataValue.path(settings.reports / "quality"),
            **{f"open {name}": reporting.link(settings, path) for name, path in figures.items()},
        },
    )


def _divide_texts(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse], judge: dg.ResourceParam[Judge]
) -> Iterator[dg.DynamicOutput[None]]:
    """Take over what people decided, and divide the texts that are not judged yet into shares."""
    with warehouse.writing() as db:
        takeover.from_store(db, settings)
        scored_texts.forget(db)
        found = scored_texts.due_by_bucket(db, judge)
    yield from fan_out.outputs(buckets.shares(found, settings.bucket_texts))


def _judge_share(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> None:
    """Judge the texts of a share into a staged file."""
    share = fan_out.share_of(context)
    path = Staging(settings.staging).path(context.run.run_id, scored_texts.TABLE, share)
    if not path.exists():
        with progress.step("judging listings", None, context.log.info) as advance:
            scored_texts.stage(warehouse, judge, share, path, advance=advance)


scores_in_shares = fan_out.FanOut(scores, _divide_texts, _judge_share)


@asset(deps=[scores], kinds={"duckdb", "python"}, code_version=fact_checking.VERSION)
def fact_checks(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    fact_checker: dg.ResourceParam[FactChecker | None],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """A model's verdicts on the statements of publishable texts that the judge is not sure of.

    Off by default (WALMART_FACT_CHECK). A text with a statement that is contradicted or unsupported goes to review; the
    judge's hint at a statement that is supported, or not about the product, is removed. Each statement is asked about
    and paid for once. Where the model gives no verdict, the judge's own stands.
    """
    if fact_checker is None:
        return reporting.off(context, "no model checks facts: set WALMART_FACT_CHECK")
    found: dict[str, Any] = {}
    started = datetime.now(UTC)
    try:
        with progress.step(f"checking facts ({fact_checker.name})", None, context.log.info) as advance:
            run = fact_checking.check(warehouse, fact_checker, judge, advance=advance)
        with warehouse.reading() as db:
            agreement = fact_checking.fact_check_agreement(db, fact_checker)
    except CallError as error:
        unchecked: str | None = str(error)
    else:
        unchecked = run.ended
        found = {
            "fact check": f"{fact_checker.name}, {fact_checker.model}, prompt {fact_checker.prompt_version}",
            "asked": run.asked,
            "checked": run.checked,
            "cost (USD)": round(run.cost_usd, 4),
            "errors": dg.MetadataValue.md("\n".join(f"- {error}" for error in run.errors) or "_none_"),
            "agreement with the judge": reporting.table(agreement.judge),
            "agreement with reviewers": dg.MetadataValue.json(agreement.reviewers),
        }
    if unchecked:
        context.log.warning(f"statements were left unchecked, and the judge's own verdict stands: {unchecked}")
    with warehouse.writing() as db:
        fact_checking.clear_hints(db)
        contents = reporting.contents(db, "quality.fact_checks")
        version = db.fingerprint("select * exclude (checked_at, cost_usd) from quality.fact_checks")
        verdicts = db.query(
            "select coalesce(verdict, 'none') as verdict, count(*) as statements from quality.fact_checks "
            "group by all order by statements desc, verdict"
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "left unchecked": unchecked or "none",
            "verdicts": reporting.table(verdicts),
            **found,
            **reporting.model_usage(context, ledger_statistics.usage_since(settings, started)),
        },
    )


@asset(
    deps=[dg.AssetKey(["catalog", "products"]), scores, fact_checks],
    kinds={"duckdb"},
    code_version=scored_texts.VERSION,
    pool=WAREHOUSE_POOL,
)
def listings(
    warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings]
) -> dg.MaterializeResult[None]:
    """The accepted text of each product: publishable under the active policy, used for exports and training."""
    with warehouse.writing() as db:
        written, removed = scored_texts.accept(db, fact_check=settings.fact_check is not None)
        contents = reporting.contents(db, "quality.listings")
        version = db.fingerprint("select * exclude (accepted_at) from quality.listings")
        preview = db.query(
            "select product_id, score, band, title, key_features, description from quality.listings "
            "order by accepted_at desc, product_id limit 5"
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "changed": written,
            "removed": removed,
            "preview": reporting.table(preview),
        },
    )


@asset(
    deps=[dg.AssetKey(["catalog", "products"]), scores, fact_checks],
    kinds={"duckdb"},
    code_version=scored_texts.VERSION,
    pool=WAREHOUSE_POOL,
)
def review_queue(
    warehouse: dg.ResourceParam[Warehouse], settings: dg.ResourceParam[Settings], judge: dg.ResourceParam[Judge]
) -> dg.MaterializeResult[None]:
    """Products without an accepted text, or refused by Walmart, with every reason: what to change or to add.

    `needs_review`: too few facts for a listing, or a text that breaks a blocking rule, is below the threshold, or has a
    statement that a model found false; or an item that Walmart refused as it is, with its error and what to do.
    `failed`: no usable answer of the provider; the next run retries.
    """
    with warehouse.writing() as db:
        scored_texts.queue(db, judge, fact_check=settings.fact_check is not None)
        rows = db.query("select status, count(*) as products from quality.review_queue group by status order by status")
        reasons = db.query(
            "select reason, count(*) as products from quality.review_queue, unnest(reasons) as found(reason) "
            "group by reason order by products desc, reason limit 10"
        )
        preview = db.query(
            "select product_id, product_name, score, reasons from quality.review_queue "
            "join catalog.products using (product_id) order by queued_at desc, product_id limit 5"
        )
        contents = reporting.contents(db, "quality.review_queue")
        version = db.fingerprint("select * exclude (queued_at) from quality.review_queue")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "by status": reporting.table(rows),
            "reasons": reporting.table(reasons),
            "preview": reporting.table(preview),
        },
    )


@asset(deps=[scores], kinds={"duckdb", "python"}, code_version=model_judge.VERSION)
def model_ratings(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    rater: dg.ResourceParam[ModelRater | None],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """A model's ratings of a sample of texts, 1 to 5 stars with a reason, and its agreement with reviewers.

    Off by default (WALMART_MODEL_JUDGE_SAMPLE=0). For information only: it does not affect what is published. An answer
    is paid for once; the step fails only if no text of the sample got a rating.
    """
    if rater is None:
        return reporting.off(context, "no model rates texts: set WALMART_MODEL_JUDGE and WALMART_MODEL_JUDGE_SAMPLE")
    sample, started = settings.model_judge_sample, datetime.now(UTC)
    with progress.step(f"rating texts ({rater.name})", sample, context.log.info) as advance:
        run = model_judge.rate_sample(warehouse, rater, sample=sample, advance=advance)
    with warehouse.reading() as db:
        rater_agreement = model_judge.rater_agreement(db, rater)
        contents = reporting.contents(db, "quality.model_ratings")
        version = db.fingerprint("select * exclude (rated_at, cost_usd) from quality.model_ratings")
    if run.asked and not run.rated:
        raise dg.Failure(f"none of {run.asked} texts got a rating: {run.errors[0]}")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "model judge": f"{rater.name}, {rater.model}, prompt {rater.prompt_version}",
            "asked": run.asked,
            "rated": run.rated,
            "cost (USD)": round(run.cost_usd, 4),
            **reporting.model_usage(context, ledger_statistics.usage_since(settings, started)),
            "errors": dg.MetadataValue.md("\n".join(f"- {error}" for error in run.errors) or "_none_"),
            "agreement with reviewers": dg.MetadataValue.json(rater_agreement.reviewers.model_dump()),
            "agreement with the score": dg.MetadataValue.json(
                {"n": rater_agreement.texts_with_score, "spearman": rater_agreement.spearman_with_score}
            ),
        },
    )
