"""The studies of the tiers, from the warehouse's validation products to `models.tuned`.

Belongs here: from which default each tier is tuned, and where it is kept. Does not: the sample (tuning_inputs.py), or
the course of a study (tuning.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from walmart_pipeline.core.files import exclusive
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.records import Product, Record, content_hash
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.warehouse import Row, Warehouse
from walmart_pipeline.generation import parsing, prompt
from walmart_pipeline.generation.recipe_trials import RecipeCaller
from walmart_pipeline.generation.recipes import SENT, Recipe
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.stages.models import tier_recipes, tiers, tuning, tuning_inputs, tuning_plots
from walmart_pipeline.stages.models.tiers import Tier
from walmart_pipeline.stages.models.trials import Setting, Verdict
from walmart_pipeline.stages.models.tuning import RANGES
from walmart_pipeline.stages.models.tuning_inputs import Inputs

# Bumped when the same dataset would be tuned in another way: the asset's code_version.
VERSION = "1"


class Plan(Record):
    """How much to try. calls: of all tiers together, at most. tiers: by name; none for all that can be built."""

    trials: int
    products: int
    calls: int
    tiers: list[str]


class Tuned(Record):
    """A tier's study, what it says, what this run spent on it, and its figures."""

    tier: str
    study: str
    verdict: Verdict
    calls: int
    cost_usd: float
    plots: list[Path]

    @property
    def says(self) -> str:
        """The outcome in a sentence."""
        verdict = self.verdict
        if verdict.score is None or verdict.baseline_score is None:
            said = "the tier’s own parameters have no score yet"
        elif verdict.is_better:
            said = f"{verdict.score:.1f} instead of {verdict.baseline_score:.1f}"
        else:
            said = f"the tier’s own parameters stay at {verdict.baseline_score:.1f}"
        return f"{said}; stopped: {verdict.stopped}" if verdict.stopped else said

    @property
    def row(self) -> Row:
        """The outcome as a line of a table."""
        verdict, points = self.verdict, self.verdict.difference
        return {
            "tier": self.tier,
            "score": verdict.score,
            "tier's own": verdict.baseline_score,
            "best less own": points.mean if points else 0.0,
            "interval": verdict.interval,
            "chosen": ", ".join(f"{name} {value:g}" for name, value in verdict.chosen.flat.items()),
            "complete": verdict.complete,
            "given up": verdict.pruned,
            "lost": verdict.failed,
            "calls": self.calls,
            "USD": f"{self.cost_usd:.4f}",
            "study": self.study,
        }


def tune_all(
    settings: Settings,
    warehouse: Warehouse,
    judge: Judge,
    base: Recipe,
    plan: Plan,
    *,
    progress: Progress,
    log: Callable[[str], None],
) -> list[Tuned]:
    """Study each tier for the base recipe's model, and keep what each says in `models.tuned` as soon as it is known.

    The warehouse is open only to read and to write, not while the model is asked. One process at a time tunes.
    Raises TuningError.
    """
    with warehouse.reading() as db:
        inputs = tuning_inputs.read(db, judge, products=plan.products, named=plan.tiers)
    with exclusive(settings.workspace / "tuning.lock", lambda: log("waiting: another run is tuning")):
        return _tune_tiers(settings, warehouse, judge, base, plan, inputs, progress, log)


def _tune_tiers(
    settings: Settings,
    warehouse: Warehouse,
    judge: Judge,
    base: Recipe,
    plan: Plan,
    inputs: Inputs,
    progress: Progress,
    log: Callable[[str], None],
) -> list[Tuned]:
    caller = RecipeCaller(settings, judge, calls=plan.calls)
    found = []
    for name in inputs.tiers:
        subject = _Subject(tiers.TIERS[name], inputs, judge, base)
        study = tuning.open_study(settings.workspace / "studies.db", subject.study)
        calls, cost = caller.spent()
        with progress.step(f"tuning {name}", plan.trials, log) as advance:
            verdict = tuning.tune(
                study,
                subject.default,
                tuning.space(base.provider, subject.default.shots),
                inputs.sample,
                partial(_ask, caller, subject),
                trials_in_all=plan.trials,
                advance=advance,
            )
        calls_after, cost_after = caller.spent()
        tuned = Tuned(
            tier=name,
            study=subject.study,
            verdict=verdict,
            calls=calls_after - calls,
            cost_usd=cost_after - cost,
            plots=tuning_plots.draw(study, settings.reports / "tuning" / re.sub(r"[^\w.@-]+", "-", subject.study)),
        )
        if verdict.score is not None:
            _keep(warehouse, tuned, base, inputs.dataset_version)
        found.append(tuned)
    return found


@dataclass(frozen=True)
class _Subject:
    """A tier for one base model: the recipes that its trials try."""

    tier: Tier
    inputs: Inputs
    judge: Judge
    base: Recipe

    def recipe(self, setting: Setting | None = None) -> Recipe:
        """The recipe of a setting; without one the tier's own."""
        return tier_recipes.make(
            self.tier,
            self.inputs.examples,
            self.judge.policy.sentences(),
            provider=self.base.provider,
            base_model=self.base.base_model,
            base_digest=self.base.base_digest,
            parameters=setting.parameters if setting else None,
            shots=setting.shots if setting else None,
        )

    @cached_property
    def default(self) -> Setting:
        """The tier's own parameters that a request can carry, and as many of its examples as the context holds."""
        own = self.recipe()
        carried = {name: own.parameters[name] for name in RANGES if name in SENT[own.provider]}
        return Setting(parameters=carried, shots=len(own.examples))

    @cached_property
    def study(self) -> str:
        """Names what it is about; its last part changes with everything else that a score depends on."""
        facts = [(each.product.product_id, each.product.facts_hash) for each in self.inputs.sample]
        asked = content_hash([self.recipe().fingerprint, prompt.VERSION, parsing.VERSION, RANGES, facts])
        base = self.base.base_model + (f"@{self.base.base_digest[:12]}" if self.base.base_digest else "")
        parts = (self.tier.name, self.base.provider, base, self.inputs.dataset_version, self.judge.policy.label)
        return " ".join((*parts, asked[:8]))


def _ask(caller: RecipeCaller, subject: _Subject, setting: Setting, products: Sequence[Product]) -> dict[str, float]:
    return caller.scores(subject.recipe(setting), products)


def _keep(warehouse: Warehouse, tuned: Tuned, base: Recipe, dataset_version: str) -> None:
    """One row for a tier, its base model and the dataset: a later study of them takes the place of an earlier one."""
    row = {
        "tier": tuned.tier,
        "provider": base.provider,
        "base_model": base.base_model,
        "base_digest": base.base_digest,
        "dataset_version": dataset_version,
        "parameters": json.dumps(tuned.verdict.chosen.parameters),
        "shots": tuned.verdict.chosen.shots,
        "score": tuned.verdict.score,
        "baseline_score": tuned.verdict.baseline_score,
        "study": tuned.study,
        "tuned_at": datetime.now(UTC),
    }
    with warehouse.writing() as db:
        db.upsert("models.tuned", [row], ["tier", "provider", "base_model", "base_digest", "dataset_version"])
