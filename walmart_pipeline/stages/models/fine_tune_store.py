"""The fine-tuning jobs that were ever begun: `models.fine_tunes`.

Belongs here: a job as the warehouse has it, its states, and the recipe of what came of it. Does not: when one is
begun or followed (fine_tune_jobs.py), or what OpenAI is asked (llm/clients/openai_finetune.py).
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.stages.models.tiers import TIERS

# Announced, and it is not known whether OpenAI has it.
ANNOUNCED = "announced"
# The job never was at OpenAI: it can be begun, for nothing was paid.
NEVER_BEGUN = frozenset(("refused", "withdrawn"))
# The job ended without a model: only a person can say whether to pay for another try.
IN_VAIN = frozenset(("failed", "cancelled", "forgotten"))
ENDED = frozenset(("succeeded", *NEVER_BEGUN, *IN_VAIN))

MILLION = 1_000_000

# What a tier sets and OpenAI takes (generation/recipes.py); the rest is Ollama's.
PARAMETERS = ("temperature", "top_p", "num_predict")


class FineTune(Record):
    """One job. What is not known yet is None."""

    label: str
    base_model: str
    tier: str
    dataset_version: str
    prompt_version: str
    policy: str
    system: str = Field(description="The instructions of the training file: the model is asked with these.")
    epochs: int
    estimated_tokens: int = Field(description="Of all epochs, at most.")
    estimated_usd: float
    usd_per_million: float
    announced_at: datetime
    job_id: str | None = None
    state: str = ANNOUNCED
    reason: str | None = None
    trained_tokens: int | None = None
    cost_usd: float | None = Field(default=None, description="Exact, from OpenAI's count; known when it has ended.")
    model: str | None = None
    version: str | None = None
    ended_at: datetime | None = None

    @property
    def is_under_way(self) -> bool:
        """Something may still come of it."""
        return self.state not in ENDED

    @property
    def committed_usd(self) -> float:
        """What it cost, or may cost while that is not known."""
        if self.state in NEVER_BEGUN:
            return 0.0
        return self.estimated_usd if self.cost_usd is None else self.cost_usd


def recipe(tune: FineTune, model: str) -> Recipe:
    """How the model that came of a job is asked: with the instructions that it learned under, and no examples."""
    parameters = TIERS[tune.tier].parameters
    return Recipe(
        provider="openai",
        base_model=tune.base_model,
        model=model,
        system=tune.system,
        parameters={name: parameters[name] for name in PARAMETERS},
    )


def says(tune: FineTune) -> str:
    """How far a job is, in a sentence."""
    what = f"{tune.base_model} on {tune.dataset_version}"
    if tune.state == "succeeded":
        cost = "" if tune.cost_usd is None else f" for ${tune.cost_usd:,.2f}"
        return f"{what} has become {tune.model}{cost}: {tune.version} is a candidate"
    why = f": {tune.reason}" if tune.reason else ""
    return f"{what} ({tune.job_id or tune.label}) is {tune.state.replace('_', ' ')}{why}"


def known(db: Database) -> list[FineTune]:
    """All of them, the newest first."""
    return [FineTune(**row) for row in db.query("select * from models.fine_tunes order by announced_at desc, label")]


def keep(db: Database, tune: FineTune) -> None:
    """Write a job down, in the place of what was known of it."""
    db.upsert("models.fine_tunes", [tune.model_dump()], ["label"])
