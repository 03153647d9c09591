"""Fine-tuning jobs at OpenAI: their record in `models.fine_tunes`, and the plan of the next one."""

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

# Registered here; whether OpenAI has it is unknown.
ANNOUNCED = "announced"
# Never at OpenAI and not paid for: the job can be started.
NEVER_STARTED = frozenset(("refused", "withdrawn"))
# Ended without a model: a person decides whether to pay for another attempt.
UNSUCCESSFUL = frozenset(("failed", "cancelled", "forgotten"))
ENDED = frozenset(("succeeded", *NEVER_STARTED, *UNSUCCESSFUL))

MILLION = 1_000_000

# Upper bound of real tokens per estimated one (training/example_files.py). SmolLM2's tokenizer, with a quarter of
# GPT-4.1's vocabulary, counted 1.12 over eight examples (1.06 to 1.16).
SAFETY_MARGIN = 1.15

# A tier's parameters that OpenAI supports.
PARAMETERS = ("temperature", "top_p", "num_predict")

DATASET = """
select 'v' || number as version, policy, folder
from training.dataset_versions
where in_force
"""


class NotStartedError(ValueError):
    """No job is started; the message has the reason and the remedy."""


class FineTuneJob(Record):
    """One job; unknown values are None."""

    label: str
    base_model: str
    tier: str
    dataset_version: str
    prompt_version: str
    policy: str
    system: str = Field(description="Instructions of the training file, used in requests too.")
    epochs: int
    estimated_tokens: int = Field(description="Maximum of all epochs.")
    estimated_usd: float
    usd_per_million: float
    announced_at: datetime
    job_id: str | None = None
    state: str = ANNOUNCED
    reason: str | None = None
    trained_tokens: int | None = None
    cost_usd: float | None = Field(default=None, description="From OpenAI's token count, after the end.")
    model: str | None = None
    version: str | None = None
    ended_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Whether the job has not ended."""
        return self.state not in ENDED

    @property
    def committed_usd(self) -> float:
        """The cost, or its estimate while unknown."""
        if self.state in NEVER_STARTED:
            return 0.0
        return self.estimated_usd if self.cost_usd is None else self.cost_usd

    @property
    def summary(self) -> str:
        """The state in a sentence."""
        what = f"{self.base_model} on {self.dataset_version}"
        if self.state == "succeeded":
            cost = "" if self.cost_usd is None else f" for ${self.cost_usd:,.2f}"
            return f"{what} has become {self.model}{cost}: {self.version} is a candidate"
        why = f": {self.reason}" if self.reason else ""
        return f"{what} ({self.job_id or self.label}) is {self.state.replace('_', ' ')}{why}"

    def recipe(self, model: str) -> Recipe:
        """Return the recipe of its model: with the instructions of its training, and no examples."""
        parameters = TIERS[self.tier].parameters
        return Recipe(
            provider="openai",
            base_model=self.base_model,
            model=model,
            system=self.system,
            parameters={name: parameters[name] for name in PARAMETERS},
        )


class JobPlan(Record):
    """A job to start, and its files with their names at OpenAI."""

    job: FineTuneJob
    training: tuple[str, Path]
    validation: tuple[str, Path] | None


def known(db: Database) -> list[FineTuneJob]:
    """Return all jobs, the newest first."""
    rows = db.query("select * from models.fine_tunes order by announced_at desc, label")
    return [FineTuneJob(**row) for row in rows]


def save(db: Database, job: FineTuneJob) -> None:
    """Store the state of a job."""
    db.upsert("models.fine_tunes", [job.model_dump()], ["label"])


def plan(db: Database, settings: Settings, jobs: Sequence[FineTuneJob], *, again: bool) -> JobPlan:
    """Plan the job for the active dataset under these settings. jobs: all so far. Raises NotStartedError."""
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
    """Return the highest tier whose thresholds all examples meet, because training uses all of them; None without."""
    met = [
        name
        for name, tier in TIERS.items()
        if examples >= tier.min_examples and lowest_quality is not None and lowest_quality >= tier.min_quality
    ]
    return met[-1] if met else None


def _attempt(key: str, version: str, jobs: Sequence[FineTuneJob], *, again: bool) -> int:
    """Return the number of this attempt, from 1. Raises NotStartedError if another one must be requested."""

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
        raise NotStartedError(f"{latest.summary}. To retry, set `again: true` in the asset's config")
    raise NotStartedError(f"{version} is already used: {latest.summary}")


def _price(settings: Settings, model: str) -> float:
    try:
        return pricing.load(settings.prices).training_price(model)
    except (pricing.UnknownPriceError, pricing.PricesError) as error:
        raise NotStartedError(f"not started: {error}") from error


def _system(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        first = json.loads(file.readline())["messages"][0]
    return str(first["content"])


def _named(path: Path) -> tuple[str, Path]:
    """Return a file with a name from the hash of its content."""
    with _existing(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"walmart-{digest[:32]}.jsonl", path


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise NotStartedError(f"{path} is missing: restore it, or run `walmart-pipeline retrain`")
    return path
