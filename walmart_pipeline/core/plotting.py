"""What all figures have in common: size, quiet axes, the bands of the score, and SVG."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Walmart's official bands of listing quality.
BANDS = ((0, 60, "Poor"), (60, 80, "Good"), (80, 100, "Excellent"))


def figure(*, height: float, width: float = 7.6) -> Figure:
    """An empty figure, in inches; 7.6 is the width of a page's column."""
    # A Figure of its own, not pyplot: it needs no display, and none is left open after an error.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def quiet(ax: Any, *, ink: str, faint: str) -> None:
    """Remove box and tick marks."""
    for name in ("top", "right"):
        ax.spines[name].set_visible(False)
    for name in ("left", "bottom"):
        ax.spines[name].set_color(faint)
    ax.tick_params(length=0, colors=ink)
    ax.patch.set_visible(False)


def name_bands(ax: Any, *, ink: str) -> None:
    """Label the bands above an axis of scores."""
    for left, right, band in BANDS:
        ax.text((left + right) / 2, 1.04, band, transform=ax.get_xaxis_transform(), ha="center", color=ink)


def divide_bands(ax: Any, *, faint: str) -> None:
    """Draw a line where a band begins."""
    for left, _, _ in BANDS[1:]:
        ax.axvline(left, color=faint, linewidth=1, zorder=0)


def svg(figure: Figure, name: str) -> str:
    """Render a figure as SVG, the same text in every run."""
    import matplotlib as mpl

    buffer = StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
