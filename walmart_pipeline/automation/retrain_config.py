"""The size of a retraining, with the defaults of the job and of the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RetrainConfig:
    """Size of a retraining; WALMART_BUDGET_USD limits its cost.

    trials: per tier. tuning_products: per trial; of 60 studies without a real effect, 10 % found one with 12 products,
    7 % with 24 (models/trials.py). calls: maximum for all trials. evaluation_products: held-out products per contender;
    40 detect a difference of 9 points at a standard deviation of 20 (95 % confidence, 80 % power: 2.8 × 20 / √40).
    """

    trials: int = 20
    tuning_products: int = 24
    calls: int = 1_000
    evaluation_products: int = 40

    def steps(self, *, tiers: Sequence[str] = (), promote: bool = True) -> Mapping[str, Mapping[str, Any]]:
        """Return the config by op of the job `retrain`."""
        return {
            "models__tuned": {"trials": self.trials, "products": self.tuning_products, "calls": self.calls}
            | {"tiers": list(tiers)},
            "models__candidates": {"enabled": True, "tiers": list(tiers)},
            "evaluation__model_evaluation": {"products": self.evaluation_products},
            "evaluation__promotion": {"automatic": promote},
        }
