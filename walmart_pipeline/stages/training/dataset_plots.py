"""A dataset's figures, drawn: one SVG each.

Belongs here: drawing. Does not: the numbers (dataset_statistics.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core import plotting
from walmart_pipeline.core.files import write_whole
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.stages.training.dataset_statistics import QUALITY_BIN, WORDS_BIN, Figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INK, _FAINT, _BAR = "#44505c", "#d5dbe1", "#2f6fb4"
_LABEL_CHARACTERS = 40


def write(figures: Figures, folder: Path) -> dict[str, Path]:
    """Write every figure as SVG into the folder, each whole. Returns where they are, by name."""
    drawn = {
        "quality": _histogram(figures.quality, QUALITY_BIN, "Quality score"),
        "description words": _histogram(figures.words, WORDS_BIN, "Words of the description"),
        "categories": _counts(figures.categories),
        "sources": _counts(figures.sources),
        "splits": _counts(figures.splits),
    }
    return {
        name: write_whole(folder / f"{name.replace(' ', '_')}.svg", plotting.svg(figure, name))
        for name, figure in drawn.items()
    }


def _histogram(rows: list[Row], width: int, label: str) -> Figure:
    figure = plotting.figure(height=2.6)
    ax: Any = figure.subplots()
    plotting.quiet(ax, ink=_INK, faint=_FAINT)
    starts = [row["start"] for row in rows]
    ax.bar(starts, [row["examples"] for row in rows], width=width * 0.88, align="edge", color=_BAR, linewidth=0)
    ax.yaxis.get_major_locator().set_params(integer=True, nbins=4)
    ax.set_xlabel(label if rows else f"{label}; there is no example", color=_INK)
    ax.set_ylabel("Examples", color=_INK)
    return figure


def _counts(rows: list[Row]) -> Figure:
    """Horizontal bars, the largest on top."""
    figure = plotting.figure(height=0.9 + 0.3 * max(1, len(rows)))
    ax = figure.subplots()
    plotting.quiet(ax, ink=_INK, faint=_FAINT)
    places = range(len(rows))
    ax.barh(places, [row["examples"] for row in rows], color=_BAR)
    for place, row in zip(places, rows, strict=True):
        at = (row["examples"], place)
        ax.annotate(f"{row['examples']:,}", at, (4, 0), textcoords="offset points", va="center", color=_INK)
    ax.set_yticks(places, [_label(row["name"]) for row in rows])
    ax.set_ylim(max(1, len(rows)) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.margins(x=0.1)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("Examples" if rows else "There is no example", color=_INK)
    return figure


def _label(name: str) -> str:
    # A dollar sign would begin a formula.
    return (name[:_LABEL_CHARACTERS] or "none").replace("$", r"\$")
