"""Assets of the training data: examples, and the dataset that models are built from."""

import dagster as dg

from walmart_pipeline import markdown
from walmart_pipeline.llm import prompt
from walmart_pipeline.progress import Progress
from walmart_pipeline.quality.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL
from walmart_pipeline.settings import Settings
from walmart_pipeline.training import building
from walmart_pipeline.warehouse import Warehouse


@dg.asset(
    key_prefix="training",
    group_name="training",
    deps=[dg.AssetKey(["quality", "listings"])],
    kinds={"duckdb", "python"},
    owners=["team:ml"],
    code_version=building.VERSION,
    pool=WAREHOUSE_POOL,
)
def examples(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Every accepted listing as a TrainingExample: what was known of the product, the text, and how good it was found.

    Only what changed is made anew; a text that is no longer accepted is no longer learned from. Where
    ENABLE_DATA_COLLECTION is false, nothing is collected and what was collected is let go.
    """
    with warehouse.writing() as db:
        if not settings.enable_data_collection:
            db.execute("delete from training.examples")
            return dg.MaterializeResult(metadata={"dagster/row_count": 0, "collection": "off"})
        with progress.step("collecting examples", None, context.log.info) as advance:
            made = building.learn(db, advance=advance)
        rows = db.count("training.examples")
        qualities = db.query(
            "select category, count(*) as examples, avg(quality_score) as mean_quality from training.examples "
            "group by category order by examples desc limit 20"
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows,
            "made now": made,
            "by category": dg.MetadataValue.md(markdown.table(qualities)),
        }
    )


@dg.asset(
    key_prefix="training",
    group_name="training",
    deps=[examples],
    kinds={"duckdb", "json"},
    owners=["team:ml"],
    code_version=building.VERSION,
    pool=WAREHOUSE_POOL,
)
def dataset(
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
) -> dg.MaterializeResult[None]:
    """A version of the training data: examples of quality 70 and more, split by product family.

    Near-copies of a product stay on one side, so that a model is never tested on what it has learned. The same content
    is the same version. Files: `training_data.json` in the published schema, and a chat file a side as OpenAI's
    fine-tuning takes it.
    """
    with warehouse.writing() as db:
        building.divide(db)
        version, is_new = building.publish(
            db,
            settings.datasets,
            policy=judge.policy.label,
            system_prompt=prompt.system(judge.policy.sentences()),
        )
        preview = db.query(
            "select side, category, quality_score, example ->> '$.output.title' as title from training.dataset "
            "order by quality_score desc, product_id limit 5"
        )
        history = db.query(
            "select 'v' || number as version, fingerprint, counts, mean_quality, created_at "
            "from training.dataset_versions order by number desc limit 10"
        )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(version.counts.values()),
            "version": version.name,
            "new": is_new,
            "fingerprint": version.fingerprint,
            **{f"{side} examples": count for side, count in version.counts.items()},
            "files": dg.MetadataValue.path(settings.datasets / version.name),
            "preview": dg.MetadataValue.md(markdown.table(preview)),
            "versions": dg.MetadataValue.md(markdown.table(history)),
        }
    )
