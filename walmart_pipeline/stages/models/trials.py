"""What a trial tries, and what a study's trials come to.

Belongs here: the records, and whether the best trial is good enough to be taken. Does not: running trials (tuning.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from walmart_pipeline.core.records import Product, Record
from walmart_pipeline.core.statistics import MeanDifference, mean_difference

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# By what name a study knows the number of few-shot examples, the scores by product_id, and why an answer never came.
SHOTS, SCORES, LOST = "shots", "scores", "lost"

# An interval of 95 % for the best of 16 equal trials over 12, 24 and 48 products (scores 75 ± 10, one answer in ten
# unusable) was above 0 in 32, 25 and 25 of 100 studies: the best of many flatters itself. With the error divided by the
# number of settings tried (Bonferroni) it was in 11, 5 and 5; in real studies with sampler and pruner in 10, 7 and 0.
ERROR = 0.05


class Sampled(Record):
    """A product to be asked about, and its family: texts of one family are no independent evidence."""

    product: Product
    family: str


class Setting(Record):
    """What a trial tries: a request's parameters by Ollama's names, and few-shot examples at most."""

    parameters: dict[str, int | float]
    shots: int

    @property
    def flat(self) -> dict[str, int | float]:
        """As a study has it."""
        return {**self.parameters, SHOTS: self.shots}

    @classmethod
    def of(cls, flat: Mapping[str, Any]) -> Setting:
        """The setting in a study's trial. Steps leave 0.30000000000000004, which is 0.3."""
        rounded = {name: round(value, 4) for name, value in flat.items() if name != SHOTS}
        return cls(parameters=rounded, shots=flat[SHOTS])


class Verdict(Record):
    """What a study says so far. Where nothing beats the default by more than chance, the default is chosen."""

    chosen: Setting
    score: float | None = Field(description="Mean over the sample with what was chosen; None: no trial has ended yet.")
    baseline_score: float | None = Field(description="And with the default.")
    difference: MeanDifference | None = Field(description="Best less default; None where the default is the best.")
    complete: int
    pruned: int
    failed: int = Field(description="Trials that lost an answer.")
    stopped: str | None = Field(description="Why the study ended before its last trial.")

    @property
    def is_better(self) -> bool:
        """Whether something beats the default by more than chance."""
        return self.difference is not None and self.difference.low is not None and self.difference.low > 0

    @property
    def interval(self) -> str:
        """Of the difference, with its confidence; empty where there is none."""
        points = self.difference
        if points is None or points.low is None or points.high is None:
            return ""
        return f"{points.low:.1f} to {points.high:.1f} ({points.level:.2%})"


def completed(study: Study) -> list[FrozenTrial]:
    """The trials that went through the whole sample."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def given_up(study: Study) -> list[FrozenTrial]:
    """The trials that the pruner ended."""
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))


def lost(study: Study) -> list[FrozenTrial]:
    """The trials that an answer never came to; those that were cut off have failed too, but are done once more."""
    from optuna.trial import TrialState

    return [trial for trial in study.get_trials(deepcopy=False, states=(TrialState.FAIL,)) if LOST in trial.user_attrs]


def of_setting(study: Study, setting: Setting) -> FrozenTrial | None:
    """The first completed trial of a setting."""
    return next((trial for trial in completed(study) if Setting.of(trial.params) == setting), None)


def verdict(study: Study, default: Setting, sample: Sequence[Sampled], stopped: str | None) -> Verdict:
    """What to take after the trials so far. See ERROR for how sure it is."""
    base, difference, best = of_setting(study, default), None, None
    if base is not None:
        # Of equal means the earliest, which may be the default.
        best = max(completed(study), key=lambda trial: (mean(trial), -trial.number))
        tried = {Setting.of(trial.params).model_dump_json() for trial in [*completed(study), *given_up(study)]}
        if best.number != base.number:
            difference = mean_difference(
                [
                    best.user_attrs[SCORES][each.product.product_id] - base.user_attrs[SCORES][each.product.product_id]
                    for each in sample
                ],
                groups=[each.family for each in sample],
                level=1 - ERROR / (len(tried) - 1),
            )
    said = Verdict(
        chosen=default,
        score=mean(base) if base else None,
        baseline_score=mean(base) if base else None,
        difference=difference,
        complete=len(completed(study)),
        pruned=len(given_up(study)),
        failed=len(lost(study)),
        stopped=stopped,
    )
    if best is None or not said.is_better:
        return said
    return said.model_copy(update={"chosen": Setting.of(best.params), "score": mean(best)})


def mean(trial: FrozenTrial) -> float:
    """Its mean score over the products that it asked about."""
    return float(trial.values[0])
