"""Assets of the evaluation: judged held-out products, and the report that compares their texts."""

from datetime import UTC, datetime

import dagster as dg

from walmart_pipeline import markdown
from walmart_pipeline.evaluation import held_out, report
from walmart_pipeline.evaluation.compare import compare
from walmart_pipeline.files import write_whole
from walmart_pipeline.llm.provider import Provider
from walmart_pipeline.progress import Progress
from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.settings import Settings
from walmart_pipeline.warehouse import Warehouse


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

    Held out is the test side of the split, accepted or not, so that success does not choose what is compared.
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
    provider: dg.ResourceParam[Provider],
) -> dg.MaterializeResult[None]:
    """Generated text against the source's own, side by side: `reports/evaluation.html`, and a summary here.

    Mean difference with its 95 % interval (paired bootstrap), dimensions, categories, the rules most often broken, and
    the ten worst texts beside their source.
    """
    with warehouse.reading() as db:
        comparison = compare(held_out.pairs(db))
        version = db.value("select max(number) from training.dataset_versions")
    about = report.ReportContext(
        title="Generated text against the source’s own",
        policy=judge.policy.label,
        dataset_version=f"v{version}" if version else "none",
        provider=provider.name,
        model=provider.model,
        created_at=datetime.now(UTC),
    )
    path = write_whole(settings.reports / "evaluation.html", report.render(comparison, about))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": comparison.n,
            "report": dg.MetadataValue.path(path),
            "open": dg.MetadataValue.url(path.as_uri()),
            "summary": dg.MetadataValue.md(report.markdown(comparison, about)),
        }
    )
