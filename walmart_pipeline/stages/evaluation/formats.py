"""Number formats of the evaluation's reports and reasons."""

from __future__ import annotations

from walmart_pipeline.core.statistics import MeanDifference


def points(value: float | None) -> str:
    """A score with one decimal; a dash where nothing was measured."""
    return "–" if value is None else f"{value:z.1f}"


def signed(value: float) -> str:
    """A difference with its sign: +3.1 or −2.0."""
    return f"{value:+z.1f}".replace("-", "−")


def share(count: int, total: int) -> str:
    """A count as a whole percentage of a total; a dash where the total is 0."""
    return f"{100 * count / total:.0f} %" if total else "–"


def interval(difference: MeanDifference) -> str:
    """The interval of a difference: `95 % interval +1.2 to +4.0`; a single product or family has none."""
    if difference.low is None or difference.high is None:
        return "no interval"
    return f"{100 * difference.level:.4g} % interval {signed(difference.low)} to {signed(difference.high)}"


FILTERS = {"points": points, "signed": signed, "share": share, "interval": interval}
