"""The figures of a contest, as SVG that stands inside an HTML page.

Belongs here: drawing. Does not: the figures' numbers (model_results.py), or the page around them (model_report.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from walmart_pipeline.core import plotting
from walmart_pipeline.stages.evaluation.comparison import BIN_WIDTH
from walmart_pipeline.stages.evaluation.comparison_plots import FAINT, GENERATED, INK, SOURCE, svg
from walmart_pipeline.stages.evaluation.model_results import Standing, Standings


def differences(table: Standings, leader: Standing | None) -> str:
    """Each contender's mean difference from the reference with its interval, best first; the line is the reference."""
    rows = [standing for standing in table.contenders if standing.difference]
    figure = plotting.figure(height=0.9 + 0.34 * len(rows))
    ax = figure.subplots()
    for place, standing in enumerate(rows):
        points = standing.difference
        if points is None:
            continue
        colour = _colour(standing, table, leader)
        if points.low is not None and points.high is not None:
            ax.plot([points.low, points.high], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
        ax.plot(points.mean, place, "o", color=colour, markersize=8)
    _rows(ax, rows)
    ax.axvline(0, color=SOURCE, linewidth=1.2, zorder=0)
    ax.set_xlabel("Points more than the reference", color=INK)
    return svg(figure, "differences", "Mean difference of each contender from the reference, with its interval")


def scores(table: Standings, leader: Standing | None) -> str:
    """Distribution of each contender's scores on one scale, best first; the dashed lines are the means."""
    rows = table.contenders
    figure = plotting.figure(height=0.8 + 0.72 * len(rows))
    axes = figure.subplots(len(rows), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for ax, standing in zip(axes, rows, strict=True):
        ax.bar(
            range(0, 100, BIN_WIDTH),
            standing.texts.histogram,
            width=BIN_WIDTH * 0.88,
            align="edge",
            color=_colour(standing, table, leader),
            linewidth=0,
        )
        plotting.divide_bands(ax, faint=FAINT)
        ax.axvline(standing.mean.mean, color=INK, linewidth=1.2, linestyle=(0, (3, 2)))
        plotting.quiet(ax, ink=INK, faint=FAINT)
        ax.set_ylabel(standing.name, color=INK, rotation=0, ha="right", va="center", labelpad=14, parse_math=False)
    axes[0].set_xlim(0, 100)
    axes[0].yaxis.get_major_locator().set_params(integer=True, nbins=2)
    plotting.name_bands(axes[0], ink=INK)
    axes[-1].set_xticks(range(0, 101, 20))
    axes[-1].set_xlabel("Score", color=INK)
    return svg(figure, "contest-scores", "Histogram of the scores of each contender")


def dimensions(table: Standings, leader: Standing | None) -> str:
    """Mean of each dimension for every contender; where it was not measured there is no dot."""
    names = list(table.contenders[0].texts.dimensions)
    figure = plotting.figure(height=0.9 + 0.34 * len(names))
    ax = figure.subplots()
    # The reference and the leader last, so that nothing covers them.
    for standing in sorted(table.contenders, key=lambda one: _colour(one, table, leader) != INK):
        colour = _colour(standing, table, leader)
        for place, name in enumerate(names):
            mean = standing.texts.dimensions[name].mean
            if mean is not None:
                ax.plot(mean, place, "o", color=colour, markersize=8 if colour != INK else 5)
    plotting.quiet(ax, ink=INK, faint=FAINT)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(-1, 101)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_xticks(range(0, 101, 20))
    ax.set_yticks(range(len(names)), [name.capitalize() for name in names])
    ax.grid(axis="x", color=FAINT, linewidth=0.7)
    ax.set_xlabel("Mean", color=INK)
    return svg(figure, "contest-dimensions", "Mean of each quality dimension for every contender")


def _colour(standing: Standing, table: Standings, leader: Standing | None) -> str:
    """The reference and the candidate that the page is about have a colour of their own, in every figure."""
    if standing.name == table.reference:
        return SOURCE
    return GENERATED if standing == leader else INK


def _rows(ax: Any, rows: Sequence[Standing]) -> None:
    plotting.quiet(ax, ink=INK, faint=FAINT)
    ax.spines["left"].set_visible(False)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_yticks(range(len(rows)), [standing.name for standing in rows], parse_math=False)
    ax.grid(axis="x", color=FAINT, linewidth=0.7)
