"""The jobs, and the nightly schedule, which ships stopped."""

from __future__ import annotations

import dagster as dg

from walmart_pipeline.automation.retrain_config import RetrainConfig

# A retraining makes hundreds of model calls: never as a part of the nightly run.
RETRAINING = dg.AssetSelection.assets(
    "models/tuned", "models/candidates", "models/fine_tuned", "evaluation/model_evaluation", "evaluation/promotion"
)

pipeline = dg.define_asset_job(
    "pipeline",
    selection=dg.AssetSelection.all() - RETRAINING,
    description="Everything, from the inbox to the exports: the nightly run, and what `walmart-pipeline run` does.",
)

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.groups("training") | RETRAINING,
    config={"ops": {name: {"config": config} for name, config in RetrainConfig().steps().items()}},
    description="From the accepted texts to a better model: dataset, tuned parameters, candidates, their evaluation "
    "on held-out products, and promotion of a candidate that is better beyond chance.",
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
