"""Which fine-tuning job the latest dataset makes, and whether it may be begun.

Belongs here: the files, the tier, the price against the budget, and whether it was done already. Does not: beginning it
(fine_tune_jobs.py), or what the files say (training).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from walmart_pipeline.core.records import Record, content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.generation import prompt
from walmart_pipeline.llm import pricing
from walmart_pipeline.stages.models import fine_tune_store
from walmart_pipeline.stages.models.fine_tune_store import MILLION, FineTune
from walmart_pipeline.stages.models.tiers import TIERS

# Tokens for each that training/fine_tuning_estimate.py estimates, so that the bill stays within the budget. SmolLM2's
# tokenizer, with a fourth of the vocabulary of GPT-4.1's, counted 1.12 over eight examples (1.06 to 1.16).
AT_MOST = 1.15

DATASET = """
select 'v' || number as version, policy, folder
from training.dataset_versions
where in_force
"""


class NotBegunError(ValueError):
    """No job is begun; the message says why, and what to do if it should be."""


class Figures(BaseModel):
    """What a version's version.json says of its training file. billed_tokens: of all epochs, estimated."""

    examples: int
    epochs: int
    billed_tokens: int


class Plan(Record):
    """A job to begin, and its files by the names that OpenAI is to know them by."""

    tune: FineTune
    training: tuple[str, Path]
    validation: tuple[str, Path] | None


def planned(db: Database, settings: Settings, tunes: Sequence[FineTune], *, again: bool) -> Plan:
    """The job that the latest dataset and the settings make. tunes: all so far. Raises NotBegunError."""
    rows = db.query(DATASET)
    if not rows:
        raise NotBegunError("there is no dataset to learn from: run `walmart-pipeline retrain`")
    version, folder = rows[0]["version"], Path(rows[0]["folder"])
    scores = [
        row["quality_score"] for row in db.query("select quality_score from training.dataset where split = 'train'")
    ]
    tier = tier_of(scores)
    if tier is None:
        lowest = TIERS["basic"]
        raise NotBegunError(
            f"{version} has {len(scores)} examples to train on: {lowest.min_examples} of quality {lowest.min_quality} "
            "are needed"
        )
    figures = _figures(folder)
    training, validation = _named(folder / "chat_train.jsonl"), _named(folder / "chat_validation.jsonl")
    model = settings.finetune_model
    key = content_hash([model, figures.epochs, training[0], validation[0]])
    label = f"{key}-{_attempt(key, version, tunes, again=again)}"
    price = _price(settings, model)
    most_tokens = round(figures.billed_tokens * AT_MOST)
    usd = most_tokens * price / MILLION
    left = settings.finetune_budget_usd - sum(tune.committed_usd for tune in tunes)
    if usd > left or settings.finetune_budget_usd == 0:
        raise NotBegunError(
            f"not begun: {model} would learn {figures.examples:,} examples of {version} in {figures.epochs} epochs, by "
            f"estimate at most {most_tokens:,} tokens for ${usd:,.2f} (${price:g} a million); of the budget of "
            f"${settings.finetune_budget_usd:,.2f} for all fine-tuning ${max(0.0, left):,.2f} is left: raise "
            "WALMART_FINETUNE_BUDGET_USD"
        )
    tune = FineTune(
        label=label,
        base_model=model,
        tier=tier,
        dataset_version=version,
        prompt_version=prompt.VERSION,
        policy=rows[0]["policy"],
        system=_system(training[1]),
        epochs=figures.epochs,
        estimated_tokens=most_tokens,
        estimated_usd=usd,
        usd_per_million=price,
        announced_at=datetime.now(UTC),
    )
    return Plan(tune=tune, training=training, validation=validation if validation[1].stat().st_size else None)


def tier_of(scores: Sequence[float]) -> str | None:
    """The highest tier of which all examples are good enough, and enough; None where there is none.

    scores: quality (0–100) of the training split. Few-shot examples are picked from the best; a training file teaches
    its weakest as well.
    """
    met = [name for name, tier in TIERS.items() if len(scores) >= tier.min_examples and min(scores) >= tier.min_quality]
    return met[-1] if met else None


def _attempt(key: str, version: str, tunes: Sequence[FineTune], *, again: bool) -> int:
    """Which attempt at this job it is, from 1. Raises NotBegunError where another one needs to be asked for."""
    before = [tune for tune in tunes if tune.label.startswith(f"{key}-")]
    if not before:
        return 1
    latest = max(before, key=lambda tune: int(tune.label.rpartition("-")[2]))
    number = int(latest.label.rpartition("-")[2])
    if latest.state in fine_tune_store.NEVER_BEGUN:
        return number
    if latest.state in fine_tune_store.IN_VAIN and again:
        return number + 1
    if latest.state in fine_tune_store.IN_VAIN:
        raise NotBegunError(
            f"{fine_tune_store.says(latest)}. It is tried once more with `again: true` in the asset's config"
        )
    raise NotBegunError(f"{version} has been learned: {fine_tune_store.says(latest)}")


def _price(settings: Settings, model: str) -> float:
    try:
        return pricing.load(settings.prices).training_price(model)
    except (pricing.UnknownPriceError, pricing.PricesError) as error:
        raise NotBegunError(f"not begun: {error}") from error


def _figures(folder: Path) -> Figures:
    return Figures.model_validate(json.loads(_there(folder / "version.json").read_bytes())["fine_tuning"]["train"])


def _system(path: Path) -> str:
    """The instructions that stand over every example of a chat file."""
    with path.open(encoding="utf-8") as file:
        first = json.loads(file.readline())["messages"][0]
    return str(first["content"])


def _named(path: Path) -> tuple[str, Path]:
    """A file with the name that its content gives it."""
    with _there(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"walmart-{digest[:32]}.jsonl", path


def _there(path: Path) -> Path:
    if not path.is_file():
        raise NotBegunError(f"{path} is missing: restore it, or run `walmart-pipeline retrain`")
    return path
