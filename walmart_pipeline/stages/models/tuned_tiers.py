"""Tunes all tiers, with a study for each: `models.tuned`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from walmart_pipeline.core.files import file_lock
from walmart_pipeline.core.progress import Advance, Progress
from walmart_pipeline.core.records import Product, Record, content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse
from walmart_pipeline.generation import parsing, prompt
from walmart_pipeline.generation.recipe_trials import RecipeCaller
from walmart_pipeline.generation.recipes import SENT, Recipe
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.models import material, tier_recipes, tiers, tuning, tuning_plots
from walmart_pipeline.stages.models.material import Material, SampledProduct
from walmart_pipeline.stages.models.trials import Setting, StudyOutcome
from walmart_pipeline.stages.models.tuning import RANGES, TuningError

# Bumped when the same dataset would be tuned differently: the asset's code_version.
VERSION = "1"


class TuningPlan(Record):
    """The size of the studies. calls: maximum of all tiers together. tiers: by name; empty for all."""

    trials: int
    products: int
    calls: int
    tiers: list[str]


class TunedTier(Record):
    """The study of a tier: outcome, calls and cost of this run, and plots."""

    tier: str
    study: str
    outcome: StudyOutcome
    calls: int
    cost_usd: float
    plots: list[Path]

    @property
    def row(self) -> Row:
        """The outcome as a row of a table."""
        found = self.outcome
        return {
            "tier": self.tier,
            "score": found.score,
            "default": found.baseline_score,
            "best minus default": found.difference.mean if found.difference else 0.0,
            "interval": found.interval,
            "chosen": ", ".join(f"{name} {value:g}" for name, value in found.chosen.flat.items()),
            "complete": found.complete,
            "pruned": found.pruned,
            "lost": found.failed,
            "calls": self.calls,
            "USD": f"{self.cost_usd:.4f}",
            "study": self.study,
        }


def tune_all(
    settings: Settings,
    warehouse: Warehouse,
    judge: Judge,
    base: Recipe,
    plan: TuningPlan,
    *,
    progress: Progress,
    log: Callable[[str], None],
) -> list[TunedTier]:
    """Tune each tier for the base recipe's model, and store each outcome in `models.tuned` immediately.

    The warehouse is closed during model calls. One process at a time tunes. Raises TuningError for an unknown tier, or
    without validation products.
    """
    if unknown := set(plan.tiers) - set(tiers.TIERS):
        raise TuningError(f"there is no tier {', '.join(sorted(unknown))}: use {', '.join(tiers.TIERS)}")
    with warehouse.reading() as db:
        dataset = material.material(db)
        sample = material.validation_sample(db, judge, plan.products)
    if not sample:
        raise TuningError("no validation product has enough facts for a listing: run the pipeline on a larger catalog")
    caller = RecipeCaller(settings, judge, calls=plan.calls)
    tuned = []
    with file_lock(settings.workspace / "tuning.lock", lambda: log("waiting: another run is tuning")):
        for name in dataset.examples:
            if plan.tiers and name not in plan.tiers:
                continue
            subject = _Subject(name, dataset, sample, judge, base)
            log(f"tuning {name} with {base.base_model}: at most {plan.trials} trials of {len(sample)} products")
            with progress.step(f"tuning {name}", plan.trials * len(sample), log) as advance:
                found = subject.tune(settings, caller, plan.trials, advance)
            if found.outcome.score is not None:
                _store(warehouse, found, base, dataset.version)
            tuned.append(found)
    return tuned


@dataclass(frozen=True)
class _Subject:
    """A tier to tune for a base model."""

    tier: str
    dataset: Material
    sample: Sequence[SampledProduct]
    judge: Judge
    base: Recipe

    def tune(self, settings: Settings, caller: RecipeCaller, max_trials: int, advance: Advance) -> TunedTier:
        """Continue the study of the tier, and draw its plots."""

        def score(setting: Setting, products: Sequence[Product], answered: Callable[[int], object]) -> dict[str, float]:
            return caller.scores(self.recipe(setting), products, answered)

        study = tuning.open_study(settings.workspace / "studies.db", self.name)
        calls, cost = caller.spent()
        search_space = tuning.space(self.base.provider, self.default.shots)
        outcome = tuning.tune(
            study, self.default, search_space, self.sample, score, max_trials=max_trials, advance=advance
        )
        calls_after, cost_after = caller.spent()
        return TunedTier(
            tier=self.tier,
            study=self.name,
            outcome=outcome,
            calls=calls_after - calls,
            cost_usd=cost_after - cost,
            plots=tuning_plots.draw(study, settings.reports / "tuning" / re.sub(r"[^\w.@-]+", "-", self.name)),
        )

    def recipe(self, setting: Setting | None = None) -> Recipe:
        """Build the recipe of a setting, by default the tier's."""
        return tier_recipes.make(
            tiers.TIERS[self.tier],
            self.dataset.examples[self.tier],
            self.judge.policy.sentences(),
            provider=self.base.provider,
            base_model=self.base.base_model,
            base_digest=self.base.base_digest,
            parameters=setting.parameters if setting else None,
            shots=setting.shots if setting else None,
        )

    @cached_property
    def default(self) -> Setting:
        """The tier's parameters that the provider supports, and as many examples as fit the context."""
        own = self.recipe()
        sent = {name: own.parameters[name] for name in RANGES if name in SENT[own.provider]}
        return Setting(parameters=sent, shots=len(own.examples))

    @cached_property
    def name(self) -> str:
        """The study's name; its last part is a hash of everything else that a score depends on."""
        facts = [(each.product.product_id, each.product.facts_hash) for each in self.sample]
        digest = content_hash([self.recipe().fingerprint, prompt.VERSION, parsing.VERSION, RANGES, facts])
        base = self.base.base_model + (f"@{self.base.base_digest[:12]}" if self.base.base_digest else "")
        parts = (self.tier, self.base.provider, base, self.dataset.version, self.judge.policy.label)
        return " ".join((*parts, digest[:8]))


def _store(warehouse: Warehouse, tuned: TunedTier, base: Recipe, dataset_version: str) -> None:
    row = base.model_dump(include={"provider", "base_model", "base_digest"}) | {
        "tier": tuned.tier,
        "dataset_version": dataset_version,
        "parameters": json.dumps(tuned.outcome.chosen.parameters),
        "shots": tuned.outcome.chosen.shots,
        "score": tuned.outcome.score,
        "baseline_score": tuned.outcome.baseline_score,
        "study": tuned.study,
        "tuned_at": datetime.now(UTC),
    }
    with warehouse.writing() as db:
        db.upsert("models.tuned", [row], ["tier", "provider", "base_model", "base_digest", "dataset_version"])
