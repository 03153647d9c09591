"""The trials of a tuning study, and their outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from walmart_pipeline.core.records import Record
from walmart_pipeline.core.statistics import MeanDifference, mean_difference
from walmart_pipeline.stages.models.material import SampledProduct

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

# Names in a study: number of few-shot examples, scores by product_id, and reason of a lost answer.
SHOTS, SCORES, LOST = "shots", "scores", "lost"

# Divided by the number of settings tried (Bonferroni). The interval for the best of 16 equal trials over 12, 24 and 48
# products (scores 75 ± 10, one answer in ten unusable) was above 0 in 11, 5 and 5 of 100 studies, without correction in
# 32, 25 and 25; with sampler and pruner in 10, 7 and 0.
ERROR = 0.05


class Setting(Record):
    """The setting of a trial: parameters by Ollama's names, and the maximum number of few-shot examples."""

    parameters: dict[str, int | float]
    shots: int

    @property
    def flat(self) -> dict[str, int | float]:
        """The setting as a study stores it."""
        return {**self.parameters, SHOTS: self.shots}

    @classmethod
    def of(cls, flat: Mapping[str, Any]) -> Setting:
        """Create a setting from a study's trial, with floats rounded."""
        rounded = {name: round(value, 4) for name, value in flat.items() if name != SHOTS}
        return cls(parameters=rounded, shots=flat[SHOTS])


class StudyOutcome(Record):
    """The outcome of a study so far. The default is chosen unless another setting is significantly better."""

    chosen: Setting
    score: float | None = Field(description="Mean over the sample with the chosen setting; None before the first.")
    baseline_score: float | None = Field(description="With the default.")
    difference: MeanDifference | None = Field(description="Best minus default; None if the default is the best.")
    complete: int
    pruned: int
    failed: int = Field(description="Trials that lost an answer.")
    stopped: str | None = Field(description="Why the study ended before its last trial.")

    @property
    def is_better(self) -> bool:
        """Whether a setting is significantly better than the default."""
        return self.difference is not None and self.difference.low is not None and self.difference.low > 0

    @property
    def interval(self) -> str:
        """The interval of the difference, with its confidence; empty if there is none."""
        points = self.difference
        if points is None or points.low is None or points.high is None:
            return ""
        return f"{points.low:.1f} to {points.high:.1f} ({points.level:.2%})"

    @property
    def summary(self) -> str:
        """The outcome in a sentence."""
        if self.score is None or self.baseline_score is None:
            found = "the default parameters have no score yet"
        elif self.is_better:
            found = f"{self.score:.1f} instead of {self.baseline_score:.1f}"
        else:
            found = f"the default parameters stay, with {self.baseline_score:.1f}"
        return f"{found}; stopped: {self.stopped}" if self.stopped else found


def completed(study: Study) -> list[FrozenTrial]:
    """Return trials over the whole sample."""
    return _in_state(study, "COMPLETE")


def pruned(study: Study) -> list[FrozenTrial]:
    """Return pruned trials."""
    return _in_state(study, "PRUNED")


def lost(study: Study) -> list[FrozenTrial]:
    """Return trials that lost an answer; interrupted ones have failed too, but are repeated."""
    return [trial for trial in _in_state(study, "FAIL") if LOST in trial.user_attrs]


def ended(study: Study) -> list[FrozenTrial]:
    """Return trials that are not repeated."""
    return [*completed(study), *pruned(study), *lost(study)]


def of_setting(study: Study, setting: Setting) -> FrozenTrial | None:
    """Return the first completed trial of a setting."""
    return next((trial for trial in completed(study) if Setting.of(trial.params) == setting), None)


def outcome(study: Study, default: Setting, sample: Sequence[SampledProduct], stopped: str | None) -> StudyOutcome:
    """Evaluate the trials so far."""
    base, difference, best = of_setting(study, default), None, None
    if base is not None:
        # Ties go to the earliest, which may be the default.
        best = max(completed(study), key=lambda trial: (_mean(trial), -trial.number))
        tried = {Setting.of(trial.params).model_dump_json() for trial in [*completed(study), *pruned(study)]}
        if best.number != base.number:
            difference = mean_difference(
                [
                    best.user_attrs[SCORES][each.product.product_id] - base.user_attrs[SCORES][each.product.product_id]
                    for each in sample
                ],
                groups=[each.family for each in sample],
                level=1 - ERROR / (len(tried) - 1),
            )
    found = StudyOutcome(
        chosen=default,
        score=_mean(base) if base else None,
        baseline_score=_mean(base) if base else None,
        difference=difference,
        complete=len(completed(study)),
        pruned=len(pruned(study)),
        failed=len(lost(study)),
        stopped=stopped,
    )
    if best is None or not found.is_better:
        return found
    return found.model_copy(update={"chosen": Setting.of(best.params), "score": _mean(best)})


def _mean(trial: FrozenTrial) -> float:
    return float(trial.values[0])


def _in_state(study: Study, state: str) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState[state],))
