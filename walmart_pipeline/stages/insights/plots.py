"""Plots of the insights page, as SVG elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core import plotting
from walmart_pipeline.core.plotting import PAGE_ALERT, PAGE_FAINT, PAGE_FIRST, PAGE_INK, PAGE_SECOND
from walmart_pipeline.core.warehouse import Row
from walmart_pipeline.stages.insights.overview import SHOWN, InsightsOverview

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WEEK = timedelta(days=7)


def draw(overview: InsightsOverview) -> Mapping[str, str]:
    """Draw the plots for which there is something to show, by name."""
    timed = [row for row in overview.days if row["response_time"] is not None]
    called = [row for row in overview.days if row["calls"]]
    costing = [row for row in called if row["cost_usd"]]
    found = {
        "quality": _quality(overview.quality) if overview.quality else "",
        "categories": _categories(overview.categories, overview.texts["mean_score"]) if overview.categories else "",
        "calls": _calls(called) if called else "",
        "latency": _latency(timed) if timed else "",
        "cost": _cost(costing) if costing else "",
        "errors": _errors(overview.errors) if overview.errors else "",
    }
    return {name: svg for name, svg in found.items() if svg}


def _quality(rows: Sequence[Row]) -> str:
    figure, ax = _axes("Score")
    moments = [row["recorded_at"] for row in rows]
    ax.fill_between(moments, [row["p10"] for row in rows], [row["p90"] for row in rows], color=PAGE_FAINT, linewidth=0)
    _line(ax, moments, [row["mean"] for row in rows], PAGE_FIRST, "mean")
    _line(ax, moments, [row["publishable"] for row in rows], PAGE_SECOND, "publishable, %")
    ax.set_ylim(0, 102)
    _widen(ax, moments)
    _legend(figure)
    return plotting.page_svg(figure, "quality", "Mean score and publishable share after each run")


def _categories(rows: Sequence[Row], mean: float) -> str:
    shown = sorted(rows[:SHOWN], key=lambda row: float(row["mean"]))
    figure = plotting.figure(height=0.9 + 0.3 * len(shown))
    ax = figure.subplots()
    plotting.despine(ax, ink=PAGE_INK, faint=PAGE_FAINT)
    places = range(len(shown))
    ax.barh(places, [row["mean"] for row in shown], color=PAGE_FIRST, height=0.6)
    for place, row in zip(places, shown, strict=True):
        ax.annotate(f"{row['mean']:.1f} ({row['texts']:,})", (101, place), va="center", color=PAGE_INK)
    names = [row["category"][: plotting.LABEL_CHARACTERS] for row in shown]
    ax.set_yticks(places, names, parse_math=False)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set_xlim(0, 118)
    ax.set_xticks(range(0, 101, 20))
    ax.axvline(mean, color=PAGE_INK, linewidth=1.2, linestyle=(0, (3, 2)))
    ax.set_xlabel("Mean score (texts); the dashed line is the mean of all", color=PAGE_INK)
    return plotting.page_svg(figure, "categories", "Mean score of each category")


def _calls(rows: Sequence[Row]) -> str:
    figure, ax = _axes("Calls")
    days = [row["day"] for row in rows]
    answered = [row["calls"] - row["error_count"] for row in rows]
    ax.bar(days, answered, color=PAGE_FIRST, width=0.8, label="answered")
    ax.bar(days, [row["error_count"] for row in rows], bottom=answered, color=PAGE_ALERT, width=0.8, label="failed")
    ax.yaxis.get_major_locator().set_params(integer=True, nbins=4)
    _widen(ax, days)
    _legend(figure)
    return plotting.page_svg(figure, "calls", "Model calls a day, answered and failed")


def _latency(rows: Sequence[Row]) -> str:
    figure, ax = _axes("Seconds")
    days = [row["day"] for row in rows]
    _line(ax, days, [row["response_time"] for row in rows], PAGE_FIRST, "median")
    _line(ax, days, [row["response_time_p95"] for row in rows], PAGE_SECOND, "95 % within")
    ax.set_ylim(bottom=0)
    _widen(ax, days)
    _legend(figure)
    return plotting.page_svg(figure, "latency", "Seconds of an answer a day: median and 95th percentile")


def _cost(rows: Sequence[Row]) -> str:
    figure, ax = _axes("USD")
    days = [row["day"] for row in rows]
    ax.bar(days, [row["cost_usd"] for row in rows], color=PAGE_FIRST, width=0.8)
    _widen(ax, days)
    return plotting.page_svg(figure, "cost", "Cost of the model calls a day")


def _errors(rows: Sequence[Row]) -> str:
    figure = plotting.figure(height=0.8 + 0.3 * len(rows))
    ax = figure.subplots()
    plotting.labelled_bars(ax, [row["error_class"] for row in rows], [row["calls"] for row in rows], colour=PAGE_ALERT)
    plotting.despine(ax, ink=PAGE_INK, faint=PAGE_FAINT)
    ax.set_xlabel("Failed calls", color=PAGE_INK)
    return plotting.page_svg(figure, "errors", "Failed calls by class of error")


def _axes(label: str) -> tuple[Figure, Any]:
    from matplotlib import dates

    untyped: Any = dates
    figure = plotting.figure(height=2.6)
    ax = figure.subplots()
    plotting.despine(ax, ink=PAGE_INK, faint=PAGE_FAINT)
    ax.grid(axis="y", color=PAGE_FAINT, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.set_ylabel(label, color=PAGE_INK)
    locator = untyped.AutoDateLocator(minticks=3, maxticks=8)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator))
    return figure, ax


def _line(ax: Any, times: Sequence[date | datetime], values: Sequence[float], colour: str, label: str) -> None:
    ax.plot(times, values, color=colour, linewidth=2, marker="o", markersize=4, label=label)


def _widen(ax: Any, times: Sequence[Any]) -> None:
    """Show a week at least: a single moment would get an axis of years."""
    if times[-1] - times[0] < WEEK:
        ax.set_xlim(times[-1] - WEEK, times[-1] + timedelta(days=1))


def _legend(figure: Figure) -> None:
    figure.legend(frameon=False, labelcolor=PAGE_INK, loc="outside upper right", ncols=2)
