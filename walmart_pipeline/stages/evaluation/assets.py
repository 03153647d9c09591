"""Assets of the evaluation: judged held-out products, the contest of the models, and what is decided by it."""

from datetime import UTC, datetime

import dagster as dg
from pydantic import Field

from walmart_pipeline.core import markdown
from walmart_pipeline.core.files import write_whole
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import provider_factory
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.stages.evaluation import (
    comparison_report,
    contender_results,
    held_out,
    model_evaluation,
    model_report,
    promotion,
)
from walmart_pipeline.stages.evaluation.comparison import compare
from walmart_pipeline.stages.evaluation.model_results import standings


@dg.asset(
    key_prefix="evaluation",
    group_name="evaluation",
    deps=[dg.AssetKey(["training", "dataset"])],
    kinds={"duckdb", "python"},
    owners=["team:ml"],
    code_version=held_out.VERSION,
    pool=WAREHOUSE_POOL,
)
def results(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Held-out products, judged twice under one policy: the generated text, and the source's own text as it came.

    Held out is the test split of the split, accepted or not, so that success does not choose what is compared.
    """
    with (
        warehouse.writing() as db,
        progress.step("judging held-out products", None, context.log.info) as advance,
    ):
        rows = held_out.judge_all(db, judge, advance=advance)
        means = db.query(
            "select text, count(*) as products, avg(score) as mean_score, count(*) filter (publishable) as publishable "
            "from evaluation.results group by text order by text"
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "policy": judge.policy.label,
            "means": dg.MetadataValue.md(markdown.table(means)),
        }
    )


@dg.asset(
    name="report",
    key_prefix="evaluation",
    group_name="evaluation",
    deps=[results],
    kinds={"html", "matplotlib"},
    owners=["team:ml"],
    code_version=held_out.VERSION,
    pool=WAREHOUSE_POOL,
)
def evaluation_report(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> dg.MaterializeResult[None]:
    """Generated text against the source's own, side by side: `reports/evaluation.html`, and a summary here.

    Mean difference with its 95 % interval (paired bootstrap), dimensions, categories, the rules most often broken, and
    the ten worst texts beside their source.
    """
    with warehouse.reading() as db:
        comparison = compare(held_out.pairs(db))
        written_by = held_out.writers(db)
        version = db.value("select number from training.dataset_versions where in_force")
    about = comparison_report.ReportContext(
        title="Generated text against the source’s own",
        policy=judge.policy.label,
        dataset_version=f"v{version}" if version else "none",
        written_by=written_by,
        created_at=datetime.now(UTC),
    )
    path = write_whole(settings.reports / "evaluation.html", comparison_report.render(comparison, about))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": comparison.n,
            "report": dg.MetadataValue.path(path),
            "open": dg.MetadataValue.url(path.as_uri()),
            "summary": dg.MetadataValue.md(comparison_report.markdown(comparison, about)),
        }
    )


class ContestConfig(dg.Config):
    """How much is asked. As it is, no contest is held."""

    products: int = Field(default=0, ge=0, description="Held-out products at most that every contender writes about.")


@dg.asset(
    name="contest",
    key_prefix="evaluation",
    group_name="evaluation",
    deps=[
        dg.AssetKey(["training", "dataset"]),
        dg.AssetKey(["models", "candidates"]),
        dg.AssetKey(["models", "fine_tuned"]),
    ],
    kinds={"duckdb", "python"},
    owners=["team:ml"],
    code_version=model_evaluation.VERSION,
)
def contest_of_models(
    context: dg.AssetExecutionContext,
    config: ContestConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """The same held-out products, written about by everyone who could write, and judged alike.

    Base model, champion, every candidate, the template writer and the source's own text; what fails counts as 0. Off
    unless `products` is set: each model is asked about so many products. What was answered once is not asked again.
    """
    if not config.products:
        return dg.MaterializeResult(metadata={"contest": "off: set `products` in the config, or run the job `retrain`"})
    base = provider_factory.base_recipe(settings, judge)
    if base is None:
        return dg.MaterializeResult(
            metadata={"contest": "nothing to compare: no model writes, the template writer does"}
        )
    held = model_evaluation.hold(
        settings, warehouse, judge, base, config.products, progress=progress, log=context.log.info
    )
    table = standings(held)
    columns = [
        {
            "contender": one.name,
            "kind": one.kind,
            "mean score": one.mean.mean,
            "publishable": one.texts.publishable,
            "no text": one.declined + one.failed + one.lost,
        }
        for one in table.contenders
    ]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(held.entries),
            "contest": held.number,
            "products": table.products,
            "reference": table.reference,
            "contenders": dg.MetadataValue.md(markdown.table(columns)),
        }
    )


class PromotionConfig(dg.Config):
    """Whether the decision is carried out: the job `retrain` does, materializing all assets does not."""

    automatic: bool = Field(default=False, description="Promote and retire; otherwise only report what would be done.")


@dg.asset(
    name="promotion",
    key_prefix="evaluation",
    group_name="evaluation",
    deps=[contest_of_models],
    kinds={"duckdb", "html", "matplotlib"},
    owners=["team:ml"],
    code_version=model_evaluation.VERSION,
)
def promotion_by_evidence(
    config: PromotionConfig,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> dg.MaterializeResult[None]:
    """Who writes from now on: the best candidate of the latest contest, if it is better beyond chance.

    And only if it breaks no blocking rule for more products than the reference, which is the champion, or the base
    model where there is none. Everyone else is refused with every reason. `reports/contest-<n>.html` shows it all.
    """
    with warehouse.reading() as db:
        held = contender_results.latest(db)
        if held is None:
            return dg.MaterializeResult(metadata={"decision": "none: no contest has been held"})
        if promotion.is_decided(db, held.number):
            return dg.MaterializeResult(metadata={"decision": f"contest {held.number} was decided before"})
        versions = promotion.registered(db, held.provider)
    table = standings(held)
    decisions = promotion.decide(held, table, versions, settings, judge)
    if config.automatic:
        with warehouse.writing() as db:
            # Another run may have decided while the candidates' servers were asked.
            if not promotion.is_decided(db, held.number):
                promotion.carry_out(db, held, decisions)
    shown = model_report.Shown(held, table, decisions, is_carried_out=config.automatic)
    path = write_whole(settings.reports / f"contest-{held.number}.html", model_report.render(shown))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(decisions),
            "decision": model_report.finding(shown),
            "decisions": dg.MetadataValue.md(markdown.table([decision.row for decision in decisions])),
            "report": dg.MetadataValue.path(path),
            "open": dg.MetadataValue.url(path.as_uri()),
            "summary": dg.MetadataValue.md(model_report.markdown(shown)),
        }
    )
