"""Shared parts of all figures: style, histograms, labelled bars, score bands, and SVG files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walmart_pipeline.core.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, FAINT, BAR = "#44505c", "#d5dbe1", "#2f6fb4"
LABEL_CHARACTERS = 40

# Placeholders for CSS variables of a page (templates/style.html.j2), which matplotlib does not support: plots follow
# its light or dark scheme.
PAGE_INK, PAGE_FAINT, PAGE_FIRST, PAGE_SECOND, PAGE_ALERT = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {
    PAGE_INK: "var(--ink-soft)",
    PAGE_FAINT: "var(--rule)",
    PAGE_FIRST: "var(--generated)",
    PAGE_SECOND: "var(--source)",
    PAGE_ALERT: "var(--blocking)",
}

# Walmart's official bands of listing quality.
BANDS = ((0, 60, "Poor"), (60, 80, "Good"), (80, 100, "Excellent"))


def figure(*, height: float, width: float = 7.6) -> Figure:
    """Create an empty figure; sizes in inches, 7.6 is the width of a page's column."""
    # Not by pyplot, which needs a display and keeps figures open after an error.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def despine(ax: Any, *, ink: str = INK, faint: str = FAINT) -> None:
    """Remove box and tick marks."""
    for name in ("top", "right"):
        ax.spines[name].set_visible(False)
    for name in ("left", "bottom"):
        ax.spines[name].set_color(faint)
    ax.tick_params(length=0, colors=ink)
    ax.patch.set_visible(False)


def histogram(ax: Any, starts: Sequence[float], counts: Sequence[int], *, width: float) -> None:
    """Draw counts of bins that begin at `starts`."""
    despine(ax)
    ax.bar(starts, counts, width=width * 0.88, align="edge", color=BAR, linewidth=0)
    ax.yaxis.get_major_locator().set_params(integer=True, nbins=4)


def labelled_bars(ax: Any, names: Sequence[str], counts: Sequence[int], *, colour: str | Sequence[str] = BAR) -> None:
    """Draw horizontal bars, the first on top, each with its name and its count."""
    despine(ax)
    places = range(len(names))
    ax.barh(places, counts, color=colour)
    for place, count in enumerate(counts):
        ax.annotate(f"{count:,}", (count, place), (4, 0), textcoords="offset points", va="center", color=INK)
    # A dollar sign would start a formula.
    ax.set_yticks(places, [(name[:LABEL_CHARACTERS] or "none").replace("$", r"\$") for name in names])
    ax.set_ylim(max(1, len(names)) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.margins(x=0.1)
    ax.locator_params(axis="x", integer=True)


def label_bands(ax: Any, *, ink: str = INK) -> None:
    """Label the bands above an axis of scores."""
    for left, right, band in BANDS:
        ax.text((left + right) / 2, 1.04, band, transform=ax.get_xaxis_transform(), ha="center", color=ink)


def draw_band_limits(ax: Any, *, faint: str = FAINT) -> None:
    """Draw a line at the start of each band."""
    for left, _, _ in BANDS[1:]:
        ax.axvline(left, color=faint, linewidth=1, zorder=0)


def svg(figure: Figure, name: str, **style: Any) -> str:
    """Render a figure as reproducible SVG. style: matplotlib's rc parameters."""
    import matplotlib as mpl

    buffer = StringIO()
    parameters: dict[Any, Any] = {"svg.hashsalt": name, **style}
    with mpl.rc_context(parameters):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return buffer.getvalue()


def page_svg(figure: Figure, name: str, label: str) -> str:
    """Render a figure in a page's colours as an <svg> element with the page's font; its ids begin with `name`."""
    figure.patch.set_visible(False)
    text = svg(figure, name, **{"svg.fonttype": "none", "font.size": 10})
    text = text[text.index("<svg") :]
    # Two figures on one page would both have a "patch_1".
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"font-family: [^;]+; ", "", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def write(figures: Mapping[str, Figure], folder: Path) -> dict[str, Path]:
    """Write each figure as SVG into a folder. Returns the paths by name."""
    return {
        name: write_atomically(folder / f"{name.replace(' ', '_')}.svg", svg(figure, name))
        for name, figure in figures.items()
    }
