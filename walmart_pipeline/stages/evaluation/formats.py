"""Number formats of the evaluation's reports and reasons."""

from __future__ import annotations

from walmart_pipeline.core.statistics import MeanDifference


def points(value: float | None) -> str:
    """Format a score with one decimal; a dash for None."""
    return "–" if value is None else f"{value:z.1f}"


def signed(value: float) -> str:
    """Format a difference with its sign: +3.1 or −2.0."""
    return f"{value:+z.1f}".replace("-", "−")


def share(count: int, total: int) -> str:
    """Format a count as a percentage of a total; a dash if the total is 0."""
    return f"{100 * count / total:.0f} %" if total else "–"


def interval(difference: MeanDifference) -> str:
    """Format the interval of a difference: `95 % interval +1.2 to +4.0`."""
    if difference.low is None or difference.high is None:
        return "no interval"
    return f"{100 * difference.level:.4g} % interval {signed(difference.low)} to {signed(difference.high)}"


FILTERS = {"points": points, "signed": signed, "share": share, "interval": interval}
