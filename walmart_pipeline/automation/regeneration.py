"""The run config of the job `regenerate`."""

import dagster as dg
from pydantic import Field

from walmart_pipeline.resources import RunSettings, SettingsResource


class RegenerateConfig(dg.Config):
    """What to write again. Without categories and ids: what is due anyway, as in a nightly run."""

    categories: list[str] = Field(
        default=[],
        description="Categories of any level, such as `Toys`, or paths, such as `Toys > Puzzles`. Their products are "
        "written again even if their texts are current.",
    )
    ids: list[str] = Field(default=[], description="Products by product_id, in addition to `categories`.")
    reason: str = Field(default="", description="Why, in a few words: shown in the plan beside each product.")
    sample_limit: int | None = Field(
        default=None,
        description="Maximum number of products, 1 or more, those with the worst texts first. Left out: all.",
    )
    budget_usd: float | None = Field(
        default=None,
        description="Plan only as many products as this pays for, by the estimate, which is a maximum. "
        "WALMART_BUDGET_USD holds in any case.",
    )
    dry_run: bool = Field(
        default=False, description="Only report in `generation_plan` what would be written and what it costs at most."
    )
    settings: RunSettings = Field(
        default=RunSettings(), description="The model that writes, its server and its limits, for this run."
    )


@dg.config_mapping
def regenerate_config(val: RegenerateConfig) -> dg.RunConfig:
    """Translate the config of the job into that of its plan.

    Limits are examined here and not by pydantic: of an error that is not Dagster's own, the launchpad only shows that
    this function has thrown one.
    """
    for name, least in (("sample_limit", 1), ("budget_usd", 0)):
        value = getattr(val, name)
        if value is not None and value < least:
            raise dg.DagsterInvalidInvocationError(
                f"{name}: {value} is less than {least}: leave {name} out for all products"
            )
    plan = {
        "categories": val.categories,
        "ids": val.ids,
        "reason": val.reason,
        "limit": val.sample_limit,
        "budget_usd": val.budget_usd,
        "dry_run": val.dry_run,
        "worst_first": True,
    }
    changes = val.settings.changes()
    return dg.RunConfig(
        ops={
            "content__generation_plan": {"config": {name: value for name, value in plan.items() if value is not None}}
        },
        # Only then: where the resource is replaced, as in a test, it takes no config.
        resources={"settings": SettingsResource(**changes)} if changes else {},
    )
