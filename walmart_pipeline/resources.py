"""Dagster resources. All depend on `settings`: replacing it moves a run to another workspace."""

from collections.abc import Callable
from typing import Any

import dagster as dg
from pydantic import Field, ValidationError

from walmart_pipeline.core import settings, warehouses
from walmart_pipeline.core.progress import LogProgress
from walmart_pipeline.core.settings import Settings
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


class RunSettings(dg.Config):
    """Settings that a person changes for one run; what is left out stays as the environment has it."""

    provider: str | None = Field(
        default=None,
        description="Who writes: `ollama`, `openai` (also vLLM or llama-server, by `base_url`), `embedded`, "
        "`template`, or `auto`, an Ollama that answers and otherwise the template writer. (WALMART_PROVIDER)",
    )
    model: str | None = Field(
        default=None,
        description="Name of the model at its server. Texts of other models are written again. (WALMART_MODEL)",
    )
    base_url: str | None = Field(
        default=None,
        description="Address of the model server, such as `http://gpu-1:11434`; several are separated by commas, "
        "each with a weight if it has one (`http://gpu-1:11434=3`). Shown in the UI: an address with a password stays "
        "in the environment. (WALMART_BASE_URL)",
    )
    concurrency: int | None = Field(
        default=None, description="Calls in flight at each server, at most. (WALMART_CONCURRENCY)"
    )
    requests_per_minute: int | None = Field(
        default=None, description="Requests to each server in a minute, at most. (WALMART_REQUESTS_PER_MINUTE)"
    )
    tokens_per_minute: int | None = Field(
        default=None, description="Tokens of each server in a minute, at most. (WALMART_TOKENS_PER_MINUTE)"
    )
    budget_usd: float | None = Field(
        default=None, description="What this run may spend on texts, in USD. (WALMART_BUDGET_USD)"
    )
    budget_calls: int | None = Field(
        default=None, description="Calls that this run may make for texts. (WALMART_BUDGET_CALLS)"
    )
    max_tokens: int | None = Field(default=None, description="Tokens of an answer, at most. (MAX_TOKENS)")
    max_response_time: float | None = Field(
        default=None, description="Seconds until a call is given up. (MAX_RESPONSE_TIME)"
    )
    model_judge: str | None = Field(
        default=None,
        description="The model that rates texts, as `provider:model`. It is asked where `model_judge_sample` is not 0. "
        "(WALMART_MODEL_JUDGE)",
    )
    model_judge_sample: int | None = Field(
        default=None, description="Texts that it rates in this run. (WALMART_MODEL_JUDGE_SAMPLE)"
    )
    model_judge_budget_usd: float | None = Field(
        default=None, description="What its ratings may cost, in USD. (WALMART_MODEL_JUDGE_BUDGET_USD)"
    )
    fact_check: str | None = Field(
        default=None,
        description="The model that checks doubtful statements against the record, as `provider:model`. "
        "(WALMART_FACT_CHECK)",
    )
    fact_check_budget_usd: float | None = Field(
        default=None, description="What its checks may cost, in USD. (WALMART_FACT_CHECK_BUDGET_USD)"
    )

    def changes(self) -> dict[str, Any]:
        """What is set here, by the names of Settings."""
        return self.model_dump(include=set(RunSettings.model_fields), exclude_none=True)


class SettingsResource(dg.ConfigurableResource[Settings], RunSettings):
    """Configuration from the environment and .env. A run can set which models it uses and what they may cost.

    What is null here is as the variable in brackets has it when the run starts.
    """

    def create_resource(self, context: dg.InitResourceContext) -> Settings:
        """Load the settings. Raises Failure for a bad value."""
        try:
            return settings.load(**self.changes())
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise dg.Failure(f"the settings of this run can't be used: {wrong}") from None


@dg.resource(description="The warehouse: a DuckDB file, or a DuckLake.", required_resource_keys={"settings"})
def warehouse_resource(context: dg.InitResourceContext) -> Warehouse:
    """Create the warehouse; each step opens it only as long as it needs it."""
    configured: Settings = context.resources.settings
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
        "settings": SettingsResource(),
        "warehouse": warehouse_resource,
        "progress": progress_resource,
        "judge": judge_resource,
        "provider": provider_resource,
        "rater": rater_resource,
        "fact_checker": fact_checker_resource,
    }
