"""The figures of a study, as SVG files.

Belongs here: drawing. Does not: the trials themselves (tuning.py), or what is concluded from them (trials.py).
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from walmart_pipeline.core import plotting
from walmart_pipeline.core.files import write_whole
from walmart_pipeline.stages.models import trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from optuna import Study

_INK, _FAINT, _DONE, _PRUNED = "#3d4451", "#d8dce3", "#0053e2", "#b9bfca"

# Below it, trees over five parameters explain every trial by itself.
IMPORTANCES_FROM = 8


def draw(study: Study, folder: Path) -> list[Path]:
    """Write what there is to see: history and slices from the first completed trial on, importances from the eighth."""
    figures: dict[str, Figure | None] = {}
    if trials.completed(study):
        figures = {"history": _history(study), "slice": _slice(study), "importances": _importances(study)}
    return [write_whole(folder / f"{name}.svg", _svg(figure, name)) for name, figure in figures.items() if figure]


def _history(study: Study) -> Figure:
    """Every trial by its number, and the best so far."""
    figure = plotting.figure(height=3.4)
    ax = figure.subplots()
    done, pruned = trials.completed(study), trials.given_up(study)
    ax.plot([t.number for t in pruned], [trials.mean(t) for t in pruned], "x", color=_PRUNED, label="given up")
    ax.plot([t.number for t in done], [trials.mean(t) for t in done], "o", color=_DONE, label="complete")
    best = [max(trials.mean(t) for t in done[: place + 1]) for place in range(len(done))]
    last = max(t.number for t in [*done, *pruned])
    ax.step([*(t.number for t in done), last], [*best, best[-1]], where="post", color=_INK, label="best so far")
    ax.axhline(trials.mean(done[0]), color=_INK, linewidth=1, linestyle=(0, (3, 2)), label="the tier’s own")
    plotting.quiet(ax, ink=_INK, faint=_FAINT)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("Trial", color=_INK)
    ax.set_ylabel("Mean score", color=_INK)
    figure.legend(loc="outside upper left", ncols=4, frameon=False, labelcolor=_INK)
    return figure


def _slice(study: Study) -> Figure:
    """Every trial by each of its parameters."""
    done, pruned = trials.completed(study), trials.given_up(study)
    names = sorted(done[0].params)
    figure = plotting.figure(height=2.6, width=1.0 + 2.2 * len(names))
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for ax, name in zip(axes, names, strict=True):
        ax.plot([t.params[name] for t in pruned], [trials.mean(t) for t in pruned], "x", color=_PRUNED)
        ax.plot([t.params[name] for t in done], [trials.mean(t) for t in done], "o", color=_DONE)
        ax.plot([done[0].params[name]], [trials.mean(done[0])], "o", color=_INK, markersize=9, fillstyle="none")
        plotting.quiet(ax, ink=_INK, faint=_FAINT)
        ax.set_xlabel(name, color=_INK)
    axes[0].set_ylabel("Mean score", color=_INK)
    return figure


def _importances(study: Study) -> Figure | None:
    """How much of the scores' variance each parameter explains, by fANOVA; None where there is too little."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    scores = [trials.mean(trial) for trial in trials.completed(study)]
    if len(scores) < IMPORTANCES_FROM or len(set(scores)) == 1:
        return None
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    figure = plotting.figure(height=0.9 + 0.34 * len(found))
    ax = figure.subplots()
    names = list(reversed(found))
    bars = ax.barh(names, [100 * found[name] for name in names], color=_DONE)
    ax.bar_label(bars, fmt="%.0f %%", padding=4, color=_INK)
    plotting.quiet(ax, ink=_INK, faint=_FAINT)
    ax.set_xlim(0, 110)
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)
    ax.set_xlabel(f"Share of the variance of {len(scores)} complete trials", color=_INK)
    return figure


def _svg(figure: Figure, name: str) -> str:
    """The same trials give the same text."""
    import matplotlib as mpl

    buffer = StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "font.size": 10}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()
