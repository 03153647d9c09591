"""A tuning study: which parameters and number of examples a tier writes best with, on validation products.

A study is stored in SQLite and resumes, also after a kill: a trial that ended stays, an interrupted one is repeated,
and its answers are in the ledger. One process at a time works on it (tuned_tiers.py).
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

# Lowest, highest and step; each range holds the tiers' own value. The steps are coarse on purpose: two trials that
# hardly differ can't be distinguished by a dozen products, and a repeated trial is answered by the ledger.
# temperature: a listing restates facts, so nothing above 1. repeat_penalty: see tiers.py.
RANGES: Mapping[str, tuple[float, float, float]] = {
    "temperature": (0.0, 1.0, 0.1),
    "top_p": (0.5, 1.0, 0.1),
    "top_k": (10, 100, 10),
    "repeat_penalty": (1.0, 1.2, 0.05),
}
INTEGERS = frozenset(("top_k",))

# Products between two decisions of the pruner: as many as the embedded engine writes at once.
BATCH = 4

# Trials that are never pruned, since there is too little to compare them with; the default is the first of them.
TRIALS_BEFORE_PRUNING = 4

# A server may lose an answer now and then; three trials in a row that lose one are an outage.
MAX_LOST_IN_A_ROW = 3

# Scores of a setting for products, by product_id. Raises as RecipeCaller.scores does.
Ask = Callable[[Setting, Sequence[Product]], Mapping[str, float]]


class TuningError(RuntimeError):
    """A study can't go on; the message says why and what to do."""


def space(provider: str, shots: int) -> dict[str, BaseDistribution]:
    """The search space: parameters that a request to this provider can carry, and up to so many examples."""
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
    """The study of this name, created where there is none yet."""
    import optuna

    # Optuna logs each study to stderr, where our own progress is.
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=name,
        storage=optuna.storages.RDBStorage(f"sqlite:///{file}"),
        direction="maximize",
        load_if_exists=True,
        # Every trial asks about the same products in the same order, so means at the same step compare. A median needs
        # a few trials only; successive halving would first have to fill its brackets with dozens.
        pruner=optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING),
    )
    # With one seed for all runs, a resumed run would propose the first run's random trials again.
    study.sampler = optuna.samplers.TPESampler(seed=len(study.trials))
    return study


def tune(
    study: Study,
    default: Setting,
    search_space: Mapping[str, BaseDistribution],
    sample: Sequence[SampledProduct],
    ask: Ask,
    *,
    max_trials: int,
    advance: Advance,
) -> StudyOutcome:
    """Continue a study until so many trials have ended, earlier runs' included, or `ask` raises OutOfBudgetError.

    default: the first trial of every study. advance: called for each trial that ends.
    Raises TuningError where an answer of the default is lost, or of MAX_LOST_IN_A_ROW trials in a row.
    """
    from optuna.trial import TrialState

    _resume(study, default)
    lost_in_a_row = 0
    while len(trials.ended(study)) < max_trials:
        trial = study.ask(dict(search_space))
        try:
            note = _run(study, trial, [each.product for each in sample], ask)
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
        advance(1, note)
    return trials.outcome(study, default, sample, stopped=None)


def _run(study: Study, trial: Trial, products: Sequence[Product], ask: Ask) -> str:
    """Run one trial to its end, by the last product or by the pruner. Returns a note for the progress."""
    from optuna.trial import TrialState

    setting = Setting.of(trial.params)
    scores: dict[str, float] = {}
    for start in range(0, len(products), BATCH):
        scores |= ask(setting, products[start : start + BATCH])
        trial.report(fmean(scores.values()), step=len(scores))
        if len(scores) < len(products) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return f"trial {trial.number} pruned after {len(scores)} products"
    trial.set_user_attr(SCORES, scores)
    study.tell(trial, fmean(scores.values()))
    return f"trial {trial.number} scores {fmean(scores.values()):.1f}"


def _resume(study: Study, default: Setting) -> None:
    """Queue the default if it has no score, and what was interrupted: by the budget, or by the end of its process."""
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
        # Without a parameter, a trial was interrupted before there was anything to ask.
        if trial.params and (setting := Setting.of(trial.params)) not in settled:
            study.enqueue_trial(setting.flat)
            settled.append(setting)
