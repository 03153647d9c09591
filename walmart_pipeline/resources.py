"""Dagster resources. All depend on `settings`: replacing it moves a run to another workspace."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from walmart_pipeline.core import settings, warehouses
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import fact_checker, model_rater, provider_factory
from walmart_pipeline.generation.fact_checker import FactChecker
from walmart_pipeline.generation.model_rater import ModelRater
from walmart_pipeline.generation.provider import Provider
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.registry import model_versions, writers

# A pool of one slot, for assets and checks that use the warehouse and make no model calls.
WAREHOUSE_POOL = "warehouse"


def asset_of(stage: str, *, owner: str) -> Callable[..., Callable[[Callable[..., Any]], dg.AssetsDefinition]]:
    """`dg.asset` for the assets of a stage: of its group, with its key prefix and its owner."""

    def asset(**about: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        made: Callable[[Callable[..., Any]], dg.AssetsDefinition]
        made = dg.asset(key_prefix=stage, group_name=stage, owners=[f"team:{owner}"], **about)
        return made

    return asset


@dg.resource(description="Paths and configuration, from the environment and .env.")
def settings_resource() -> settings.Settings:
    """Load the settings when the run starts, not when the code is imported."""
    return settings.load()


@dg.resource(description="The warehouse: a DuckDB file, or a DuckLake.", required_resource_keys={"settings"})
def warehouse_resource(context: dg.InitResourceContext) -> Warehouse:
    """Create the warehouse; each step opens it only as long as it needs it."""
    configured: settings.Settings = context.resources.settings
    return warehouses.of(configured)


@dg.resource(description="Reports the progress of long steps.")
def progress_resource() -> LogProgress:
    """Create progress lines in the run's log; `walmart-pipeline run` overrides it with bars."""
    return LogProgress()


@dg.resource(
    description="The quality gate: the judge under the active policy profile.", required_resource_keys={"settings"}
)
def judge_resource(context: dg.InitResourceContext) -> Judge:
    """Create the judge: word lists and patterns are compiled once per run."""
    return Judge(profiles.load(context.resources.settings.policy), cross_encoder=True)


@dg.resource(description="Writes the listings.", required_resource_keys={"settings", "judge", "warehouse"})
def provider_resource(context: dg.InitResourceContext) -> Provider:
    """Create the provider named by WALMART_PROVIDER, with its champion; `auto` needs no server and no key."""
    warehouse: Warehouse = context.resources.warehouse
    return provider_factory.choose(
        context.resources.settings,
        context.resources.judge,
        champions=model_versions.champions(warehouse),
        last_writer=writers.last(warehouse),
        batches=True,
    )


@dg.resource(
    description="A model that rates a sample of the texts; None if the sample is 0.",
    required_resource_keys={"settings", "judge"},
)
def rater_resource(context: dg.InitResourceContext) -> ModelRater | None:
    """Create the model named by WALMART_MODEL_JUDGE; off by default."""
    return model_rater.rater(context.resources.settings, context.resources.judge)


@dg.resource(
    description="A model that checks uncertain statements against the record; None if none is named.",
    required_resource_keys={"settings", "judge"},
)
def fact_checker_resource(context: dg.InitResourceContext) -> FactChecker | None:
    """Create the model named by WALMART_FACT_CHECK; off by default."""
    return fact_checker.fact_checker(context.resources.settings, context.resources.judge)


def resources() -> dict[str, Any]:
    """Return all resources by name."""
    return {
        "settings": settings_resource,
        "warehouse": warehouse_resource,
        "progress": progress_resource,
        "judge": judge_resource,
        "provider": provider_resource,
        "rater": rater_resource,
        "fact_checker": fact_checker_resource,
    }
