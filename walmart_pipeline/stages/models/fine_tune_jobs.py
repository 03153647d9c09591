"""Fine-tuning jobs at OpenAI: their record in `models.fine_tunes`, and the next one that may be started."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field

from walmart_pipeline.core.records import Record, content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.generation import prompt
from walmart_pipeline.generation.recipes import Recipe
from walmart_pipeline.llm import pricing
from walmart_pipeline.stages.models.tiers import TIERS

# Registered here, and it is not known whether OpenAI has it.
ANNOUNCED = "announced"
# The job never was at OpenAI: it can be started, for nothing was paid.
NEVER_STARTED = frozenset(("refused", "withdrawn"))
# The job ended without a model: only a person can say whether to pay for another attempt.
UNSUCCESSFUL = frozenset(("failed", "cancelled", "forgotten"))
ENDED = frozenset(("succeeded", *NEVER_STARTED, *UNSUCCESSFUL))

MILLION = 1_000_000

# Tokens for each that training/example_files.py estimates, so that the bill stays within the budget. SmolLM2's
# tokenizer, with a fourth of the vocabulary of GPT-4.1's, counted 1.12 over eight examples (1.06 to 1.16).
SAFETY_MARGIN = 1.15

# What a tier sets and OpenAI takes (generation/recipes.py); the rest is Ollama's.
PARAMETERS = ("temperature", "top_p", "num_predict")

DATASET = """
select 'v' || number as version, policy, folder
from training.dataset_versions
where in_force
"""


class NotStartedError(ValueError):
    """No job is started; the message says why, and what to do if it should be."""


class FineTuneJob(Record):
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
        """Whether a model may still come of it."""
        return self.state not in ENDED

    @property
    def committed_usd(self) -> float:
        """What it cost, or may cost while that is not known."""
        if self.state in NEVER_STARTED:
            return 0.0
        return self.estimated_usd if self.cost_usd is None else self.cost_usd

    @property
    def summary(self) -> str:
        """How far it is, in a sentence."""
        what = f"{self.base_model} on {self.dataset_version}"
        if self.state == "succeeded":
            cost = "" if self.cost_usd is None else f" for ${self.cost_usd:,.2f}"
            return f"{what} has become {self.model}{cost}: {self.version} is a candidate"
        why = f": {self.reason}" if self.reason else ""
        return f"{what} ({self.job_id or self.label}) is {self.state.replace('_', ' ')}{why}"

    def recipe(self, model: str) -> Recipe:
        """The recipe of its model: with the instructions that it learned under, and no examples."""
        parameters = TIERS[self.tier].parameters
        return Recipe(
            provider="openai",
            base_model=self.base_model,
            model=model,
            system=self.system,
            parameters={name: parameters[name] for name in PARAMETERS},
        )


class JobPlan(Record):
    """A job to start, and its files by the names that OpenAI is to know them by."""

    job: FineTuneJob
    training: tuple[str, Path]
    validation: tuple[str, Path] | None


def known(db: Database) -> list[FineTuneJob]:
    """All jobs, the newest first."""
    rows = db.query("select * from models.fine_tunes order by announced_at desc, label")
    return [FineTuneJob(**row) for row in rows]


def save(db: Database, job: FineTuneJob) -> None:
    """Store a job, in place of what was known of it."""
    db.upsert("models.fine_tunes", [job.model_dump()], ["label"])


def plan(db: Database, settings: Settings, jobs: Sequence[FineTuneJob], *, again: bool) -> JobPlan:
    """The job for the dataset in force under these settings. jobs: all so far. Raises NotStartedError."""
    rows = db.query(DATASET)
    if not rows:
        raise NotStartedError("there is no dataset to learn from: run `walmart-pipeline retrain`")
    version, folder = rows[0]["version"], Path(rows[0]["folder"])
    [quality] = db.query(
        "select count(*) as examples, min(quality_score) as lowest from training.dataset where split = 'train'"
    )
    tier = highest_tier(quality["examples"], quality["lowest"])
    if tier is None:
        basic = TIERS["basic"]
        raise NotStartedError(
            f"{version} has {quality['examples']} examples to train on: {basic.min_examples} of quality "
            f"{basic.min_quality} are needed"
        )
    figures = json.loads(_existing(folder / "version.json").read_bytes())["fine_tuning"]["train"]
    training, validation = _named(folder / "chat_train.jsonl"), _named(folder / "chat_validation.jsonl")
    model = settings.finetune_model
    key = content_hash([model, figures["epochs"], training[0], validation[0]])
    label = f"{key}-{_attempt(key, version, jobs, again=again)}"
    price = _price(settings, model)
    max_tokens = round(figures["billed_tokens"] * SAFETY_MARGIN)
    usd = max_tokens * price / MILLION
    left = settings.finetune_budget_usd - sum(job.committed_usd for job in jobs)
    if usd > left or settings.finetune_budget_usd == 0:
        raise NotStartedError(
            f"not started: {model} would learn {figures['examples']:,} examples of {version} in {figures['epochs']} "
            f"epochs, by estimate at most {max_tokens:,} tokens for ${usd:,.2f} (${price:g} a million); of the budget "
            f"of ${settings.finetune_budget_usd:,.2f} for all fine-tuning ${max(0.0, left):,.2f} is left: raise "
            "WALMART_FINETUNE_BUDGET_USD"
        )
    job = FineTuneJob(
        label=label,
        base_model=model,
        tier=tier,
        dataset_version=version,
        prompt_version=prompt.VERSION,
        policy=rows[0]["policy"],
        system=_system(training[1]),
        epochs=figures["epochs"],
        estimated_tokens=max_tokens,
        estimated_usd=usd,
        usd_per_million=price,
        announced_at=datetime.now(UTC),
    )
    return JobPlan(job=job, training=training, validation=validation if validation[1].stat().st_size else None)


def highest_tier(examples: int, lowest_quality: float | None) -> str | None:
    """The highest tier that has enough examples, all of them good enough; None where there is none.

    Few-shot examples are picked from the best; a training file teaches its weakest as well.
    """
    met = [
        name
        for name, tier in TIERS.items()
        if examples >= tier.min_examples and lowest_quality is not None and lowest_quality >= tier.min_quality
    ]
    return met[-1] if met else None


def _attempt(key: str, version: str, jobs: Sequence[FineTuneJob], *, again: bool) -> int:
    """Which attempt at this job it is, from 1. Raises NotStartedError where another one needs to be requested."""

    def number(job: FineTuneJob) -> int:
        return int(job.label.rpartition("-")[2])

    before = [job for job in jobs if job.label.startswith(f"{key}-")]
    if not before:
        return 1
    latest = max(before, key=number)
    if latest.state in NEVER_STARTED:
        return number(latest)
    if latest.state in UNSUCCESSFUL and again:
        return number(latest) + 1
    if latest.state in UNSUCCESSFUL:
        raise NotStartedError(f"{latest.summary}. It is tried once more with `again: true` in the asset's config")
    raise NotStartedError(f"{version} has been learned: {latest.summary}")


def _price(settings: Settings, model: str) -> float:
    try:
        return pricing.load(settings.prices).training_price(model)
    except (pricing.UnknownPriceError, pricing.PricesError) as error:
        raise NotStartedError(f"not started: {error}") from error


def _system(path: Path) -> str:
    """The instructions of every example of a chat file."""
    with path.open(encoding="utf-8") as file:
        first = json.loads(file.readline())["messages"][0]
    return str(first["content"])


def _named(path: Path) -> tuple[str, Path]:
    """A file with the name that its content gives it."""
    with _existing(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"walmart-{digest[:32]}.jsonl", path


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise NotStartedError(f"{path} is missing: restore it, or run `walmart-pipeline retrain`")
    return path
