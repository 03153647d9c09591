"""The definitions that Dagster loads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from walmart_pipeline.automation import sensors
from walmart_pipeline.automation.alerts import alerts_sensor
from walmart_pipeline.automation.executor import supervised_executor
from walmart_pipeline.automation.freshness import with_freshness
from walmart_pipeline.automation.jobs import ASSET_JOBS, cleanup
from walmart_pipeline.automation.schedules import schedules
from walmart_pipeline.automation.sources import SOURCES, sources_sensor, with_sources
from walmart_pipeline.automation.triggers import TRIGGERS
from walmart_pipeline.core import settings
from walmart_pipeline.resources import resources
from walmart_pipeline.stages.catalog import assets as catalog
from walmart_pipeline.stages.catalog import checks as catalog_checks
from walmart_pipeline.stages.content import assets as content
from walmart_pipeline.stages.delivery import assets as delivery
from walmart_pipeline.stages.evaluation import assets as evaluation
from walmart_pipeline.stages.evaluation import checks as evaluation_checks
from walmart_pipeline.stages.models import assets as models
from walmart_pipeline.stages.quality import assets as quality
from walmart_pipeline.stages.quality import checks as quality_checks
from walmart_pipeline.stages.training import assets as training
from walmart_pipeline.stages.training import checks as training_checks

STAGES = (catalog, content, quality, training, models, evaluation, delivery)
CHECKS = (catalog_checks, quality_checks, training_checks, evaluation_checks)


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Build all definitions; `resource_overrides` replace resources by name.

    The schedules follow the settings, which are read here.
    """
    overrides = resource_overrides or {}
    configured = overrides.get("settings") or settings.load()
    assets = [asset for asset in dg.load_assets_from_modules(STAGES) if isinstance(asset, dg.AssetsDefinition)]
    return dg.Definitions(
        assets=[*(asset.map_asset_specs(_completed) for asset in assets), *SOURCES],
        asset_checks=dg.load_asset_checks_from_modules(CHECKS),
        jobs=[*ASSET_JOBS, cleanup],
        schedules=schedules(configured),
        sensors=[sensors.inbox_sensor, sensors.batches_sensor, *TRIGGERS, alerts_sensor, sources_sensor],
        resources={**resources(), **overrides},
        executor=supervised_executor,
    )


def _completed(spec: dg.AssetSpec) -> dg.AssetSpec:
    return with_freshness(with_sources(spec))


defs = build_defs()
