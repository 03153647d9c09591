"""The size of a retraining: one set of defaults for the job in the UI and for the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RetrainConfig:
    """Sizes of a retraining; a budget in USD holds beside them (WALMART_BUDGET_USD).

    trials: parameter settings tried for a tier. tuning_products: products that each trial writes about; of 60 studies
    in which nothing was better, one of 12 products found something in 10 %, of 24 in 7 % (models/trials.py). calls: of
    all trials at most. evaluation_products: held-out products that every contender writes about; 40 show a difference
    of 9 points at a spread of 20 (95 % confidence, 80 % power: 2.8 × 20 / √40).
    """

    trials: int = 20
    tuning_products: int = 24
    calls: int = 1_000
    evaluation_products: int = 40

    def steps(self, *, tiers: Sequence[str] = (), promote: bool = True) -> Mapping[str, Mapping[str, Any]]:
        """The config of each op of the job `retrain` that has one."""
        return {
            "models__tuned": {
                "trials": self.trials,
                "products": self.tuning_products,
                "calls": self.calls,
                "tiers": list(tiers),
            },
            "models__candidates": {"enabled": True, "tiers": list(tiers)},
            "evaluation__model_evaluation": {"products": self.evaluation_products},
            "evaluation__promotion": {"automatic": promote},
        }
