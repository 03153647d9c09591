"""The definitions that Dagster loads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from walmart_pipeline import fan_out
from walmart_pipeline.automation import feed_polling, sensors
from walmart_pipeline.automation.alerts import alerts_sensor
from walmart_pipeline.automation.documentation import tags, with_documentation
from walmart_pipeline.automation.executor import executor_of
from walmart_pipeline.automation.following import following_sensor, with_following
from walmart_pipeline.automation.freshness import with_freshness
from walmart_pipeline.automation.jobs import ASSET_JOBS, cleanup
from walmart_pipeline.automation.schedules import schedules
from walmart_pipeline.automation.sources import sources, sources_sensor, with_sources
from walmart_pipeline.automation.triggers import TRIGGERS
from walmart_pipeline.core import settings
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.judge import code_fingerprint, profiles
from walmart_pipeline.resources import resources
from walmart_pipeline.stages.catalog import assets as catalog
from walmart_pipeline.stages.catalog import checks as catalog_checks
from walmart_pipeline.stages.content import assets as content
from walmart_pipeline.stages.content import checks as content_checks
from walmart_pipeline.stages.delivery import assets as delivery
from walmart_pipeline.stages.evaluation import assets as evaluation
from walmart_pipeline.stages.evaluation import checks as evaluation_checks
from walmart_pipeline.stages.insights import assets as insights
from walmart_pipeline.stages.models import assets as models
from walmart_pipeline.stages.quality import assets as quality
from walmart_pipeline.stages.quality import checks as quality_checks
from walmart_pipeline.stages.training import assets as training
from walmart_pipeline.stages.training import checks as training_checks

STAGES = (catalog, content, quality, training, models, evaluation, delivery, insights)
CHECKS = (catalog_checks, content_checks, quality_checks, training_checks, evaluation_checks)


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Build all definitions; `resource_overrides` replace resources by name.

    The schedules follow the settings, which are read here.
    """
    overrides = resource_overrides or {}
    configured = overrides.get("settings") or settings.load()
    return dg.Definitions(
        assets=_assets(configured),
        asset_checks=dg.load_asset_checks_from_modules(CHECKS),
        jobs=[*ASSET_JOBS, cleanup, feed_polling.feed_status],
        schedules=schedules(configured),
        sensors=[
            sensors.inbox_sensor,
            sensors.batches_sensor,
            *TRIGGERS,
            following_sensor,
            alerts_sensor,
            sources_sensor,
        ],
        resources={**resources(), **overrides},
        executor=executor_of(configured),
    )


def _assets(configured: Settings) -> list[dg.AssetsDefinition]:
    """Load the assets, with sources, freshness, links and tags; the judge's users are stale under another."""
    judge = _judge_version(configured)

    def completed(asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
        suffix = f"-{judge}" if "judge" in asset.required_resource_keys else ""
        return with_following(asset).map_asset_specs(
            lambda spec: (
                with_documentation(with_freshness(with_sources(spec)), configured)
                .replace_attributes(code_version=f"{spec.code_version}{suffix}")
                .merge_attributes(tags=tags(spec, asset.op.pool))
            )
        )

    observed = sources.map_asset_specs(lambda spec: with_documentation(spec, configured))
    loaded = [asset for asset in dg.load_assets_from_modules(STAGES) if isinstance(asset, dg.AssetsDefinition)]
    with warnings.catch_warnings():
        # The links are in beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        linked = dg.with_source_code_references([*map(completed, loaded), observed])
    assets = [asset for asset in linked if isinstance(asset, dg.AssetsDefinition)]
    return fan_out.in_shares(assets, fan_out.fan_outs(STAGES)) if configured.celery_broker else assets


def _judge_version(configured: Settings) -> str:
    try:
        policy = profiles.load(configured.policy)
    except profiles.PolicyError:
        # The definitions load nevertheless: a run says what is wrong.
        return "unknown"
    return f"{policy.label}-{code_fingerprint.fingerprint()[:8]}"


defs = build_defs()
