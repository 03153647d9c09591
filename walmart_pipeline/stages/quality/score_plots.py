"""Plots of the scores: SVG files, and a small image for asset metadata."""

from __future__ import annotations

import base64
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core import plotting
from walmart_pipeline.stages.quality.overview import BIN_WIDTH, Overview

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SEVERITIES = {"blocking": "#b3372f", "major": "#d98a2b", "minor": "#8a97a5"}
# 560 x 165 pixels take 12 kB of the event log per run; a plot of full size would take 390 KiB.
_INLINE_DPI, _INLINE_SIZE = 80, {"width": 7.0, "height": 2.06}


def write(overview: Overview, folder: Path) -> dict[str, Path]:
    """Write all figures as SVG into the folder. Returns their paths by name."""
    figures = {"scores": _scores(overview), "dimensions": _dimensions(overview), "violations": _violations(overview)}
    return plotting.write(figures, folder)


def inline(overview: Overview) -> str:
    """Render the distribution of the scores as a small image inside Markdown."""
    buffer = BytesIO()
    _scores(overview, **_INLINE_SIZE).savefig(buffer, format="png", dpi=_INLINE_DPI, metadata={"Software": None})
    return f"![distribution of the scores](data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()})"


def _scores(overview: Overview, *, width: float = 7.6, height: float = 3.0) -> Figure:
    figure = plotting.figure(width=width, height=height)
    ax = figure.subplots()
    _bars(ax, overview.scores)
    plotting.draw_band_limits(ax)
    plotting.label_bands(ax)
    if overview.mean is not None:
        ax.axvline(overview.mean, color=plotting.INK, linewidth=1.2, linestyle=(0, (3, 2)))
    ax.set_xlabel(
        "Score; the dashed line is the mean" if overview.texts else "Score; no text is judged", color=plotting.INK
    )
    ax.set_ylabel("Texts", color=plotting.INK)
    return figure


def _dimensions(overview: Overview) -> Figure:
    figure = plotting.figure(height=3.9)
    axes = figure.subplots(2, ceil(len(overview.dimensions) / 2), sharex=True, sharey=True)
    for ax in axes.flat[len(overview.dimensions) :]:
        ax.set_axis_off()
    for ax, (name, counts) in zip(axes.flat, overview.dimensions.items(), strict=False):
        _bars(ax, counts)
        measured = sum(counts)
        suffix = "" if measured == overview.texts else f" ({measured:,} of {overview.texts:,})"
        ax.set_title(name.capitalize() + suffix, fontsize=10, color=plotting.INK, loc="left")
    figure.supylabel("Texts", fontsize=10, color=plotting.INK)
    return figure


def _violations(overview: Overview) -> Figure:
    rows = overview.frequent
    figure = plotting.figure(height=1.4 + 0.3 * max(1, len(rows)))
    ax = figure.subplots()
    plotting.labelled_bars(
        ax,
        [row["rule"] for row in rows],
        [row["findings"] for row in rows],
        colour=[_SEVERITIES[row["severity"]] for row in rows],
    )
    ax.set_xlabel("Findings" if rows else "No rule is broken", color=plotting.INK)
    shown = {row["severity"] for row in rows}
    for severity, colour in _SEVERITIES.items():
        if severity in shown:
            ax.bar(0, 0, color=colour, label=severity)
    if shown:
        figure.legend(frameon=False, labelcolor=plotting.INK, loc="outside upper right", ncols=len(shown))
    return figure


def _bars(ax: Any, counts: list[int]) -> None:
    plotting.histogram(ax, [BIN_WIDTH * place for place in range(len(counts))], counts, width=BIN_WIDTH)
    ax.set_xlim(0, 100)
    ax.set_xticks(range(0, 101, 20))
