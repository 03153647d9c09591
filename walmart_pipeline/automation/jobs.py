"""The jobs."""

from typing import Any

import dagster as dg
from pydantic import Field

from walmart_pipeline.automation import retention
from walmart_pipeline.automation.feed_change import feed_change_config
from walmart_pipeline.automation.regeneration import regenerate_config
from walmart_pipeline.automation.retrain_config import RetrainConfig
from walmart_pipeline.core import markdown
from walmart_pipeline.core.settings import Settings

# Excluded from the nightly run: a retraining makes hundreds of model calls.
RETRAINED = (
    "models/tuned",
    "models/candidates",
    "models/fine_tuned",
    "evaluation/model_evaluation",
    "evaluation/promotion",
)
RETRAINING = dg.AssetSelection.assets(*RETRAINED)

pipeline = dg.define_asset_job(
    "pipeline",
    selection=dg.AssetSelection.all() - RETRAINING,
    description="The whole pipeline, from the inbox to the exports: the nightly run and `walmart-pipeline run`.",
)

ingest = dg.define_asset_job(
    "ingest",
    selection=dg.AssetSelection.groups("catalog"),
    description="Read new and changed feeds and clean their rows. Writes no text.",
)

feeds = dg.define_asset_job(
    "feeds",
    selection=dg.AssetSelection.groups("catalog")
    # Without the judge, a product whose facts have changed would leave the exports until the next night.
    | dg.AssetSelection.assets("quality/scores", "quality/listings", "quality/review_queue", "delivery/exports"),
    config=feed_change_config,
    description="Read some feeds again, or withdraw them from the catalog, the listings and the exports. Judges texts "
    "beside their changed records, and writes none. A feed that was refused because it lost too many rows is loaded "
    "with `accept_shrinkage`.",
)

regenerate = dg.define_asset_job(
    "regenerate",
    selection=dg.AssetSelection.groups("content", "quality", "delivery")
    - dg.AssetSelection.assets("quality/model_ratings"),
    config=regenerate_config,
    description="Write the texts of some products again, judge and export them: a category, or products by id, worst "
    "texts first. Try it with `dry_run`. Reviewers' texts stay.",
)

feedback = dg.define_asset_job(
    "feedback",
    selection=dg.AssetSelection.assets("quality/scores", "quality/fact_checks", "quality/listings")
    | dg.AssetSelection.assets("quality/review_queue")
    | dg.AssetSelection.groups("training"),
    description="What reviewers rated and edited: judged, then learned from by dataset and rating model.",
)

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.groups("training") | RETRAINING,
    config={"ops": {name: {"config": config} for name, config in RetrainConfig().steps().items()}},
    description="Better models from the accepted texts: dataset, tuned parameters, candidates, their evaluation on "
    "held-out products, and promotion of a significantly better candidate.",
)

evaluate = dg.define_asset_job(
    "evaluate",
    selection=dg.AssetSelection.groups("evaluation"),
    description="The evaluation report on held-out products. Models are compared, and called, only if `products` is "
    "set in the config of `evaluation__model_evaluation`; nothing is promoted.",
)

export = dg.define_asset_job(
    "export",
    selection=dg.AssetSelection.groups("delivery"),
    description="The accepted listings as files.",
)


class CleanupConfig(dg.Config):
    """What the clean-up may do."""

    dry_run: bool = Field(default=False, description="Only list what would be removed.")


@dg.op(
    description="Removes what is older than WALMART_RETENTION_DAYS: runs and their logs, Data Docs, backups, failed "
    "calls of the ledger; and superseded datasets. What is in use stays."
)
def remove_old_versions(
    context: dg.OpExecutionContext, config: CleanupConfig, settings: dg.ResourceParam[Settings]
) -> dg.Output[int]:
    """Prune as `walmart-pipeline prune` does."""
    removed = retention.prune(settings, context.instance, dry_run=config.dry_run)
    by_kind: dict[str, dict[str, Any]] = {}
    for item in removed:
        row = by_kind.setdefault(item.kind, {"kind": item.kind, "items": 0, "bytes": 0})
        row["items"] += 1
        row["bytes"] += item.bytes
    context.log.info(f"{'would remove' if config.dry_run else 'removed'} {len(removed)} items")
    return dg.Output(
        len(removed),
        metadata={
            "bytes": sum(item.bytes for item in removed),
            "removed": dg.MetadataValue.md(markdown.table(list(by_kind.values()))),
        },
    )


@dg.job(description="Removes old runs, logs, reports, datasets and failed model calls by retention.")
def cleanup() -> None:
    """The monthly clean-up."""
    remove_old_versions()


ASSET_JOBS = [pipeline, ingest, feeds, regenerate, feedback, retrain, evaluate, export]
