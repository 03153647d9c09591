"""Plots of a tuning study, drawn by Optuna, as SVG files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from walmart_pipeline.core import plotting
from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.stages.models import trials

if TYPE_CHECKING:
    from optuna import Study

# With fewer trials, trees over five parameters overfit.
IMPORTANCES_FROM = 8

TARGET = "Mean score"


def draw(study: Study, folder: Path) -> list[Path]:
    """Draw history and slices from the first completed trial on, importances from the eighth."""
    from optuna.importance import FanovaImportanceEvaluator
    from optuna.visualization import matplotlib as optuna_plots

    scores = [trial.value for trial in trials.completed(study)]
    if not scores:
        return []
    with _optunas_style():
        axes: dict[str, Any] = {
            "history": optuna_plots.plot_optimization_history(study, target_name=TARGET),
            "slice": optuna_plots.plot_slice(study, target_name=TARGET),
        }
        if len(scores) >= IMPORTANCES_FROM and len(set(scores)) > 1:
            evaluator = FanovaImportanceEvaluator(seed=0)
            axes["importances"] = optuna_plots.plot_param_importances(study, evaluator=evaluator, target_name=TARGET)
        return [write_atomically(folder / f"{name}.svg", _svg(drawn, name)) for name, drawn in axes.items()]


@contextmanager
def _optunas_style() -> Iterator[None]:
    """Undo Optuna's global changes: it sets matplotlib's style, keeps figures open, and warns about each plot."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt
    from optuna.exceptions import ExperimentalWarning

    try:
        with mpl.rc_context(), warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        plt.close("all")


def _svg(drawn: Any, name: str) -> str:
    return plotting.svg(np.ravel(drawn)[0].figure, name)
