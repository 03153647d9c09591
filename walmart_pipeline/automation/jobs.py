"""The jobs, and the nightly schedule, which ships stopped."""

from __future__ import annotations

import dagster as dg

from walmart_pipeline.automation.retrain_config import RetrainConfig

# Excluded from the nightly run: a retraining makes hundreds of model calls.
RETRAINING = dg.AssetSelection.assets(
    "models/tuned", "models/candidates", "models/fine_tuned", "evaluation/model_evaluation", "evaluation/promotion"
)

pipeline = dg.define_asset_job(
    "pipeline",
    selection=dg.AssetSelection.all() - RETRAINING,
    description="The whole pipeline, from the inbox to the exports: the nightly run and `walmart-pipeline run`.",
)

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.groups("training") | RETRAINING,
    config={"ops": {name: {"config": config} for name, config in RetrainConfig().steps().items()}},
    description="Better models from the accepted texts: dataset, tuned parameters, candidates, their evaluation on "
    "held-out products, and promotion of a significantly better candidate.",
)

nightly = dg.ScheduleDefinition(
    name="nightly",
    job=pipeline,
    # After the day's feeds and before the working day in Bentonville.
    cron_schedule="0 2 * * *",
    execution_timezone="America/Chicago",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="The whole pipeline, every night at two.",
)
