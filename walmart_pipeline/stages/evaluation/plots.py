"""Plots of an evaluation report, as SVG elements for an HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core import plotting
from walmart_pipeline.stages.evaluation.results import BIN_WIDTH, ContenderResult, Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The page's colours.
INK, FAINT = plotting.PAGE_INK, plotting.PAGE_FAINT
SUBJECT, REFERENCE = plotting.PAGE_FIRST, plotting.PAGE_SECOND


def draw(results: Results, subject: str | None) -> Mapping[str, str]:
    """Draw the plots of a report, by name. subject: the contender that the report is about."""

    def colour(contender: ContenderResult) -> str:
        if contender.name == results.reference:
            return REFERENCE
        return SUBJECT if contender.name == subject else INK

    colours = {contender.name: colour(contender) for contender in results.contenders}
    return {
        "differences": _differences(results, colours),
        "scores": _scores(results, colours),
        "dimensions": _dimensions(results, colours),
    }


def _differences(results: Results, colours: Mapping[str, str]) -> str:
    """Draw each contender's mean difference from the reference with its interval; the line is the reference."""
    rows = [(contender.name, contender.difference) for contender in results.contenders if contender.difference]
    figure, ax = _rows([name for name, _ in rows])
    for place, (name, points) in enumerate(rows):
        if points.low is not None and points.high is not None:
            ax.plot([points.low, points.high], [place, place], color=colours[name], linewidth=2, solid_capstyle="butt")
        ax.plot(points.mean, place, "o", color=colours[name], markersize=8)
    ax.axvline(0, color=REFERENCE, linewidth=1.2, zorder=0)
    ax.set_xlabel("Points more than the reference", color=INK)
    return plotting.page_svg(
        figure, "differences", "Mean difference of each contender from the reference, with its interval"
    )


def _scores(results: Results, colours: Mapping[str, str]) -> str:
    """Draw the distribution of each contender's scores on one scale; dashed lines are means."""
    rows = results.contenders
    figure = plotting.figure(height=0.8 + 0.9 * len(rows))
    axes = figure.subplots(len(rows), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    starts = range(0, 100, BIN_WIDTH)
    for ax, contender in zip(axes, rows, strict=True):
        colour = colours[contender.name]
        ax.bar(starts, contender.histogram, width=BIN_WIDTH * 0.88, align="edge", color=colour, linewidth=0)
        plotting.draw_band_limits(ax, faint=FAINT)
        ax.axvline(contender.score.mean, color=INK, linewidth=1.2, linestyle=(0, (3, 2)))
        plotting.despine(ax, ink=INK, faint=FAINT)
        label = {"rotation": 0, "ha": "right", "va": "center", "labelpad": 14}
        ax.set_ylabel(contender.name, color=colour, parse_math=False, **label)
    axes[0].set_xlim(0, 100)
    axes[0].yaxis.get_major_locator().set_params(integer=True, nbins=3)
    plotting.label_bands(axes[0], ink=INK)
    axes[-1].set_xticks(range(0, 101, 20))
    axes[-1].set_xlabel("Score", color=INK)
    return plotting.page_svg(figure, "scores", "Histogram of the scores of each contender")


def _dimensions(results: Results, colours: Mapping[str, str]) -> str:
    """Draw the mean of each dimension for every contender; no dot if it was not measured."""
    names = list(results.contenders[0].dimensions)
    figure, ax = _rows([name.capitalize() for name in names])
    # The subject and the reference last, on top of the others.
    for contender in sorted(results.contenders, key=lambda one: colours[one.name] != INK):
        colour = colours[contender.name]
        for place, name in enumerate(names):
            mean = contender.dimensions[name].mean
            if mean is not None:
                ax.plot(mean, place, "o", color=colour, markersize=8 if colour != INK else 5)
    ax.set_xlim(-1, 101)
    ax.set_xticks(range(0, 101, 20))
    ax.set_xlabel("Mean", color=INK)
    return plotting.page_svg(figure, "dimensions", "Mean of each quality dimension for every contender")


def _rows(names: list[str]) -> tuple[Figure, Any]:
    """Create a figure with a row for each name, from the top."""
    figure = plotting.figure(height=0.9 + 0.34 * len(names))
    ax = figure.subplots()
    plotting.despine(ax, ink=INK, faint=FAINT)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), names, parse_math=False)
    ax.grid(axis="x", color=FAINT, linewidth=0.7)
    return figure, ax
