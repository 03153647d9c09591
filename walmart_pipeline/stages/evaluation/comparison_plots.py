"""The figures of the report, as SVG that stands inside an HTML page.

Belongs here: drawing, and the colours and form of every figure. Does not: the figures' numbers (comparison.py), the
page around them (comparison_report.py), or what is drawn of a contest (model_plots.py).
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core import plotting
from walmart_pipeline.stages.evaluation.comparison import BIN_WIDTH, Comparison, Texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# matplotlib knows no CSS variables: each of these colours stands for one of the page's, so that a figure follows the
# reader's light or dark scheme.
INK, FAINT, GENERATED, SOURCE = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {
    INK: "var(--ink-soft)",
    FAINT: "var(--rule)",
    GENERATED: "var(--generated)",
    SOURCE: "var(--source)",
}


def scores(comparison: Comparison) -> str:
    """Distribution of the scores of both texts, one above the other on one scale."""
    figure = plotting.figure(height=3.4)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    sides = (
        (axes[0], comparison.generated, "Generated", GENERATED),
        (axes[1], comparison.source, "Source", SOURCE),
    )
    for ax, texts, label, colour in sides:
        _bars(ax, texts, colour)
        ax.set_ylabel(label, color=colour, rotation=0, ha="right", va="center", labelpad=14)
    axes[0].set_xlim(0, 100)
    axes[0].yaxis.get_major_locator().set_params(integer=True, nbins=3)
    plotting.name_bands(axes[0], ink=INK)
    axes[1].set_xticks(range(0, 101, 20))
    axes[1].set_xlabel("Score", color=INK)
    return svg(figure, "scores", "Histogram of the scores of generated and source texts")


def dimensions(comparison: Comparison) -> str:
    """Mean of each dimension for both texts; where it was not measured there is no dot."""
    rows = [
        (dimension, comparison.generated.dimensions[dimension].mean, comparison.source.dimensions[dimension].mean)
        for dimension in comparison.generated.dimensions
    ]
    figure = plotting.figure(height=0.9 + 0.34 * len(rows))
    ax = figure.subplots()
    for place, (_, generated, source) in enumerate(rows):
        if generated is not None and source is not None:
            ax.plot([source, generated], [place, place], color=FAINT, linewidth=3, zorder=1)
        if source is not None:
            ax.plot(source, place, "o", color=SOURCE, markersize=8, zorder=2)
        if generated is not None:
            ax.plot(generated, place, "o", color=GENERATED, markersize=8, zorder=3)
    plotting.quiet(ax, ink=INK, faint=FAINT)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(-1, 101)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xticks(range(0, 101, 20))
    ax.set_yticks(range(len(rows)), [name.capitalize() for name, _, _ in rows])
    ax.grid(axis="x", color=FAINT, linewidth=0.7)
    ax.set_xlabel("Mean", color=INK)
    return svg(figure, "dimensions", "Mean of each quality dimension for generated and source texts")


def _bars(ax: Any, texts: Texts, colour: str) -> None:
    starts = range(0, 100, BIN_WIDTH)
    ax.bar(starts, texts.histogram, width=BIN_WIDTH * 0.88, align="edge", color=colour, linewidth=0)
    plotting.divide_bands(ax, faint=FAINT)
    if texts.mean_score is not None:
        ax.axvline(texts.mean_score, color=INK, linewidth=1.2, linestyle=(0, (3, 2)))
    plotting.quiet(ax, ink=INK, faint=FAINT)


def svg(figure: Figure, name: str, label: str) -> str:
    """A figure as an <svg> element: no prolog, no metadata, the page's own font, ids that begin with `name`.

    The same figure gives the same text in every run.
    """
    import matplotlib as mpl

    buffer = StringIO()
    figure.patch.set_visible(False)
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 10}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    # Two figures on one page would both have a "patch_1".
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"font-family: [^;]+; ", "", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
