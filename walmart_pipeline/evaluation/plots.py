"""The figures of a report, as SVG that stands inside an HTML page.

Belongs here: drawing. Does not: the figures' numbers (compare.py), or the page around them (report.py).
"""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

from walmart_pipeline.evaluation.compare import BIN_WIDTH, Comparison, Texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# matplotlib knows no CSS variables: each of these colours stands for one of the page's, so that a figure follows the
# reader's light or dark scheme.
_INK, _FAINT, _GENERATED, _SOURCE = "#010101", "#020202", "#030303", "#040404"
_VARIABLES = {
    _INK: "var(--ink-soft)",
    _FAINT: "var(--rule)",
    _GENERATED: "var(--generated)",
    _SOURCE: "var(--source)",
}
_BANDS = ((0, 60, "Poor"), (60, 80, "Good"), (80, 100, "Excellent"))


def scores(comparison: Comparison) -> str:
    """Distribution of the scores of both texts, one above the other on one scale."""
    figure = _figure(height=3.4)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    sides = (
        (axes[0], comparison.generated, "Generated", _GENERATED),
        (axes[1], comparison.source, "Source", _SOURCE),
    )
    for ax, texts, label, colour in sides:
        _bars(ax, texts, colour)
        ax.set_ylabel(label, color=colour, rotation=0, ha="right", va="center", labelpad=14)
    axes[0].set_xlim(0, 100)
    axes[0].yaxis.get_major_locator().set_params(integer=True, nbins=3)
    for left, right, band in _BANDS:
        axes[0].text((left + right) / 2, 1.04, band, transform=axes[0].get_xaxis_transform(), ha="center", color=_INK)
    axes[1].set_xticks(range(0, 101, 20))
    axes[1].set_xlabel("Score", color=_INK)
    return _svg(figure, "scores", "Histogram of the scores of generated and source texts")


def dimensions(comparison: Comparison) -> str:
    """Mean of each dimension for both texts; where it was not measured there is no dot."""
    rows = [
        (dimension, comparison.generated.dimensions[dimension].mean, comparison.source.dimensions[dimension].mean)
        for dimension in comparison.generated.dimensions
    ]
    figure = _figure(height=0.9 + 0.34 * len(rows))
    ax = figure.subplots()
    for place, (_, generated, source) in enumerate(rows):
        if generated is not None and source is not None:
            ax.plot([source, generated], [place, place], color=_FAINT, linewidth=3, zorder=1)
        if source is not None:
            ax.plot(source, place, "o", color=_SOURCE, markersize=8, zorder=2)
        if generated is not None:
            ax.plot(generated, place, "o", color=_GENERATED, markersize=8, zorder=3)
    _quiet(ax)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(-1, 101)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xticks(range(0, 101, 20))
    ax.set_yticks(range(len(rows)), [name.capitalize() for name, _, _ in rows])
    ax.grid(axis="x", color=_FAINT, linewidth=0.7)
    ax.set_xlabel("Mean", color=_INK)
    return _svg(figure, "dimensions", "Mean of each quality dimension for generated and source texts")


def _figure(*, height: float) -> Figure:
    """height: inches; the width is that of the page's column."""
    # A Figure of its own, not pyplot: it needs no display, and none is left open after an error.
    from matplotlib.figure import Figure

    return Figure(figsize=(7.6, height), layout="constrained")


def _bars(ax: Any, texts: Texts, colour: str) -> None:
    starts = range(0, 100, BIN_WIDTH)
    ax.bar(starts, texts.histogram, width=BIN_WIDTH * 0.88, align="edge", color=colour, linewidth=0)
    for left, _, _ in _BANDS[1:]:
        ax.axvline(left, color=_FAINT, linewidth=1, zorder=0)
    if texts.mean_score is not None:
        ax.axvline(texts.mean_score, color=_INK, linewidth=1.2, linestyle=(0, (3, 2)))
    _quiet(ax)


def _quiet(ax: Any) -> None:
    """Axes that carry only what is read: no box, no tick marks."""
    for name in ("top", "right"):
        ax.spines[name].set_visible(False)
    for name in ("left", "bottom"):
        ax.spines[name].set_color(_FAINT)
    ax.tick_params(length=0, colors=_INK)
    ax.patch.set_visible(False)


def _svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an <svg> element: no prolog, no metadata, the page's own font, ids that begin with `name`.

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
