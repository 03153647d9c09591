"""A tuning study: the best parameters and number of examples of a tier, on validation products.

A study is stored in SQLite and resumable: interrupted trials are repeated, with their answers from the ledger. One
process at a time works on it (tuned_tiers.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from walmart_pipeline.core.progress import Advance
from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.recipe_trials import NoAnswerError, OutOfBudgetError
from walmart_pipeline.generation.recipes import SENT
from walmart_pipeline.stages.models import trials
from walmart_pipeline.stages.models.material import SampledProduct
from walmart_pipeline.stages.models.trials import LOST, SCORES, SHOTS, Setting, StudyOutcome

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution

# Lowest, highest and step; each range includes the tiers' defaults. The steps are coarse: similar settings can't be
# distinguished by a dozen products, and a repeated setting is answered by the ledger.
RANGES: Mapping[str, tuple[float, float, float]] = {
    "temperature": (0.0, 1.0, 0.1),
    "top_p": (0.5, 1.0, 0.1),
    "top_k": (10, 100, 10),
    "repeat_penalty": (1.0, 1.2, 0.05),
}
INTEGERS = frozenset(("top_k",))

# Products between two decisions of the pruner: the concurrency of the embedded engine.
BATCH = 4

# Not pruned, for lack of comparisons; the default is the first of them.
TRIALS_BEFORE_PRUNING = 4

# Taken for an outage.
MAX_LOST_IN_A_ROW = 3

# Scores of a setting for products, by product_id. Raises as RecipeCaller.scores does.
# The last argument is called with the number of answers since the last call.
ScoreSetting = Callable[[Setting, Sequence[Product], Callable[[int], object]], Mapping[str, float]]


class TuningError(RuntimeError):
    """A study can't continue; the message has the reason and the remedy."""


def space(provider: str, shots: int) -> dict[str, BaseDistribution]:
    """Return the search space: the provider's parameters, and up to `shots` examples."""
    from optuna.distributions import FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {SHOTS: IntDistribution(0, shots)}
    for name, (low, high, step) in RANGES.items():
        if name in SENT[provider]:
            found[name] = (
                IntDistribution(int(low), int(high), step=int(step))
                if name in INTEGERS
                else FloatDistribution(low, high, step=step)
            )
    return found


def open_study(file: Path, name: str) -> Study:
    """Open or create the study of this name."""
    import optuna

    # Optuna logs each study to stderr, where our own progress is.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=name,
        storage=optuna.storages.RDBStorage(f"sqlite:///{file}"),
        direction="maximize",
        load_if_exists=True,
        # All trials use the same products in the same order, so means at the same step are comparable. A median
        # requires few trials; successive halving would first fill its brackets with dozens.
        pruner=optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING),
    )
    # With a constant seed, a resumed run would repeat the first run's random trials.
    study.sampler = optuna.samplers.TPESampler(seed=len(study.trials))
    return study


def tune(
    study: Study,
    default: Setting,
    search_space: Mapping[str, BaseDistribution],
    sample: Sequence[SampledProduct],
    score: ScoreSetting,
    *,
    max_trials: int,
    advance: Advance,
) -> StudyOutcome:
    """Continue a study until `max_trials` have ended, including earlier runs, or `score` raises OutOfBudgetError.

    default: the first trial. advance: called with each answer, and with those that a trial ended without. Raises
    TuningError if the default, or MAX_LOST_IN_A_ROW trials in a row, lose an answer.
    """
    from optuna.trial import TrialState

    _resume(study, default)
    lost_in_a_row, answered = 0, 0

    def answer(count: int) -> None:
        nonlocal answered
        answered += count
        advance(count, f"trial {trial.number}")

    while len(trials.ended(study)) < max_trials:
        trial, answered = study.ask(dict(search_space)), 0
        try:
            note = _run(study, trial, [each.product for each in sample], score, answer)
        except OutOfBudgetError as error:
            study.tell(trial, state=TrialState.FAIL)
            return trials.outcome(study, default, sample, stopped=str(error))
        except NoAnswerError as error:
            trial.set_user_attr(LOST, str(error))
            study.tell(trial, state=TrialState.FAIL)
            lost_in_a_row += 1
            if lost_in_a_row == MAX_LOST_IN_A_ROW or trials.of_setting(study, default) is None:
                raise TuningError(f"{study.study_name}: {error}. Run it again when the model answers") from error
            note = str(error)
        else:
            lost_in_a_row = 0
        advance(max(0, len(sample) - answered), note)
    return trials.outcome(study, default, sample, stopped=None)


def _run(
    study: Study, trial: Trial, products: Sequence[Product], score: ScoreSetting, answered: Callable[[int], object]
) -> str:
    """Run one trial until the last product or its pruning. Returns a note for the progress."""
    from optuna.trial import TrialState

    setting = Setting.of(trial.params)
    scores: dict[str, float] = {}
    for start in range(0, len(products), BATCH):
        scores |= score(setting, products[start : start + BATCH], answered)
        trial.report(fmean(scores.values()), step=len(scores))
        if len(scores) < len(products) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return f"trial {trial.number} pruned after {len(scores)} products"
    trial.set_user_attr(SCORES, scores)
    study.tell(trial, fmean(scores.values()))
    return f"trial {trial.number} scores {fmean(scores.values()):.1f}"


def _resume(study: Study, default: Setting) -> None:
    """Queue the default if it has no score, and interrupted trials."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    # Optuna stores a queued trial's parameters there.
    queued = [trial.system_attrs["fixed_params"] for trial in study.get_trials(states=(TrialState.WAITING,))]
    settled = [Setting.of(flat) for flat in [*queued, *(trial.params for trial in trials.ended(study))]]
    if trials.of_setting(study, default) is None and default.flat not in queued:
        study.enqueue_trial(default.flat)
        settled.append(default)
    for trial in study.get_trials(states=(TrialState.FAIL,)):
        # Without parameters, a trial was interrupted before its first call.
        if trial.params and (setting := Setting.of(trial.params)) not in settled:
            study.enqueue_trial(setting.flat)
            settled.append(setting)
