"""Assets of the stage `evaluation`."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from walmart_pipeline import reporting
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.llm import ledger_statistics
from walmart_pipeline.registry import model_versions, writers
from walmart_pipeline.resources import WAREHOUSE_POOL, asset_of
from walmart_pipeline.stages.evaluation import evaluation_store, held_out, model_evaluation, promotion, report
from walmart_pipeline.stages.evaluation import results as figures

asset = asset_of("evaluation", owner="ml")


@asset(
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"duckdb", "python"},
    code_version=held_out.VERSION,
    pool=WAREHOUSE_POOL,
)
def results(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Scores of held-out products: of the generated text, and of the source's original text.

    The sample is the test split, whether accepted or not, to avoid selection by success.
    """
    with (
        warehouse.writing() as db,
        progress.step("judging held-out products", None, context.log.info) as advance,
    ):
        held_out.judge_all(db, judge, advance=advance)
        means = db.query(
            "select text, count(*) as products, avg(score) as mean_score, count(*) filter (publishable) as publishable "
            "from evaluation.results group by text order by text"
        )
        contents = reporting.contents(db, "evaluation.results")
        version = db.fingerprint("from evaluation.results")
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "policy": judge.policy.label,
            "means": reporting.table(means),
        },
    )


@asset(name="report", deps=[results], kinds={"html", "matplotlib"}, code_version=held_out.VERSION, pool=WAREHOUSE_POOL)
def evaluation_report(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> dg.MaterializeResult[None]:
    """Report comparing generated with source texts: `reports/evaluation.html`, and a summary here.

    Mean difference with its 95 % interval (paired bootstrap), dimensions, categories, most frequent violations, and the
    ten worst texts beside their source.
    """
    with warehouse.reading() as db:
        texts = held_out.judged_texts(db)
        version = db.value("select number from training.dataset_versions where in_force")
        judged = db.fingerprint("from evaluation.results")
    facts = {
        "Policy": judge.policy.label,
        "Dataset version": f"v{version}" if version else "none",
        "Created": report.timestamp(datetime.now(UTC)),
    }
    found = report.comparison_report(texts, figures.summarize(texts, reference="source"), facts)
    path = write_atomically(settings.reports / "evaluation.html", found.html())
    return dg.MaterializeResult(
        data_version=reporting.version(judge.policy.label, version, judged),
        metadata={
            "dagster/row_count": found.results.products,
            "report": dg.MetadataValue.path(path),
            "open": reporting.link(settings, path),
            "summary": dg.MetadataValue.md(found.markdown()),
        },
    )


class ModelEvaluationConfig(dg.Config):
    """The size of the evaluation. By default it is skipped."""

    products: int = Field(default=0, ge=0, description="Maximum number of held-out products per contender.")


@asset(
    name="model_evaluation",
    deps=[
        dg.AssetKey(["training", "dataset"]),
        dg.AssetKey(["models", "candidates"]),
        dg.AssetKey(["models", "fine_tuned"]),
    ],
    kinds={"duckdb", "python"},
    code_version=model_evaluation.VERSION,
    output_required=False,
)
def evaluated_models(
    context: dg.AssetExecutionContext,
    config: ModelEvaluationConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> Iterator[dg.MaterializeResult[None]]:
    """Scores of all contenders on the same held-out products.

    Contenders: base model, champion, every candidate, the template writer and the source text; a missing text counts
    as 0. Skipped unless `products` is set: each model is called for that many products. Answers in the ledger cost
    nothing.
    """
    base = (
        provider_factory.base_recipe(settings, judge, last_writer=writers.last(warehouse)) if config.products else None
    )
    if base is None:
        reason = "no model is configured, only the template writer"
        if not config.products:
            reason = "no models are compared: set `products` in the config, or run the job `retrain`"
        if same := reporting.unchanged(context, reason):
            yield same
        return
    started = datetime.now(UTC)
    evaluation = model_evaluation.evaluate(
        settings, warehouse, judge, base, config.products, progress=progress, log=context.log.info
    )
    found = figures.of_evaluation(evaluation)
    with warehouse.reading() as db:
        contents = reporting.contents(db, "evaluation.model_evaluation")
    rows = [
        {
            "contender": one.name,
            "kind": one.kind,
            "mean score": one.score.mean,
            "publishable": one.publishable,
            "no text": one.missing,
        }
        for one in found.contenders
    ]
    yield dg.MaterializeResult(
        data_version=reporting.version(evaluation.number),
        metadata={
            **contents,
            "evaluation": evaluation.number,
            "products": found.products,
            "reference": found.reference,
            "contenders": reporting.table(rows),
            **reporting.model_usage(context, ledger_statistics.usage_since(settings, started)),
        },
    )


class PromotionConfig(dg.Config):
    """Whether decisions are applied: the job `retrain` does, materializing all assets does not."""

    automatic: bool = Field(default=False, description="Promote and retire; otherwise only report the decisions.")


@asset(
    name="promotion",
    deps=[evaluated_models],
    kinds={"duckdb", "html", "matplotlib"},
    code_version=model_evaluation.VERSION,
    output_required=False,
)
def promotion_by_evidence(
    context: dg.AssetExecutionContext,
    config: PromotionConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> Iterator[dg.MaterializeResult[None]]:
    """Promotion of the best candidate of the latest evaluation, if it is significantly better than the reference.

    It must also break no blocking rule for more products. The reference is the champion, or the base model if there is
    none. Other candidates are refused with every reason; see `reports/model-evaluation-<n>.html`. Skipped if there is
    no undecided evaluation.
    """
    with warehouse.reading() as db:
        evaluation = evaluation_store.latest(db)
        if evaluation is None or promotion.is_decided(db, evaluation.number):
            if same := reporting.unchanged(context, "no model evaluation waits for a decision"):
                yield same
            return
        versions = model_versions.of_provider(db, evaluation.provider)
    found = figures.of_evaluation(evaluation)
    decisions = promotion.decide(found, versions, settings, judge)
    if config.automatic:
        with warehouse.writing() as db:
            # Another run may have decided while the candidates were checked.
            if not promotion.is_decided(db, evaluation.number):
                promotion.carry_out(db, evaluation.number, decisions)
    shown = report.model_report(evaluation, found, decisions, is_carried_out=config.automatic)
    path = write_atomically(settings.reports / f"model-evaluation-{evaluation.number}.html", shown.html())
    yield dg.MaterializeResult(
        data_version=reporting.version(evaluation.number, *(decision.row for decision in decisions)),
        metadata={
            "dagster/row_count": len(decisions),
            "decision": shown.finding,
            "decisions": reporting.table([decision.row for decision in decisions]),
            "report": dg.MetadataValue.path(path),
            "open": reporting.link(settings, path),
            "summary": dg.MetadataValue.md(shown.markdown()),
        },
    )
